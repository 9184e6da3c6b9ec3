"""The rows of the largest cosine among any number of them, found exactly and block by block.

A matrix product in float32 finds all rows that may be among the nearest, and float64 ranks them: the same rows come out
on every processor, and no cosine is above 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.neighbors import check_k
from embeddings.search.ordering import descending

ROUNDING = 1e-5
"""By which a cosine in float32 may be wrong."""


def directions(vectors: Any) -> np.ndarray:
    """Return vectors at unit length, (n, dim) float64; a vector of zeros stays what it is."""
    rows = np.asarray(vectors, dtype=np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    rows = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return vectors at unit length, (n, dim) float32; a vector of zeros stays what it is."""
    lengths = _lengths(vectors)
    if lengths is None:
        return directions(vectors).astype(np.float32)
    return np.asarray(vectors, dtype=np.float32) / lengths[:, None]


def cosines(rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the cosine of every row and every query, (n, n_queries) float64 between -1 and 1.

    Args:
        rows: (n, dim).
        queries: (n_queries, dim) of unit length.
    """
    return np.clip(directions(rows) @ queries.T, -1.0, 1.0)


class Best:
    """The k nearest of the rows seen so far; ties keep the order of the rows.

    With several queries, what counts is the one that a row is nearest to.

    Attributes:
        rows: (n,) int64, nearest first; n is k, or fewer where fewer were seen.
        cosines: (n,) float64.
        queries: (n,) int64, the query that each row is nearest to.

    Args:
        queries: (n_queries, dim), of any length.
        k: how many are kept.

    Raises:
        InputInvalid: k is below 1, or a query is zero or not finite.
    """

    def __init__(self, queries: np.ndarray, k: int) -> None:
        if not np.isfinite(queries).all() or not np.any(queries, axis=1).all():
            raise InputInvalid("The vector to search for holds NaN or infinity, or is zero, so it has no direction.")
        self._k, self._queries = check_k(k), directions(queries)
        self.rows = np.zeros(0, np.int64)
        self.cosines = np.zeros(0)
        self.queries = np.zeros(0, np.int64)

    @property
    def floor(self) -> float:
        """The cosine that a row needs to be among the nearest."""
        return float(self.cosines[-1]) if len(self.rows) == self._k else -np.inf

    def see(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Look at more rows.

        Args:
            rows: (n,) their numbers.
            vectors: (n, dim) float32.
        """
        if not len(rows):
            return
        lengths = _lengths(vectors)
        if lengths is not None:
            scores = (vectors @ self._queries.T.astype(np.float32)).max(axis=1) / lengths
            near = scores >= max(self.floor, _kth(scores, self._k)) - ROUNDING
            rows, vectors = rows[near], vectors[near]
        self.rank(rows, vectors)

    def rank(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Look at rows that may all be among the nearest, in float64."""
        found = cosines(vectors, self._queries)
        rows, queries = np.concatenate([self.rows, rows]), np.concatenate([self.queries, found.argmax(axis=1)])
        values = np.concatenate([self.cosines, found.max(axis=1, initial=-1.0)])
        by_row = np.argsort(rows, kind="stable")
        order = by_row[descending(values[by_row])][: self._k]
        self.rows, self.cosines, self.queries = rows[order], values[order], queries[order]


def _lengths(vectors: np.ndarray) -> np.ndarray | None:
    """Return the lengths of vectors, (n,) float32; None where one is zero or its square leaves the range of float32."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float32))
    shortest, longest = 1e-15, 1e15
    return lengths if len(lengths) and lengths.min() > shortest and lengths.max() < longest else None


def _kth(scores: np.ndarray, k: int) -> float:
    """Return the k-th highest of scores, -inf where there are fewer."""
    return float(np.partition(scores, -k)[-k]) if len(scores) >= k else -np.inf
