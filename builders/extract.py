"""From a trained network and the crystals that it saw to the rows of a catalog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from builders.models.crystal_transformer import CrystalTransformer
from builders.records import StructureTable
from embeddings.catalog import ElementTable
from embeddings.elements import N_ELEMENTS
from embeddings.formula import formula_digest


def count_structures(table: StructureTable) -> np.ndarray:
    """Return how many crystals contain each element, (119,) int64, indexed by atomic number."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    distinct = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + table.atomic_numbers)
    return np.bincount(distinct % (N_ELEMENTS + 1), minlength=N_ELEMENTS + 1)


def extract_elements(model: CrystalTransformer, trained_on: StructureTable, formulas: Sequence[str]) -> ElementTable:
    """Return the rows of all elements that occur in the training crystals; no other element has one.

    Args:
        model: the trained network.
        trained_on: the training crystals alone.
        formulas: their reduced formulas.
    """
    n_structures = count_structures(trained_on)
    atomic_numbers = np.flatnonzero(n_structures)
    vectors = model.element_vectors().float().cpu().numpy()
    return ElementTable(atomic_numbers, vectors[atomic_numbers], n_structures[atomic_numbers], formula_digest(formulas))
