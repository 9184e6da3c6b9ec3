"""The nearest neighbors of every row of a set, found exactly.

Rows are split into leaves, which are near to each other (a k-d tree of the heads, see `embeddings.search.folded`). Each
leaf is compared with others in the order of the distance between their boxes, until none is in reach. Of two rows in
reach, the heads alone tell whether they can be neighbors; those few are compared whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from embeddings.search.exact import ROUNDING, directions, unit_rows
from embeddings.search.folded import Folded
from embeddings.search.neighbors import check_k
from embeddings.search.ordering import descending

LEAF = 512
_ACROSS = 8192
_DENSE = 0.02
"""Share of pairs that may be neighbors from which on one product of all is faster than one of each."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The neighbors of every row, nearest first; equal ones in the order of the rows.

    Attributes:
        rows: (n, k) int32.
        cosines: (n, k) float32, between -1 and 1.
    """

    rows: np.ndarray
    cosines: np.ndarray


def nearest_rows(vectors: np.ndarray, k: int, *, advance: Callable[[int], None] = lambda n: None) -> Nearest:
    """Return for every row the k others of the largest cosine.

    Cosines are compared in float32, which may be wrong by 1e-6: of rows that are nearer to each other than this at the
    end of a list, any may be in it. They are told and put in order in float64.

    Args:
        vectors: (n, dim) float32.
        k: how many; all others where there are fewer.
        advance: called with the number of rows that were done since the last call.

    Raises:
        InputInvalid: k is below 1.
    """
    k = min(check_k(k), len(vectors) - 1)
    rows, cosines = np.zeros((len(vectors), k), np.int32), np.zeros((len(vectors), k), np.float32)
    if k:
        among = _Leaves.of(vectors)
        for leaf in range(len(among.members)):
            block, found = among.members[leaf], _search(among, leaf, k)
            rows[block], cosines[block] = _ranked(vectors, block, found)
            advance(len(block))
    return Nearest(rows, cosines)


@dataclass(frozen=True, eq=False)
class _Leaves:
    """Rows in groups.

    Attributes:
        members: the rows of each leaf.
        unit: (n, dim) float32 rows at unit length.
        heads: (n, width) float32, head and length of the rest of each row.
        low, high: (n_leaves, width) the box of each leaf.
        sizes: (n_leaves,) how many rows each has.
    """

    members: list[np.ndarray]
    unit: np.ndarray
    heads: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> _Leaves:
        folded = Folded.of(vectors)
        heads = np.column_stack([folded.heads, folded.rests])
        members = list(_split(heads))
        low, high = (np.stack([end(heads[rows], axis=0) for rows in members]) for end in (np.min, np.max))
        return cls(members, unit_rows(vectors), heads, low, high, np.array([len(rows) for rows in members]))

    def reach(self, leaf: int) -> np.ndarray:
        """Return the most that a cosine of a row of this leaf with one of each leaf can be, (n_leaves,)."""
        gaps = np.maximum(np.maximum(self.low - self.high[leaf], self.low[leaf] - self.high), 0)
        most: np.ndarray = 1 - (gaps**2).sum(axis=1) / 2 + ROUNDING
        return most


def _split(heads: np.ndarray) -> Iterator[np.ndarray]:
    """Yield groups of at most `LEAF` rows, halved along the axis on which they spread most."""
    waiting = [np.arange(len(heads))]
    while waiting:
        rows = waiting.pop()
        if len(rows) <= LEAF:
            yield rows
            continue
        some = heads[rows]
        along = some[:, int(some.var(axis=0).argmax())]
        order = np.argsort(along, kind="stable")
        half = len(rows) // 2
        waiting += [np.sort(rows[order[half:]]), np.sort(rows[order[:half]])]


def _search(among: _Leaves, leaf: int, k: int) -> np.ndarray:
    """Return the neighbors of the rows of a leaf, (n_members, k) in no order."""
    block, reach = among.members[leaf], among.reach(leaf)
    order = np.argsort(-reach, kind="stable")
    order = np.concatenate([[leaf], order[order != leaf]])
    best = _Best(len(block), k)
    while len(order):
        n_at_once = max(1, int(np.searchsorted(np.cumsum(among.sizes[order]), _ACROSS))) if best.is_full else 1
        now, order = order[:n_at_once], order[n_at_once:]
        places = np.flatnonzero(best.floors < reach[now[0]])
        if not len(places):
            break
        _compare(among, block[places], np.concatenate([among.members[i] for i in now]), best, places)
    return best.rows


def _compare(among: _Leaves, block: np.ndarray, others: np.ndarray, best: _Best, places: np.ndarray) -> None:
    """Let the rows of a block, which have places among the best, see others."""
    floors = best.floors[places, None]
    near = among.heads[block] @ among.heads[others].T > floors - ROUNDING
    if near.mean() > _DENSE:
        values = among.unit[block] @ among.unit[others].T
        values[block[:, None] == others] = -np.inf
        best.see_all(places, others, values)
        return
    within, columns = np.nonzero(near)
    rows = others[columns]
    values = np.einsum("ij,ij->i", among.unit[block[within]], among.unit[rows])
    kept = (values > floors[within, 0]) & (rows != block[within])
    best.see(places[within[kept]], rows[kept], values[kept])


class _Best:
    """The k best rows of each of some queries.

    Attributes:
        rows: (n, k) int64.
        values: (n, k) float32, the cosines; -inf where there is no row yet.
        floors: (n,) float32, the cosine that a row needs to be among the best.
    """

    def __init__(self, n: int, k: int) -> None:
        self.rows, self.values = np.zeros((n, k), np.int64), np.full((n, k), -np.inf, np.float32)
        self.floors = np.full(n, -np.inf, np.float32)

    @property
    def is_full(self) -> bool:
        """Whether every query has k rows."""
        return bool(np.isfinite(self.floors).all())

    def see_all(self, places: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
        """Let some queries look at the same rows, (n_rows,), of cosines (n_places, n_rows)."""
        k = self.rows.shape[1]
        values = np.hstack([self.values[places], values])
        kept = np.argpartition(values, -k, axis=1)[:, -k:]
        old = np.take_along_axis(self.rows[places], np.minimum(kept, k - 1), axis=1)
        self.rows[places] = np.where(kept < k, old, rows[np.maximum(kept - k, 0)])
        self.values[places] = np.take_along_axis(values, kept, axis=1)
        self.floors[places] = self.values[places].min(axis=1)

    def see(self, places: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
        """Look at pairs: the query, the row and the cosine of each."""
        if not len(places):
            return
        k, seen = self.rows.shape[1], np.unique(places)
        places = np.concatenate([np.repeat(seen, k), places])
        rows = np.concatenate([self.rows[seen].ravel(), rows])
        values = np.concatenate([self.values[seen].ravel(), values])
        order = np.lexsort([rows, -values, places])
        kept = order[np.searchsorted(places[order], seen)[:, None] + np.arange(k)]
        self.rows[seen], self.values[seen] = rows[kept], values[kept]
        self.floors[seen] = values[kept[:, -1]]


def _ranked(vectors: np.ndarray, block: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbors in order, and their cosines."""
    rows = np.sort(rows, axis=1)
    own, theirs = directions(vectors[block]), directions(vectors[rows.ravel()]).reshape(*rows.shape, -1)
    cosines = np.clip(np.einsum("ij,ikj->ik", own, theirs), -1.0, 1.0)
    order = descending(cosines)
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(cosines, order, axis=1)
