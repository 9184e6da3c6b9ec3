"""A few rows that stand for many: each as far as can be from those chosen before it.

Farthest-first traversal: Gonzalez, Theor. Comput. Sci. 38, 293 (1985). The largest distance of any row to the chosen
ones is at most twice what the best choice of as many could reach.
"""

from __future__ import annotations

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.exact import directions, unit_rows

_AT_ONCE = 1 << 14
_DIGITS = 5
"""Of a cosine in float32: what differs in later ones is equal, and the first row counts."""


def diverse_rows(rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows that are far from each other: the most typical one, then always the farthest from those before.

    Args:
        rows: (n_rows, dim) float32, in memory or mapped.
        n: how many; all where there are fewer.

    Returns:
        Row numbers (n,) int64 in the order of their choice, and the cosine (n,) of each and the nearest of those
        before it; NaN for the first.

    Raises:
        InputInvalid: n is below 1.
    """
    if n < 1:
        raise InputInvalid(f"n={n} is too few rows to choose; give at least 1.")
    blocks = [slice(start, start + _AT_ONCE) for start in range(0, len(rows), _AT_ONCE)]
    middle = np.sum([unit_rows(rows[block]).sum(axis=0, dtype=np.float64) for block in blocks], axis=0)
    middle = directions(middle[None])[0].astype(np.float32) if blocks else middle
    nearest = np.full(len(rows), -np.inf, np.float32)
    typical = np.concatenate([nearest[:0], *(_rounded(unit_rows(rows[block]) @ middle) for block in blocks)])
    chosen: list[int] = [int(typical.argmax())] if len(rows) else []
    seen = [np.nan] * len(chosen)
    while 0 < len(chosen) < min(n, len(rows)):
        newest = unit_rows(rows[chosen[-1:]])[0]
        for block in blocks:
            np.maximum(nearest[block], _rounded(unit_rows(rows[block]) @ newest), out=nearest[block])
        nearest[chosen[-1]] = np.inf
        chosen.append(int(nearest.argmin()))
        seen.append(float(np.clip(nearest[chosen[-1]], -1, 1)))
    return np.array(chosen, np.int64), np.array(seen)


def _rounded(cosines: np.ndarray) -> np.ndarray:
    return np.round(cosines, _DIGITS)
