"""Speed and memory, as ratios within one run: ``python -m benchmarks speed [NAME ...]``.

Each benchmark is a module with one function ``run(request: Request)`` that returns

- ``title``: one line for people,
- ``rows``: measurements,
- ``goals``: targets, made by `benchmarks.measure.at_most` and `benchmarks.measure.at_least`,
- ``notes``: sentences, also on what was not measured.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.speed.tables import page, table

TITLES = {
    "load": "From a name to vectors",
    "featurize": "From formulas to composition vectors",
    "encode": "From formulas to encoded vectors",
    "explain": "All pairs of a formula explained",
    "training": "Training",
    "threads": "Training on two threads, by how they wait for each other",
    "graphs": "Neighbors and packing",
    "equivalent": "One atom of each set of equivalent ones",
    "pull": "Pulling documents",
    "cif": "Reading CIF files",
    "embed": "Vectors of structures and of their sites",
    "engines": "Vectors of structures, by who makes them",
}
"""Benchmark -> what it measures."""


SUITE = Suite(
    "speed",
    "Measure speed and memory beside peers.",
    cases=[harness.case(name, title, f"benchmarks.speed.{name}:run") for name, title in TITLES.items()],
    table=table,
    page=page,
    resumes=False,
)

command = harness.command(
    SUITE,
    click.Option(
        ["--peers-python"],
        type=click.Path(exists=True, dir_okay=False),
        envvar="BENCHMARKS_PEERS_PYTHON",
        show_envvar=True,
        help="Interpreter that has the peers.  [default: this one]",
    ),
)
