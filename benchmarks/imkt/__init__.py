"""What encoders of compositions are worth on all tasks with published scores: JARVIS's 41, MatBench's, experiments.

``python -m benchmarks imkt [NAME ...] --data FOLDER --encoders NAME,NAME``
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.imkt.summary import verdict
from benchmarks.imkt.tables import page, table
from benchmarks.imkt.tasks import TASKS
from benchmarks.imkt.ways import MODELS, NETWORK_ROWS
from benchmarks.options import DATA, FOLDER, MeasuresByDefault, numbers, one_line_errors, texts

SUITE = Suite(
    "imkt",
    "Measure encoders of compositions, with and without transfer, on tasks with published scores.",
    cases=[
        harness.case(
            name,
            f"Encoders of compositions on {name}, {TASKS[name].metric}",
            "benchmarks.imkt.measuring:run",
            name=name,
        )
        for name in TASKS
    ],
    table=table,
    page=page,
    verdict=verdict,
)

_suite = harness.command(
    SUITE,
    click.Option(["--encoders"], type=texts, default="cromel-multi", show_default=True,
                 help="a,b,...: encoders that take part, by name or path; - for none."),
    click.Option(["--models"], type=texts, help=f"a,b,...: models that take part, of "
                 f"{', '.join(MODELS)}.  [default: those that train no network]"),
    click.Option(["--seeds"], type=numbers(int), help="a,b,...  [default: three for small tasks, else one]"),
    click.Option(["--source"], default="cromel-multi", show_default=True,
                 help="Encoder whose training formulas are the whole source: they are the seen ones."),
    click.Option(["--network-rows"], type=click.IntRange(2), default=NETWORK_ROWS, show_default=True,
                 help="Training rows of a network at most."),
    click.Option(["--device"], type=click.Choice(["cpu", "cuda", "auto"]), default="cpu", show_default=True,
                 help="Where networks learn."),
    click.Option(["--work"], type=FOLDER, default=SUITE.results / "work",
                 help="Folder that keeps predictions.  [default: beside the results]"),
)  # fmt: skip

command = MeasuresByDefault.of(_suite, SUITE.about, "slme spillage --encoders cromel-multi")


@command.command()
@click.option("--data", **DATA)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@click.option("--all-rows", is_flag=True, help="Also formulas that are trained on alone.")
@click.argument("names", nargs=-1, type=click.Choice(list(TASKS)), metavar="[NAME]...")
@one_line_errors()
def formulas(data: Path, out: Path, all_rows: bool, names: tuple[str, ...]) -> None:
    """Write the reduced formulas that tasks are tested on, one a line: what encoders without leaks may not see.

    Without a NAME those of all tasks of JARVIS.
    """
    from benchmarks.imkt.formulas import write_formulas

    click.echo(write_formulas(data, out, names, all_rows=all_rows), err=True)
