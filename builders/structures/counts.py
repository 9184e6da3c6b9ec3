"""How many crystals hold each element."""

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
