"""Vectors to search in: as many as are wanted, made of the few that are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.harness import Request
from embeddings import load_catalog
from embeddings.errors import InputInvalid
from embeddings.vectors.structures import StructureCatalog

N_NEAR = 10
"""Neighbors, one of which a row is moved toward."""

NOISE = 0.1
"""Of each number of a row, relative to the distance to that neighbor along an axis."""

_AT_ONCE = 1_000
_QUICK = (200, 8)


def real_vectors(request: Request) -> tuple[np.ndarray, str]:
    """Return vectors of structures, (n, dim) float32, and a sentence on where they come from.

    Raises:
        InputInvalid: no file of vectors was named.
    """
    if request.quick:
        return np.random.default_rng(0).normal(size=_QUICK).astype(np.float32), "Random numbers, for trying out."
    path = request.choices.get("vectors")
    if path is None:
        raise InputInvalid("Name a file of structure vectors, which embeddings embed writes: --vectors FILE.")
    catalog = load_catalog(Path(path))
    if not isinstance(catalog, StructureCatalog):
        raise InputInvalid(f"{path} holds no vectors of structures.")
    return catalog.vectors, f"{len(catalog):,} structures of {catalog.footer.source} by {catalog.footer.encoder}"


def multiplied(real: np.ndarray, n: int, *, seed: int) -> np.ndarray:
    """Return n vectors that lie among real ones, (n, dim) float32 of unit length.

    Each is a real one, moved by a random share of the way to one of its `N_NEAR` nearest, with some noise: so they
    are as unevenly spread as the real ones are, which decides how hard they are to search.

    Args:
        real: (n_real, dim).
        n: how many.
        seed: of all choices.
    """
    random = np.random.default_rng(seed)
    unit = unit_rows(real)
    near = _nearest(unit, min(N_NEAR, len(unit) - 1))
    made = np.empty((n, unit.shape[1]), np.float32)
    for start in range(0, n, 100 * _AT_ONCE):
        block = made[start : start + 100 * _AT_ONCE]
        base = random.integers(len(unit), size=len(block))
        step = unit[near[base, random.integers(near.shape[1], size=len(block))]] - unit[base]
        noise = random.standard_normal(block.shape, dtype=np.float32) * NOISE * np.abs(step)
        block[:] = unit[base] + random.random((len(block), 1), dtype=np.float32) * step + noise
        block[:] = unit_rows(block)
    return made


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Return rows at unit length, (n, dim) float32."""
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def true_nearest(rows: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """Return the k rows of the largest cosine for each query, (n_queries, k), in no order."""
    found = [np.argpartition(-(block @ rows.T), k, axis=1)[:, :k] for block in np.array_split(queries, len(queries))]
    return np.concatenate(found)


def _nearest(unit: np.ndarray, k: int) -> np.ndarray:
    """Return the k nearest other rows of each, (n, k)."""
    found = []
    for start in range(0, len(unit), _AT_ONCE):
        cosines = unit[start : start + _AT_ONCE] @ unit.T
        cosines[np.arange(len(cosines)), start + np.arange(len(cosines))] = -2
        found.append(np.argpartition(-cosines, k - 1, axis=1)[:, :k])
    return np.concatenate(found)
