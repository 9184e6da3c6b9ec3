"""What each part of the language model is worth: ``python -m benchmarks language [NAME ...]``.

Parts of the recipe ``imkt-multi`` are taken away one by one, on the same formulas with the same budget.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.language.tables import table
from benchmarks.options import FOLDER, texts
from benchmarks.sets import SETS

NAMES = ("expt_gap", "efe")


SUITE = Suite(
    "language",
    "Measure what each part of the language model is worth.",
    cases=[
        harness.case(
            name,
            f"Parts of the language model on {name}, {SETS[name].metric}",
            "benchmarks.language.measuring:run",
            name=name,
        )
        for name in NAMES
    ],
    table=table,
)

command = harness.command(
    SUITE,
    click.Option(["--variants"], type=texts, help="a,b,...: variants that take part, by name.  [default: all]"),
    click.Option(["--models"], type=texts, default="ridge,boosting,fine-tuned", show_default=True,
                 help="a,b,...: models that take part."),
    click.Option(["--teacher"], type=click.Path(path_type=Path),
                 help="File or folder of structure vectors by another encoder, for variants that it teaches."),
    click.Option(["--n-formulas"], type=click.IntRange(100), default=15_000, show_default=True,
                 help="Formulas with structures and labels."),
    click.Option(["--n-corpus"], type=click.IntRange(100), default=30_000, show_default=True,
                 help="Formulas that are read."),
    click.Option(["--max-sites"], type=click.IntRange(1), default=24, show_default=True,
                 help="Larger cells are left out."),
    click.Option(["--reading-epochs"], type=click.IntRange(1), default=2, show_default=True),
    click.Option(["--training-epochs"], type=click.IntRange(1), default=4, show_default=True),
    click.Option(["--tuning-epochs"], type=click.IntRange(1), default=6, show_default=True,
                 help="Of fine-tuning, at most."),
    click.Option(["--seed"], default=0, show_default=True),
    click.Option(["--work"], type=FOLDER, default=SUITE.results / "work",
                 help="Folder that keeps the source, weights and predictions.  [default: beside the results]"),
)  # fmt: skip
