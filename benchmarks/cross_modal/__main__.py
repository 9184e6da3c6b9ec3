"""``python -m benchmarks.cross_modal`` is ``python -m benchmarks cross-modal``."""

from benchmarks.cross_modal import command

if __name__ == "__main__":
    command()
