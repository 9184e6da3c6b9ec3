"""What is tested in place of AFLOW: the highest optical phonon of MatBench's crystals, which forces set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.readouts.tasks import pose
from benchmarks.teachers.problem import Examined
from builders.learning.material import Material
from builders.structures.counts import made_of
from builders.structures.table import StructureTable

PHONONS = "phonons"
"""Petretto et al., Sci. Data 5, 180065 (2018), 10.1038/sdata.2018.65."""

TARGETS = {PHONONS: "1/cm"}

TEST_FOLDS = 2
"""Of the five official ones, without formulas of the others or of what networks learned from, labels and copies."""


@dataclass(frozen=True)
class _Elements:
    """Stands where an encoder is asked which crystals it knows."""

    atomic_numbers: np.ndarray

    def covers(self, table: StructureTable) -> np.ndarray:
        return made_of(table, self.atomic_numbers)


def examined_phonons(data: Path, material: Material) -> Examined:
    """Return MatBench's crystals with phonons; none is tested whose formula networks or heads learned from.

    Args:
        data: folder of the development data.
        material: what networks learn from; crystals of other elements are left out.

    Raises:
        InputInvalid: the data are not there.
    """
    known: Any = _Elements(np.unique(material.trained_on.atomic_numbers))
    posed = pose(PHONONS, data, known)
    test = np.any(posed.tested[:TEST_FOLDS], axis=0)
    alone = test & ~np.isin(posed.formulas, [*posed.formulas[~test], *material.formulas])
    rows = np.concatenate([np.flatnonzero(~test), np.random.default_rng(0).permutation(np.flatnonzero(alone))])
    n_training, values = int((~test).sum()), np.log10(posed.values[rows])
    return Examined(
        posed.table.take(rows), posed.formulas[rows], values, None, np.arange(n_training),
        np.arange(n_training, len(rows)), TARGETS,
    )  # fmt: skip
