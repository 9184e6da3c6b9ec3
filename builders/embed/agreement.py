"""How well vectors that are made again agree with what they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENOUGH = 0.99999
"""The smallest cosine between a vector and the one made again."""


@dataclass(frozen=True)
class Recomputed:
    """What came of it.

    Attributes:
        what: a row stands for: ``"elements"``, ``"structures"``, ``"sites"`` or ``"formulas"``.
        n_rows: in the table.
        n_structures: that were encoded again, or that a composition encoder was found to have learned from.
        cosines: row -> cosine between the stored vector and the one made again, the smallest first; of the sites of a
            structure, the smallest; of a formula, between the vectors of two ways of computing it.
    """

    what: str
    n_rows: int
    n_structures: int
    cosines: dict[str, float]

    @property
    def wrong(self) -> list[str]:
        """Rows that do not come from the encoder, the worst first."""
        return [row for row, cosine in self.cosines.items() if not cosine >= ENOUGH]


def cosines_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cosine between each row of one table and that of the other; 1 where both are zero, 0 where one is."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~a.any(axis=1) & ~b.any(axis=1)
    return np.where(both_zero, 1.0, np.divide((a * b).sum(axis=1), sizes, out=np.zeros(len(a)), where=sizes > 0))


def ranked(names: Sequence[str], cosines: np.ndarray) -> dict[str, float]:
    """Return the cosine of each row by its name, the smallest first."""
    return {names[row]: float(cosines[row]) for row in np.argsort(cosines, kind="stable")}
