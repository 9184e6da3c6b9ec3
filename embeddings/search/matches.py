"""The structures that are nearest to one: found, ranked, and told with their formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from embeddings.search.exact import Best
from embeddings.search.likes import query_of

if TYPE_CHECKING:
    from embeddings.search.collections import Collection
    from embeddings.search.likes import Query

KEYS = ("material_id", "formula")


class Ready(Protocol):
    """Vectors made ready for many searches."""

    def nearest(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Best:
        """Return the k rows nearest to any of some queries, of those that are allowed."""
        raise NotImplementedError


@dataclass(frozen=True)
class Match:
    """A structure that was found.

    Attributes:
        material_id: its identifier.
        formula: its canonical reduced formula.
        cosine: of its vector and that of `like`, between -1 and 1.
        like: what it is near to: of several structures of a formula, the nearest.
        columns: further columns that were asked for, by name; None where a value is missing.
    """

    material_id: str
    formula: str
    cosine: float
    like: str
    columns: dict[str, Any] = field(default_factory=dict)


def search(
    among: Collection,
    like: Any,
    k: int = 10,
    *,
    where: str | None = None,
    columns: Sequence[str] = (),
    ready: Ready | None = None,
) -> list[Match]:
    """Return the structures nearest to one, nearest first; the search is exact but for an index.

    A structure of the collection is not among its own neighbors. Ties keep the order of the rows.

    Args:
        among: what is searched.
        like: see `embeddings.search.likes.query_of`.
        k: how many; all where there are fewer.
        where: conditions on columns, see `embeddings.search.where`.
        columns: what else is told of each.
        ready: the vectors of the collection made ready; they are read block by block if None.

    Raises:
        MaterialNotCovered: no structure has this identifier or formula.
        InputInvalid: k is below 1, or conditions or a vector cannot be used.
        ColumnNotFound: there is no such column.
        EmbeddingsError: a structure cannot be read or encoded.
    """
    if columns := [*columns]:
        among.taken(np.zeros(0, np.int64), columns)  # an unknown column is named before anything is computed
    query = query_of(like, among)
    if ready is None:
        best = _scanned(among, query, k, where)
    else:
        best = ready.nearest(query.vectors, k, _mask(among, query, where))
    return matches_of(among, query, best, columns)


def matches_of(among: Collection, query: Query, best: Best, columns: Sequence[str]) -> list[Match]:
    """Return what was found with formulas and further columns."""
    further = [name for name in dict.fromkeys(columns) if name not in KEYS]
    told = among.taken(best.rows, [*KEYS, *further]).to_pylist()
    return [
        Match(row.pop("material_id"), row.pop("formula"), float(cosine), query.names[of], row)
        for row, cosine, of in zip(told, best.cosines, best.queries, strict=True)
    ]


def _scanned(among: Collection, query: Query, k: int, where: str | None) -> Best:
    """Look at all vectors once, a block at a time."""
    best, start = Best(query.vectors, k), 0
    for keys, vectors in among.blocks():
        places = among.allowed(keys, where)
        places = places[~np.isin(start + places, query.rows)]
        best.see(start + places, vectors if len(places) == len(vectors) else vectors[places])
        start += len(keys)
    return best


def _mask(among: Collection, query: Query, where: str | None) -> np.ndarray | None:
    """Return which rows may be found, (n,) bool; None where all may."""
    if where is None and not len(query.rows):
        return None
    mask = np.zeros(among.n_rows, bool) if where is not None else np.ones(among.n_rows, bool)
    if where is not None:
        mask[among.allowed_rows(where)] = True
    mask[query.rows] = False
    return mask
