"""``python -m benchmarks.explicit``."""

from benchmarks.explicit import command

if __name__ == "__main__":
    command()
