"""Tables of installed packages, imported and ranked beside our catalogs: ``python -m benchmarks adopted [NAME ...]``.

Needs ElementEmbeddings or matminer (the extra ``tables``); what is not installed is named in the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from benchmarks import harness
from benchmarks.adopted.tables import page, table
from benchmarks.harness import Case, Request, Suite

SETS = {"efe": "measured formation enthalpy, eV/atom"}
"""Sets of `benchmarks.sets` on which tables are ranked -> what is predicted."""


def _elements(request: Request) -> Mapping[str, Any]:
    return import_module("benchmarks.adopted.ranking").rank_elements(request)


def _transfer(name: str) -> Case:
    def run(request: Request) -> Mapping[str, Any]:
        return import_module("benchmarks.adopted.ranking").rank_formulas(name, request)

    return Case(f"adopted-{name}", f"Imported tables on {name}: {SETS[name]}", run)


SUITE = Suite(
    "adopted",
    "Import every table of the installed packages, and rank them beside our catalogs.",
    cases=[Case("adopted-elements", "Imported tables, by what they know of the elements", _elements),
           *map(_transfer, SETS)],
    table=table,
    page=page,
    resumes=False,
)  # fmt: skip

command = harness.command(
    SUITE,
    click.Option(["--catalog", "catalogs"], multiple=True, default=("ct-multi", "properties"), show_default=True,
                 help="Ours to rank beside them, by name or path; may be repeated."),
    click.Option(["--seed"], default=0, show_default=True, help="Of the folds, and of what is drawn of a large set."),
)  # fmt: skip
