"""How many crystals hold each element."""

from __future__ import annotations

import numpy as np

from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS


def count_structures(table: StructureTable) -> np.ndarray:
    """Return how many crystals contain each element, (119,) int64, indexed by atomic number."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    distinct = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + table.atomic_numbers)
    return np.bincount(distinct % (N_ELEMENTS + 1), minlength=N_ELEMENTS + 1)
