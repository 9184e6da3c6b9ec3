"""What `embeddings bench` finds on thirteen sets of measurements, beside plain forests and published scores.

``python -m benchmarks bench [NAME ...] --data FOLDER --catalogs NAME,NAME``
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmarks import harness
from benchmarks.bench.tables import page, table, verdict
from benchmarks.harness import Suite
from benchmarks.options import DATA, FOLDER, MeasuresByDefault, numbers, one_line_errors, texts
from benchmarks.sets import SETS
from embeddings.cli.duration import Duration

SUITE = Suite(
    "bench",
    "Measure what `embeddings bench` finds, beside plain forests and published scores.",
    cases=[
        *(
            harness.case(name, f"The best model of {name}", "benchmarks.bench.measuring:run", target=name)
            for name in SETS
        ),
        harness.case("coverage", "Measurements within their intervals", "benchmarks.bench.coverage:run"),
        harness.case(
            "nested", "The nested estimate beside the error on what was held out", "benchmarks.bench.nested:run"
        ),
        harness.case("heads", "Sizes of boosting, and columns that trees look at", "benchmarks.bench.heads:run"),
        harness.case("structures", "Structures beside formulas", "benchmarks.bench.structures:run"),
        harness.case("clock", "Seconds from a table to a verdict", "benchmarks.bench.clock:run"),
    ],
    table=table,
    page=page,
    verdict=verdict,
)

_suite = harness.command(
    SUITE,
    click.Option(["--catalogs"], type=texts, help="a,b,...: vectors that take part, by name or path; "
                 "- for none.  [default: as embeddings bench]"),
    click.Option(["--budget"], type=Duration(), default="10m", show_default=True, help="Time that each run may take."),
    click.Option(["--seeds"], type=numbers(int), help="a,b,...  [default: three for small sets, else one]"),
    click.Option(["--heads"], type=texts, help="a,b,...: models that take part.  [default: all; for coverage and "
                 "nested ridge,trees]"),
    click.Option(["--sets"], type=texts, help="a,b,...: of coverage and nested.  [default: all with numbers; two]"),
    click.Option(["--work"], type=FOLDER, default=SUITE.results / "work",
                 help="Folder that keeps what forests predicted.  [default: beside the results]"),
)  # fmt: skip

command = MeasuresByDefault.of(_suite, SUITE.about, "steels jdft2d --seeds 0")


@command.command()
@click.option("--data", **DATA)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@click.option("--kind", type=click.Choice(["experiment", "calculation"]), help="Of the sets.  [default: all]")
@one_line_errors()
def formulas(data: Path, out: Path, kind: Any) -> None:
    """Write the reduced formulas of the sets, one a line: what vectors without leaks may not be trained on."""
    from benchmarks.bench.formulas import write_formulas

    click.echo(f"{out}: {write_formulas(data, out, kind):,} formulas", err=True)


@command.command()
@click.option("--data", **DATA)
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@one_line_errors()
def stored(files: tuple[Path, ...], data: Path) -> None:
    """Compute the scores of stored MatBench predictions anew, and say whether they agree to four digits.

    FILES are submissions to MatBench, results.json.gz.
    """
    from benchmarks.bench.stored import checks_of, report

    for path in files:
        click.echo(f"{path}\n\n{report(checks_of(path, data))}\n")
