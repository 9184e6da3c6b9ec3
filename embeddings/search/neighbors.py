"""Who stands near whom: the nearest neighbors inside one set of vectors."""

from __future__ import annotations

from typing import Literal

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.ordering import ascending, descending

Metric = Literal["cosine", "euclidean"]


def cosine_similarity(vectors: np.ndarray) -> np.ndarray:
    """Return the cosine of every pair of rows, computed in float64.

    Args:
        vectors: (n, dim).

    Returns:
        (n, n), between -1 and 1; a row of zeros has no direction and gets 0 with every row.
    """
    # Scaling by the largest entry first keeps the squares of very large and very small rows in range.
    rows = np.asarray(vectors, dtype=np.float64)
    rows = _divide(rows, np.abs(rows).max(axis=1, keepdims=True, initial=0.0))
    rows = _divide(rows, np.linalg.norm(rows, axis=1, keepdims=True))
    return np.clip(rows @ rows.T, -1.0, 1.0)


def euclidean_distance(vectors: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance of every pair of rows, (n, n), computed in float64."""
    rows = np.asarray(vectors, dtype=np.float64)
    return np.stack([np.linalg.norm(rows - row, axis=1) for row in rows])


def nearest(vectors: np.ndarray, row: int, k: int = 5, *, metric: Metric = "cosine") -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` rows nearest to one row, nearest first; ties keep the order of the rows.

    Args:
        vectors: (n, dim).
        row: whose neighbors.
        k: how many; all the others where there are fewer.
        metric: ``"cosine"`` similarity, descending, or ``"euclidean"`` distance, ascending.

    Returns:
        Row numbers (k,) and their similarities or distances (k,).

    Raises:
        InputInvalid: `k` is below 1, or the metric is unknown.
    """
    values = _pairwise(vectors, metric)[row]
    order = _ranking(values[None], metric)[0]
    order = order[order != row][: check_k(k)]
    return order, values[order]


def neighbor_sets(vectors: np.ndarray, k: int, metric: Metric) -> list[set[int]]:
    """Return the row numbers of the `k` nearest neighbors of each row, (n,) sets."""
    ranking = _ranking(_pairwise(vectors, metric), metric)
    return [set(order[order != row][:k].tolist()) for row, order in enumerate(ranking)]


def _pairwise(vectors: np.ndarray, metric: Metric) -> np.ndarray:
    if metric == "cosine":
        return cosine_similarity(vectors)
    if metric == "euclidean":
        return euclidean_distance(vectors)
    raise InputInvalid(f'Metric "{metric}" is not known; use "cosine" or "euclidean".')


def _ranking(values: np.ndarray, metric: Metric) -> np.ndarray:
    return descending(values) if metric == "cosine" else ascending(values)


def check_k(k: int) -> int:
    """Return a number of neighbors, checked to be at least 1."""
    if k < 1:
        raise InputInvalid(f"k={k} must be at least 1.")
    return k


def _divide(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.divide(rows, scale, out=np.zeros_like(rows), where=scale > 0)
