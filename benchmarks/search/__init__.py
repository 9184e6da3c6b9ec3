"""Search among structure vectors: ``python -m benchmarks search --vectors FILE``, as ratios within one run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from benchmarks import harness
from benchmarks.harness import Case, Request, Suite
from benchmarks.speed.tables import page, table


def _exact(request: Request) -> Mapping[str, Any]:
    return import_module("benchmarks.search.exact").run(request)


def _indexed(request: Request) -> Mapping[str, Any]:
    return import_module("benchmarks.search.indexed").run(request)


def _planted(request: Request) -> Mapping[str, Any]:
    return import_module("benchmarks.search.planted").run(request)


def _libraries(request: Request) -> Mapping[str, Any]:
    return import_module("benchmarks.search.libraries").run(request)


SUITE = Suite(
    "search",
    "Measure the search for similar structures.",
    cases=[
        Case("exact-search", "The nearest of a million vectors, exactly", _exact),
        Case("index-search", "The nearest of ten million vectors, by an index", _indexed),
        Case("structure-overlap", "Planted structures of one set in another", _planted),
        Case("index-libraries", "Libraries for approximate search, side by side", _libraries),
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
