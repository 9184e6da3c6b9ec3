"""``python -m benchmarks.language`` is ``python -m benchmarks language``."""

from benchmarks.language import command

if __name__ == "__main__":
    command()
