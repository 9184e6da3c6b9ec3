"""Which elements crystals hold."""

from __future__ import annotations

import numpy as np

from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS


def count_structures(table: StructureTable) -> np.ndarray:
    """Return how many crystals contain each element, (119,) int64, indexed by atomic number."""
    counts = np.zeros(N_ELEMENTS + 1, dtype=np.int64)
    for part in table.parts():
        crystal_of_atom = np.repeat(np.arange(len(part)), part.n_sites)
        distinct = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + part.atomic_numbers)
        counts += np.bincount(distinct % (N_ELEMENTS + 1), minlength=N_ELEMENTS + 1)
    return counts


def made_of(table: StructureTable, atomic_numbers: np.ndarray) -> np.ndarray:
    """Return which crystals consist of these elements alone, (n,) bool."""
    unknown = ~np.isin(table.atomic_numbers, atomic_numbers)
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    return np.bincount(crystal_of_atom[unknown], minlength=len(table)) == 0
