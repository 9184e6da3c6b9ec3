"""Vectors of structures under the same simple heads: ``python -m benchmarks structure-vectors [NAME ...]``.

Every kind of vectors stands under the heads of `benchmarks.readouts.heads`, on the same crystals. Tested are
crystals whose formulas none of the catalogs was trained on; a head may learn from any other. Where CHGNet is
installed, its crystal features take part, alone and joined to those of the first catalog.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.structure_vectors.tables import table

TITLES = {
    "aflow": "Elastic and thermal properties of AFLOW",
    "perovskites": "Cubic perovskites, 1,000 to learn from",
    "phonons": "MatBench, phonons",
    "dielectric": "MatBench, dielectric",
    "jdft2d": "MatBench, jdft2d",
}


SUITE = Suite(
    "structure_vectors",
    "Measure vectors of structures under simple heads, beside those of a potential.",
    cases=[
        harness.case(f"vectors-{name}", title, "benchmarks.structure_vectors.measuring:run", name=name)
        for name, title in TITLES.items()
    ],
    table=table,
    resumes=False,
)

command = harness.command(
    SUITE,
    click.Option(
        ["--catalog", "catalogs"], multiple=True, default=("ct-foundation", "ct-multi"), show_default=True,
        help="Name or path, of encoders of crystals; the first is what the others are compared with.",
    ),
)  # fmt: skip
