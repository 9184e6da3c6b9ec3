"""What candidate structures are worth: ``python -m benchmarks explicit [NAME ...]``.

``match`` asks how often the true structure is among the candidates of a formula, and ``relax`` whether a potential
brings them nearer to it; the others, whether candidates make predictions for held-out formulas better.
"""

from __future__ import annotations

import click

from benchmarks import harness
from benchmarks.explicit.tables import table
from benchmarks.harness import Suite

TARGETS = {"formation_energy_per_atom": "eV/atom", "band_gap": "eV"}
"""Label -> its unit."""


SUITE = Suite(
    "explicit",
    "Measure what candidate structures of formulas are worth.",
    cases=[
        harness.case("match", "True structures among the candidates", "benchmarks.explicit.matching:run"),
        harness.case("relax", "Candidates before and after relaxation", "benchmarks.explicit.relaxing:run"),
        *(
            harness.case(
                name,
                f"{name} of held-out formulas, with and without candidates",
                "benchmarks.explicit.predicting:run",
                target=name,
                unit=unit,
            )
            for name, unit in TARGETS.items()
        ),
    ],
    table=table,
)

command = harness.command(
    SUITE,
    click.Option(["--n-tested"], type=int, default=400, show_default=True, help="Formulas that are held out."),
    click.Option(["--n-matched"], type=int, default=200, show_default=True, help="Of these, to match structures."),
    click.Option(["--n-relaxed"], type=int, default=60, show_default=True, help="Of these, to relax candidates."),
    click.Option(["--n-training"], type=int, default=80_000, show_default=True, help="Formulas with labels."),
    click.Option(["--n-generated"], type=int, default=2_000, show_default=True,
                 help="Training formulas that candidates are made for."),
)  # fmt: skip
