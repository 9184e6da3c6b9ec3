"""The command line of all benchmarks: ``python -m benchmarks [SUITE] [NAME]...``."""

from __future__ import annotations

import click

from benchmarks import (
    adopted,
    bench,
    cross_modal,
    downstream,
    explicit,
    imkt,
    language,
    own_data,
    pooling,
    readouts,
    search,
    speed,
    structure_vectors,
    teachers,
    unlike,
)

MODULES = (
    speed, downstream, cross_modal, pooling, bench, explicit, imkt, language, adopted, search, own_data, readouts,
    structure_vectors, teachers, unlike,
)  # fmt: skip
SUITES = {one.command: one.SUITE for one in MODULES}


class _SuiteOfTheName(click.Group):
    """Takes ``python -m benchmarks cif`` for ``python -m benchmarks speed cif``, and no name at all for speed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first not in self.commands and first != "--help":
            found = (command for command, suite in SUITES.items() if first in suite.names)
            args = [str(next(found, speed.command).name), *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SuiteOfTheName, epilog="Example: python -m benchmarks cif --quick")
def main() -> None:
    """Measure what the project promises.

    The name of a suite may be left out before one of its benchmarks; without any name, all of speed is measured.
    """


for command in SUITES:
    main.add_command(command)


if __name__ == "__main__":
    main()
