"""Structures of a whole set whose vectors are all but the same, found exactly.

Two directions whose cosine is c are at most sqrt(2 - 2c) apart along any axis. So the rows are put in order along the
axis on which they spread most, and each is compared only with those in reach; of these, the heads alone tell which can
be near enough (see `embeddings.search.folded`). The time still grows with the square of the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.exact import ROUNDING, unit_rows
from embeddings.search.folded import Folded

_AT_ONCE = 1 << 10
_ACROSS = 1 << 14
_EXACT = 1e-7
"""By which the cosine of equal rows may miss 1."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Groups of rows, each linked to another one of its group.

    Attributes:
        rows: (n,) int64, group after group; the largest group first, equal ones by their first row.
        groups: (n,) int64, the number of the group of each row, from 0.
        cosines: (n,) float64, of each row and the one of its group that it is nearest to.
    """

    rows: np.ndarray
    groups: np.ndarray
    cosines: np.ndarray

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return int(self.groups[-1]) + 1 if len(self.groups) else 0


def near_duplicates(rows: np.ndarray, least: float = 0.999) -> Duplicates:
    """Return all rows that have a near duplicate among them.

    Args:
        rows: (n, dim) float32, in memory or mapped.
        least: the cosine from which on two rows are near duplicates, above 0 and at most 1. Cosines are those of
            float32: they may be wrong by 1e-6.

    Raises:
        InputInvalid: `least` is out of its range.
    """
    if not 0 < least <= 1:
        raise InputInvalid(f"Near duplicates need a cosine above 0 and at most 1, not {least}.")
    folded = Folded.of(rows)
    parents, best = np.arange(len(rows)), np.full(len(rows), -1.0)
    for first, second, values in _pairs(folded, least):
        _unite(parents, first, second)
        for members in (first, second):
            np.maximum.at(best, members, values)
    return _grouped(_roots(parents, np.arange(len(rows))), best)


def _pairs(folded: Folded, least: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pairs of rows with their cosines, each pair once."""
    along = _main_axis(folded.heads)
    order = np.argsort(along, kind="stable")
    along, reach = along[order], np.sqrt(max(0.0, 2 - 2 * least)) + ROUNDING
    heads, rests = folded.heads[order], folded.rests[order]
    for start in range(0, len(order), _AT_ONCE):
        stop = min(start + _AT_ONCE, len(order))
        last = int(np.searchsorted(along, along[stop - 1] + reach, side="right"))
        for edge in range(start, last, _ACROSS):
            other = slice(edge, min(edge + _ACROSS, last))
            bounds = heads[start:stop] @ heads[other].T + np.outer(rests[start:stop], rests[other])
            near = bounds >= least - ROUNDING
            near &= np.arange(edge, other.stop) > np.arange(start, stop)[:, None]
            yield from _confirmed(folded.rows, order, np.argwhere(near) + np.array([start, edge]), least)


def _confirmed(
    rows: np.ndarray, order: np.ndarray, places: np.ndarray, least: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield those of the pairs that are near enough, compared whole."""
    for start in range(0, len(places), _ACROSS):
        first, second = order[places[start : start + _ACROSS]].T
        values = np.einsum("ij,ij->i", unit_rows(rows[first]), unit_rows(rows[second]), dtype=np.float64)
        kept = values >= least - _EXACT
        yield first[kept], second[kept], np.clip(values[kept], -1.0, 1.0)


def _main_axis(heads: np.ndarray) -> np.ndarray:
    """Return the place of each row on the axis on which they spread most, (n,) float32."""
    centered = heads[:: max(1, len(heads) // _ACROSS)] - heads.mean(axis=0)
    axis = np.linalg.eigh(centered.T @ centered)[1][:, -1]
    return np.ascontiguousarray(heads @ axis.astype(np.float32))


def _unite(parents: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Put the rows of each pair into one group, whose root is its lowest row."""
    while len(first):
        roots = _roots(parents, first), _roots(parents, second)
        apart = roots[0] != roots[1]
        first, second = roots[0][apart], roots[1][apart]
        np.minimum.at(parents, np.maximum(first, second), np.minimum(first, second))


def _roots(parents: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the root of each row."""
    while True:
        above = parents[rows]
        if np.array_equal(above, rows):
            return above
        rows = above


def _grouped(roots: np.ndarray, best: np.ndarray) -> Duplicates:
    """Return the rows that are linked to others, group by group."""
    rows = np.flatnonzero(best >= 0)
    there, group, sizes = np.unique(roots[rows], return_inverse=True, return_counts=True)
    rank = np.empty(len(there), np.int64)
    rank[np.lexsort([there, -sizes])] = np.arange(len(there))
    order = np.argsort(rank[group], kind="stable")
    return Duplicates(rows[order], rank[group][order], best[rows][order])
