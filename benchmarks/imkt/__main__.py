"""``python -m benchmarks.imkt`` is ``python -m benchmarks imkt``."""

from benchmarks.imkt import command

if __name__ == "__main__":
    command()
