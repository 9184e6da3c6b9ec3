"""Whether the distance to the training tells what an encoder knows little of: ``python -m benchmarks unlike``.

Crystals of the Materials Project that were held out from the training of a network, and their errors under ridge
regression on its vectors; copies of them that are strained, shaken or made of other elements; and crystals of other
databases. Ways to measure a distance stand beside each other.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.unlike.tables import table

CATALOG = "ct-multi@3.0.0"
"""Its vectors lack the cell, which would give away the volume that is one of the targets."""

SUITE = Suite(
    "unlike",
    "Measure whether the distance to the training tells what an encoder knows little of.",
    cases=[harness.case("distances", "Crystals unlike the training", "benchmarks.unlike.measuring:run")],
    table=table,
    resumes=False,
)

command = harness.command(
    SUITE, click.Option(["--catalog"], default=CATALOG, show_default=True, help="Whose encoder makes the vectors.")
)
