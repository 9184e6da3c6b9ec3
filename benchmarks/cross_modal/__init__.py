"""What composition encoders are worth on properties of formulas that they did not see.

``python -m benchmarks cross-modal [NAME ...] --data FOLDER``
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.cross_modal.tables import page, table
from benchmarks.harness import Suite
from benchmarks.options import FOLDER, numbers
from benchmarks.sets import SETS

SUITE = Suite(
    "cross_modal",
    "Measure composition encoders on sets of formulas, without leaks.",
    cases=[
        harness.case(
            name,
            f"Composition encoders on {name}, {SETS[name].metric}",
            "benchmarks.cross_modal.measuring:run",
            name=name,
        )
        for name in SETS
    ],
    table=table,
    page=page,
)

command = harness.command(
    SUITE,
    click.Option(["--teacher"], default="ct-ef-eg", show_default=True, help="Catalog that encodes structures."),
    click.Option(["--seeds"], type=numbers(int), help="a,b,...  [default: three for small sets, else one]"),
    click.Option(["--work"], type=FOLDER, default=SUITE.results / "work",
                 help="Folder that keeps trained encoders.  [default: beside the results]"),
)  # fmt: skip
