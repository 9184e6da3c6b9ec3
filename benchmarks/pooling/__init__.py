"""Which statistics of element vectors suit measurements best: ``python -m benchmarks pooling [NAME ...]``.

What came out is the default of pooling.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from benchmarks import harness
from benchmarks.harness import Case, Request, Suite
from benchmarks.pooling.tables import page, table

HEADS = ("ridge", "boosting", "trees")
"""Of `embeddings.bench`, the cheapest first."""

PROPERTIES = "properties"
"""The table of tabulated properties that `embeddings.bench` has; every other case is a catalog."""


def _case(name: str) -> Case:
    def run(request: Request) -> Mapping[str, Any]:
        return import_module("benchmarks.pooling.measuring").run(name, request)

    return Case(name, f"Statistics of {name} over formulas", run)


SUITE = Suite(
    "pooling",
    "Measure which statistics of element vectors suit measurements best.",
    cases=[_case(name) for name in ("ct-multi", PROPERTIES, "starter")],
    table=table,
    page=page,
)

command = harness.command(
    SUITE,
    click.Option(["--head", "heads"], multiple=True, type=click.Choice(HEADS), default=HEADS, show_default=True,
                 help="Model that is given the features; may be repeated."),
)  # fmt: skip
