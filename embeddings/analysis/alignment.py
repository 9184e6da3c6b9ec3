"""Vectors of several runs turned into one frame, so that they can be subtracted and averaged.

Training knows no preferred axes: two runs that learned the same may differ by a rotation. The rotation that brings
one run nearest to another is the orthogonal Procrustes problem (Schoenemann, Psychometrika 31, 1 (1966)); for more
than two, each is turned toward the mean of all until the mean no longer changes (Gower, Psychometrika 40, 33 (1975)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embeddings.errors import InputInvalid

_ROUNDS = 100
_CONVERGED = 1e-9  # change of the mean in one round, relative to its length


def rotated_onto(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Return vectors turned or reflected about the origin, as close to others as possible in least squares.

    Args:
        moving: (n, dim) vectors to turn; only their direction as a whole changes.
        fixed: (n, dim) their counterparts, row by row.

    Returns:
        (n, dim) float64.
    """
    moving = np.asarray(moving, dtype=np.float64)
    return moving @ turn_onto(moving, fixed)


def turn_onto(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Return the orthogonal matrix that brings vectors as close to others as possible in least squares.

    Args:
        moving: (n, dim) vectors to turn.
        fixed: (n, dim) their counterparts, row by row.

    Returns:
        (dim, dim) float64; ``moving @ turn`` is close to `fixed`.
    """
    left, _, right = np.linalg.svd(np.asarray(moving, dtype=np.float64).T @ fixed)
    turn: np.ndarray = left @ right
    return turn


def align(tables: Sequence[np.ndarray]) -> np.ndarray:
    """Turn several tables of the same rows into one frame, close to that of the first.

    The cosines and lengths within each table stay as they are. ``align(tables).mean(axis=0)`` is their average.

    Args:
        tables: arrays (n, dim), row by row the same elements; narrower ones are padded with zeros.

    Returns:
        (n_tables, n, dim) float64, dim being that of the widest.

    Raises:
        InputInvalid: no tables, or tables of different numbers of rows.
    """
    aligned = _stacked(tables)
    mean = aligned[0]
    for _ in range(_ROUNDS):
        aligned = np.stack([rotated_onto(table, mean) for table in aligned])
        last, mean = mean, aligned.mean(axis=0)
        if np.linalg.norm(mean - last) <= _CONVERGED * np.linalg.norm(mean):
            break
    return aligned


def padded(vectors: np.ndarray, dim: int) -> np.ndarray:
    """Return vectors, (n, any dim), padded with zeros to a width: (n, dim) float64."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return np.pad(vectors, ((0, 0), (0, dim - vectors.shape[1])))


def _stacked(tables: Sequence[np.ndarray]) -> np.ndarray:
    shapes = [np.shape(table) for table in tables]
    if not shapes or any(len(shape) != 2 for shape in shapes) or len({rows for rows, _ in shapes}) > 1:
        raise InputInvalid(f"Tables to align are arrays (n, dim) of the same n rows, but these are {shapes}.")
    widest = max(dim for _, dim in shapes)
    return np.stack([padded(table, widest) for table in tables])
