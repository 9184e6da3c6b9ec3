"""Which statistics of element vectors suit measurements best: ``python -m benchmarks pooling [NAME ...]``.

What came out is the default of pooling.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.pooling.tables import table

HEADS = ("ridge", "boosting", "trees")
"""Of `embeddings.bench`, the cheapest first."""

PROPERTIES = "properties"
"""The table of tabulated properties that `embeddings.bench` has; every other case is a catalog."""


SUITE = Suite(
    "pooling",
    "Measure which statistics of element vectors suit measurements best.",
    cases=[
        harness.case(name, f"Statistics of {name} over formulas", "benchmarks.pooling.measuring:run", name=name)
        for name in ("ct-multi", PROPERTIES, "starter")
    ],
    table=table,
)

command = harness.command(
    SUITE,
    click.Option(["--head", "heads"], multiple=True, type=click.Choice(HEADS), default=HEADS, show_default=True,
                 help="Model that is given the features; may be repeated."),
)  # fmt: skip
