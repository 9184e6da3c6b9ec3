"""Elements that take the place of others, for models whose encoder was not trained on all."""

from __future__ import annotations

import numpy as np

from embeddings.elements import N_ELEMENTS, SYMBOLS, table_distance
from embeddings.errors import ElementNotCovered
from embeddings.missing import Missing


def replacements(atomic_numbers: np.ndarray, covered: np.ndarray, *, missing: Missing = "raise") -> np.ndarray:
    """Return, for each atomic number from 0 on, the one whose vector is taken, (119,) int64.

    Args:
        atomic_numbers: that occur.
        covered: atomic numbers that have a vector.
        missing: ``"impute"`` lets the covered element nearest in the periodic table stand in, ``"raise"`` none.

    Raises:
        ElementNotCovered: an element has no vector and the policy is ``"raise"``; names them.
    """
    unknown = np.setdiff1d(atomic_numbers, covered).tolist()
    if unknown and missing == "raise":
        raise ElementNotCovered(
            f"The encoder was not trained on {', '.join(SYMBOLS[z - 1] for z in unknown)}. Leave out those formulas, "
            'or choose missing="impute" to let the nearest element of the periodic table stand in.'
        )
    chosen = np.arange(N_ELEMENTS + 1)
    for z in unknown:
        chosen[z] = min(covered.tolist(), key=lambda other: table_distance(z, other))
    return chosen
