"""The command line of all benchmarks; without the name of a suite it is that of the speed benchmarks."""

from __future__ import annotations

import click

from benchmarks import cross_modal, downstream, speed


class _SpeedByDefault(click.Group):
    """Takes ``python -m benchmarks cif`` for ``python -m benchmarks speed cif``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [speed.command.name or "", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SpeedByDefault, epilog="Example: python -m benchmarks cif --quick")
def main() -> None:
    """Measure what the project promises. Without the name of a suite, speed."""


for command in (speed.command, downstream.command, cross_modal.command):
    main.add_command(command)


if __name__ == "__main__":
    main()
