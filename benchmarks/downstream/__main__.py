"""``python -m benchmarks.downstream`` is ``python -m benchmarks downstream``."""

from benchmarks.downstream import command

if __name__ == "__main__":
    command()
