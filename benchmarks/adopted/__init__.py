"""Tables of installed packages, imported and ranked beside our catalogs: ``python -m benchmarks adopted [NAME ...]``.

Needs ElementEmbeddings or matminer (the extra ``tables``); what is not installed is named in the result.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.adopted.tables import table
from benchmarks.harness import Suite

SETS = {"efe": "measured formation enthalpy, eV/atom"}
"""Sets of `benchmarks.sets` on which tables are ranked -> what is predicted."""


SUITE = Suite(
    "adopted",
    "Import every table of the installed packages, and rank them beside our catalogs.",
    cases=[
        harness.case(
            "adopted-elements",
            "Imported tables, by what they know of the elements",
            "benchmarks.adopted.ranking:rank_elements",
        ),
        *(
            harness.case(
                f"adopted-{name}",
                f"Imported tables on {name}: {about}",
                "benchmarks.adopted.ranking:rank_formulas",
                name=name,
            )
            for name, about in SETS.items()
        ),
    ],
    table=table,
    resumes=False,
)

command = harness.command(
    SUITE,
    click.Option(["--catalog", "catalogs"], multiple=True, default=("ct-multi", "properties"), show_default=True,
                 help="Ours to rank beside them, by name or path; may be repeated."),
    click.Option(["--seed"], default=0, show_default=True, help="Of the folds, and of what is drawn of a large set."),
)  # fmt: skip
