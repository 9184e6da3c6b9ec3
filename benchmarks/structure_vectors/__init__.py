"""Vectors of structures under the same simple heads: ``python -m benchmarks structure-vectors [NAME ...]``.

Every kind of vectors stands under the heads of `benchmarks.readouts.heads`, on the same crystals. Tested are
crystals whose formulas none of the catalogs was trained on; a head may learn from any other. Where CHGNet is
installed, its crystal features take part, alone and joined to those of the first catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from benchmarks import harness
from benchmarks.harness import Case, Request, Suite
from benchmarks.structure_vectors.tables import page, table

TITLES = {
    "vectors-aflow": "Elastic and thermal properties of AFLOW",
    "vectors-perovskites": "Cubic perovskites, 1,000 to learn from",
    "vectors-phonons": "MatBench, phonons",
    "vectors-dielectric": "MatBench, dielectric",
    "vectors-jdft2d": "MatBench, jdft2d",
}


def _case(name: str) -> Case:
    def run(request: Request) -> Mapping[str, Any]:
        return import_module("benchmarks.structure_vectors.measuring").run(name.removeprefix("vectors-"), request)

    return Case(name, TITLES[name], run)


SUITE = Suite(
    "structure_vectors",
    "Measure vectors of structures under simple heads, beside those of a potential.",
    cases=[_case(name) for name in TITLES],
    table=table,
    page=page,
    resumes=False,
)

command = harness.command(
    SUITE,
    click.Option(
        ["--catalog", "catalogs"], multiple=True, default=("ct-foundation", "ct-multi@3.0.0"), show_default=True,
        help="Name or path, of encoders of crystals; the first is what the others are compared with.",
    ),
)  # fmt: skip
