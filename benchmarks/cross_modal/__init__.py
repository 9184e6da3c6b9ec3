"""What composition encoders are worth on properties of formulas that they did not see.

``python -m benchmarks cross-modal [NAME ...] --data FOLDER``
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from benchmarks import harness
from benchmarks.cross_modal.tables import page, table
from benchmarks.harness import Case, Request, Suite
from benchmarks.options import numbers
from benchmarks.sets import SETS


def _case(name: str) -> Case:
    def run(request: Request) -> Mapping[str, Any]:
        return import_module("benchmarks.cross_modal.measuring").run(name, request)

    return Case(name, f"Composition encoders on {name}, {SETS[name].metric}", run)


SUITE = Suite(
    "cross_modal",
    "Measure composition encoders on sets of formulas, without leaks.",
    cases=[_case(name) for name in SETS],
    table=table,
    page=page,
)

command = harness.command(
    SUITE,
    click.Option(["--teacher"], default="ct-ef-eg", show_default=True, help="Catalog that encodes structures."),
    click.Option(["--seeds"], type=numbers(int), help="a,b,...  [default: three for small sets, else one]"),
    click.Option(["--work"], type=click.Path(path_type=Path, file_okay=False), default=SUITE.results / "work",
                 help="Folder that keeps trained encoders.  [default: beside the results]"),
)  # fmt: skip
