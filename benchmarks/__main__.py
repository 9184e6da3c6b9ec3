"""The command line of all benchmarks: ``python -m benchmarks [SUITE] [NAME]...``."""

from __future__ import annotations

import click

from benchmarks.suites import COMMANDS


class _SuiteOfTheName(click.Group):
    """Takes ``python -m benchmarks cif`` for ``python -m benchmarks speed cif``, and no name at all for speed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first not in self.commands and first != "--help":
            found = (command.name for command, suite in COMMANDS.items() if first in suite.names)
            args = [str(next(found, "speed")), *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SuiteOfTheName, epilog="Example: python -m benchmarks cif --quick")
def main() -> None:
    """Measure what the project promises.

    The name of a suite may be left out before one of its benchmarks; without any name, all of speed is measured.
    """


for command in COMMANDS:
    main.add_command(command)


if __name__ == "__main__":
    main()
