"""What a published network is worth for a few hundred crystals: ``python -m benchmarks own-data [NAME ...]``.

Each set is drawn anew for every seed: structures to learn from and structures to test on, no formula in both.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.own_data.tables import table

WAYS = ("mean", "frozen", "scratch", "init", "init-last", "init-adapter", "scratch-folds")
USUAL = WAYS[:4]

TITLES = {"aflow": "Elastic properties of AFLOW", "perovskites": "Cubic perovskites"}


SUITE = Suite(
    "own_data",
    "Measure what embeddings build --init is worth, beside a new network and a ridge regression.",
    cases=[harness.case(name, title, "benchmarks.own_data.measuring:run", name=name) for name, title in TITLES.items()],
    table=table,
)

command = harness.command(
    SUITE,
    click.Option(["--way", "ways"], multiple=True, type=click.Choice(WAYS), default=USUAL, show_default=True,
                 help="What is measured; may be repeated."),
    click.Option(["--structures"], type=click.IntRange(20), default=500, show_default=True, help="To learn from."),
    click.Option(["--seeds"], type=click.IntRange(1), default=3, show_default=True, help="How many draws."),
)  # fmt: skip
