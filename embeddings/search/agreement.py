"""How far two catalogs of elements agree on who stands near whom."""

from __future__ import annotations

import numpy as np

from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.loaders import as_uae
from embeddings.protocols import CatalogLike
from embeddings.search.neighbors import Metric, check_k, neighbor_sets


def neighbor_overlap(a: CatalogLike, b: CatalogLike, k: int = 5, *, metric: Metric = "cosine") -> float:
    """Return the mean share of `k` nearest neighbors that two catalogs agree on.

    Both catalogs are reduced to the elements that they share before neighbors are taken.

    Args:
        a: a catalog of elements, loaded or by name.
        b: another.
        k: how many neighbors of each element; all the others where there are fewer.
        metric: ``"cosine"`` or ``"euclidean"``.

    Returns:
        Between 0 (no neighbor in common) and 1 (the same neighbors for every element).

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: fewer than two elements are shared, `k` is below 1, or the metric is unknown.
    """
    both = as_uae(a), as_uae(b)
    shared = np.intersect1d(both[0].atomic_numbers, both[1].atomic_numbers)
    if len(shared) < 2:
        names = " and ".join(f'"{uae.name}"' for uae in both)
        raise InputInvalid(f"{names} share {counted(len(shared), 'element')}; neighbors need at least two in common.")
    in_a, in_b = (uae.vectors[np.isin(uae.atomic_numbers, shared)] for uae in both)
    return float(kept_neighbors(in_a, in_b, k, metric=metric).mean())


def kept_neighbors(a: np.ndarray, b: np.ndarray, k: int = 5, *, metric: Metric = "cosine") -> np.ndarray:
    """Return the share of its `k` nearest neighbors that each row has in both of two tables.

    Args:
        a: (n, dim_a) vectors, two or more.
        b: (n, dim_b) their counterparts, row by row.
        k: how many neighbors; all the others where there are fewer.
        metric: ``"cosine"`` or ``"euclidean"``.

    Returns:
        (n,) between 0 and 1.

    Raises:
        InputInvalid: `k` is below 1, or the metric is unknown.
    """
    k = min(check_k(k), len(a) - 1)
    in_a, in_b = (neighbor_sets(vectors, k, metric) for vectors in (a, b))
    return np.array([len(of_a & of_b) / k for of_a, of_b in zip(in_a, in_b, strict=True)])
