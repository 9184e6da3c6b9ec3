"""Canonical reduced formulas of crystals, counted from their atoms (the formula column of a source is not trusted)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.formula import reduced_formula


def reduced_formulas_of(table: StructureTable) -> list[str]:
    """Return the canonical reduced formula of each crystal, (n,)."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    keys, counts = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + table.atomic_numbers, return_counts=True)
    starts = np.searchsorted(keys, np.arange(len(table) + 1) * (N_ELEMENTS + 1))
    elements = keys % (N_ELEMENTS + 1)
    seen: dict[tuple[bytes, bytes], str] = {}
    formulas = []
    for start, stop in pairwise(starts):
        z = elements[start:stop]
        n = counts[start:stop] // np.gcd.reduce(counts[start:stop])
        key = (z.tobytes(), n.tobytes())
        if key not in seen:
            seen[key] = reduced_formula({SYMBOLS[k - 1]: int(m) for k, m in zip(z, n, strict=True)})
        formulas.append(seen[key])
    return formulas
