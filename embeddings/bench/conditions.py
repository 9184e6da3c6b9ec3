"""Columns that a measurement depends on beside its formula, such as the temperature at which a formula was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from embeddings.formula.bulk import known_formulas
from embeddings.tables.cells import as_number

MIN_GROUPS = 3
"""Formulas that are measured several times, from which on a column is told to differ between them."""

SHARE = 0.8
"""Of those formulas, and of the cells of a column that are numbers."""

MAX_DISTINCT = 0.5
"""Of the rows: a column with more different numbers counts or measures something."""


def conditions(rows: Sequence[Sequence[Any]], formula: int, besides: Collection[int]) -> list[int]:
    """Return the places of columns of few numbers that differ between the rows of a formula.

    Args:
        rows: (n_rows, n_columns) cells.
        formula: place of the formulas.
        besides: places of columns that are asked for.
    """
    groups = defaultdict[str, list[int]](list)
    for row, known in enumerate(known_formulas([cells[formula] for cells in rows])):
        if known is not None:
            groups[known].append(row)
    repeated = [np.array(group) for group in groups.values() if len(group) > 1]
    if len(repeated) < MIN_GROUPS:
        return []
    places = [place for place in range(len(rows[0])) if place != formula and place not in besides]
    return [place for place in places if _differs(np.array([as_number(cells[place]) for cells in rows]), repeated)]


def _differs(numbers: np.ndarray, repeated: Sequence[np.ndarray]) -> bool:
    there = np.isfinite(numbers)
    if there.mean() < SHARE or len(np.unique(numbers[there])) > MAX_DISTINCT * len(numbers):
        return False
    return bool(np.mean([np.ptp(numbers[group]) > 0 for group in repeated]) >= SHARE)
