"""``python -m benchmarks.bench`` is ``python -m benchmarks bench``."""

from benchmarks.bench import command

if __name__ == "__main__":
    command()
