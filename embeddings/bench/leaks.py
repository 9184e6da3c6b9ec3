"""Columns that tell the target: the same measurement in another unit, a label of it, or a number made from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from embeddings.bench.values import read_values
from embeddings.tables.cells import as_number, is_blank

MIN_SHARED = 10
"""Rows that must hold both, to tell."""

MIN_DISTINCT = 3
"""Different numbers of a target, of which fewer are ordered by chance."""

MAX_LABELS = 20
"""Different texts of a column that may be labels of classes."""


def leaking_columns(rows: Sequence[Sequence[Any]], target: int) -> list[int]:
    """Return the places of columns that order the rows exactly as the target does, or part its classes exactly.

    Args:
        rows: (n_rows, n_columns) cells.
        target: place of the target.
    """
    read = read_values([cells[target] for cells in rows])
    n_columns = len(rows[0]) if rows else 0
    tells = _tells_class if read.classes else _tells_number
    return [
        place for place in range(n_columns) if place != target and tells([cells[place] for cells in rows], read.numbers)
    ]


def _tells_number(cells: Sequence[Any], values: np.ndarray) -> bool:
    """Whether numbers stand in exactly the order of the values, or in the reverse of it, ties included."""
    numbers = _numbers(cells)
    shared = np.isfinite(numbers) & np.isfinite(values)
    if shared.sum() < MIN_SHARED or 2 * shared.sum() < np.isfinite(values).sum():
        return False
    ranks, others = (np.unique(column[shared], return_inverse=True)[1] for column in (values, numbers))
    top = ranks.max()
    return top + 1 >= MIN_DISTINCT and bool((ranks == others).all() or (ranks == top - others).all())


def _tells_class(cells: Sequence[Any], values: np.ndarray) -> bool:
    """Whether a threshold on numbers parts the classes exactly, or labels stand for them one by one."""
    numbers = _numbers(cells)
    if np.isfinite(numbers).sum() >= MIN_SHARED:
        shared = np.isfinite(numbers) & np.isfinite(values)
        order = np.argsort(numbers[shared], kind="stable")
        return _are_parted(numbers[shared][order], values[shared][order])
    pairs = {
        (str(cell).strip(), value)
        for cell, value in zip(cells, values.tolist(), strict=True)
        if not is_blank(cell) and math.isfinite(value)
    }
    labels, classes = ({pair[k] for pair in pairs} for k in (0, 1))
    return 1 < len(pairs) == len(labels) == len(classes) <= MAX_LABELS


def _are_parted(numbers: np.ndarray, classes: np.ndarray) -> bool:
    """Whether each class fills one stretch of sorted numbers, and no number is of two classes."""
    changes = np.flatnonzero(np.diff(classes) != 0)
    n_classes = len(np.unique(classes))
    smallest = min((classes == one).sum() for one in np.unique(classes)) if n_classes else 0
    is_clean = bool((numbers[changes] < numbers[changes + 1]).all())
    return n_classes > 1 and smallest >= MIN_DISTINCT and len(changes) == n_classes - 1 and is_clean


def _numbers(cells: Sequence[Any]) -> np.ndarray:
    return np.array([as_number(cell) for cell in cells])
