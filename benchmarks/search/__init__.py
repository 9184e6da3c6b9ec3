"""Search among structure vectors: ``python -m benchmarks search --vectors FILE``, as ratios within one run."""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.speed.tables import page, table

SUITE = Suite(
    "search",
    "Measure the search for similar structures.",
    cases=[
        harness.case("exact-search", "The nearest of a million vectors, exactly", "benchmarks.search.exact:run"),
        harness.case(
            "index-search", "The nearest of ten million vectors, by an index", "benchmarks.search.indexed:run"
        ),
        harness.case("structure-overlap", "Planted structures of one set in another", "benchmarks.search.planted:run"),
        harness.case(
            "index-libraries", "Libraries for approximate search, side by side", "benchmarks.search.libraries:run"
        ),
    ],
    table=table,
    page=page,
    resumes=False,
)

command = harness.command(
    SUITE,
    click.Option(
        ["--vectors"],
        type=click.Path(exists=True, dir_okay=False),
        help="Structure vectors made by embeddings embed, of which more are made.",
    ),
    click.Option(["--rows"], type=int, multiple=True, help="So many vectors; repeatable for index-libraries."),
    click.Option(["--library"], multiple=True, help="index-libraries: this one only; repeatable."),
)
