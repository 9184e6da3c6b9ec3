"""Vectors made ready for many exact searches, which then read a quarter of them.

The rows are turned so that most of their length lies in the first numbers, the head. The cosine of a row and a query is
at most the product of their heads plus that of the lengths of the rest (Cauchy and Schwarz). So the heads alone tell
which rows can be among the nearest; those few are compared whole. Nothing is missed, whatever the vectors are: where
their lengths do not gather in a few directions, the search is only slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.search.exact import ROUNDING, Best, directions, unit_rows

SHARE = 0.97
"""Of the squares, that the head holds where it can."""

WIDEST = 0.5
"""The most of all numbers that the head may be."""

_SAMPLE = 20_000
_AT_ONCE = 1 << 14
_BLOCK = 1 << 10


@dataclass(frozen=True, eq=False)
class Folded:
    """Rows to search in.

    Attributes:
        rows: (n, dim) float32, as they were given, in memory or in a file that is mapped to it.
        axes: (dim, dim) float32, whose first columns hold most of the rows.
        heads: (n, width) float32, of the rows at unit length.
        rests: (n,) float32, the length of what is not in the head.
    """

    rows: np.ndarray
    axes: np.ndarray
    heads: np.ndarray
    rests: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Folded:
        """Make rows ready: (n, dim) float32."""
        axes, width = _axes(rows)
        heads, rests = np.empty((len(rows), width), np.float32), np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            turned = unit_rows(rows[block]) @ axes
            heads[block] = turned[:, :width]
            rests[block] = np.linalg.norm(turned[:, width:], axis=1)
        return cls(rows, axes, heads, rests)

    def __len__(self) -> int:
        return len(self.rows)

    def nearest(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Best:
        """Return the k rows nearest to any of some queries.

        Args:
            queries: (n_queries, dim).
            k: how many; all where there are fewer.
            allowed: (n,) bool, which rows count; all if None.

        Raises:
            InputInvalid: k is below 1, or a query is zero or not finite.
        """
        best = Best(queries, k)
        bounds = self._bounds(queries)
        if allowed is not None:
            bounds[~allowed] = -np.inf
        n_allowed = len(bounds) if allowed is None else int(allowed.sum())
        if n_allowed <= k:
            rows = np.flatnonzero(bounds > -np.inf)
            best.rank(rows, self.rows[rows])
            return best
        first = _promising(bounds, k)
        sample = Best(queries, k)
        sample.rank(first, self.rows[first])
        rows = np.flatnonzero(bounds >= sample.floor - ROUNDING)
        best.see(rows, self.rows[rows])
        return best

    def _bounds(self, queries: np.ndarray) -> np.ndarray:
        """Return what the cosine of each row with any query is at most, (n,) float32."""
        turned = directions(queries).astype(np.float32) @ self.axes
        width = self.heads.shape[1]
        bounds: np.ndarray | None = None
        for query in turned:
            bound = self.heads @ query[:width]
            bound += float(np.linalg.norm(query[width:])) * self.rests
            bounds = bound if bounds is None else np.maximum(bounds, bound, out=bounds)
        return np.full(len(self), -np.inf, np.float32) if bounds is None else bounds


def _promising(bounds: np.ndarray, k: int) -> np.ndarray:
    """Return k or more rows of high bounds, without sorting them all: the highest of each of some blocks."""
    n_blocks = len(bounds) // _BLOCK
    if n_blocks <= k:
        return np.argpartition(bounds, -k)[-k:]
    blocks = bounds[: n_blocks * _BLOCK].reshape(n_blocks, _BLOCK)
    best = np.argpartition(blocks.max(axis=1), -k)[-k:]
    return best * _BLOCK + blocks[best].argmax(axis=1)


def _axes(rows: np.ndarray) -> tuple[np.ndarray, int]:
    """Return axes in the order of the squares along them, (dim, dim) float32, and the width of the head."""
    sample = directions(rows[:: max(1, len(rows) // _SAMPLE)])
    squares, axes = np.linalg.eigh(sample.T @ sample)
    squares, axes = np.maximum(squares[::-1], 0), axes[:, ::-1]
    held = np.cumsum(squares) / max(squares.sum(), np.finfo(float).tiny)
    most = max(1, int(WIDEST * len(squares)))
    return np.ascontiguousarray(axes, dtype=np.float32), min(most, 1 + int((held < SHARE).sum()))
