"""What a teacher is worth: ``python -m benchmarks teachers taught --data FOLDER --teacher FILE --tested FILE``.

A network learns from structures of the Materials Project with a teacher and without; then properties of AFLOW's
structures are learned from its vectors. Both files are made by `embeddings embed` with one encoder: of
``mp_structures.parquet``, or its first structures, and of ``aflow.parquet``. ``teachers copies`` also takes what
`embeddings perturb` makes of these structures: ``--copies FILE``. ``teachers copies-phonons`` tests the same networks
on phonons.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.teachers.tables import table
from benchmarks.teachers.ways import COPIED, TAUGHT, WAYS

SUITE = Suite(
    "teachers",
    "Measure what a teacher, or perturbed copies, are worth for the vectors of the network that learns from them.",
    cases=[
        harness.case(
            "taught",
            "Properties of AFLOW from vectors of taught networks",
            "benchmarks.teachers.measuring:run",
            ways=list(TAUGHT),
        ),
        harness.case(
            "copies",
            "Properties of AFLOW from vectors of networks that learned from perturbed copies",
            "benchmarks.teachers.measuring:run",
            ways=list(COPIED),
        ),
        harness.case(
            "copies-phonons",
            "Phonons from vectors of the same networks",
            "benchmarks.teachers.measuring:run",
            ways=list(COPIED),
            on_phonons=True,
        ),
    ],
    table=table,
)

_FILE = click.Path(dir_okay=True, path_type=Path)

command = harness.command(
    SUITE,
    click.Option(["--teacher"], type=_FILE, help="Vectors of the structures to learn from."),
    click.Option(["--tested"], type=_FILE, help="Vectors of AFLOW's structures by the same encoder."),
    click.Option(["--copies"], type=_FILE, help="Copies of the structures to learn from, for the case copies."),
    click.Option(["--way", "ways"], multiple=True, type=click.Choice(list(WAYS)),
                 help="How a network learns; may be repeated.  [default: all of a case]"),
    click.Option(["--structures"], type=click.IntRange(20), default=7000, show_default=True,
                 help="To learn from, at most: the first that the teacher knows."),
    click.Option(["--epochs"], type=click.IntRange(1), default=8, show_default=True, help="Of each network."),
    click.Option(["--seeds"], type=click.IntRange(1), default=2, show_default=True, help="How many networks a way."),
)  # fmt: skip
