"""What happens to an element that a catalog does not cover: never anything that the caller did not choose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embeddings.display.numbers import counted
from embeddings.elements import N_ELEMENTS, SYMBOLS, table_distance
from embeddings.errors import ElementNotCovered
from embeddings.formula import FractionMatrix
from embeddings.missing import FOR_FORMULAS, Missing, described

if TYPE_CHECKING:
    from embeddings.catalog import ElementCatalog
    from embeddings.encoder import CompositionEncoder

POLICIES = described(FOR_FORMULAS)
"""Every policy for formulas by its name, and what it does."""


@dataclass(frozen=True)
class Covered:
    """A fraction matrix reduced to what a catalog covers; a row without entries has no vector."""

    matrix: FractionMatrix
    vector_rows: np.ndarray  # (n_entries,) int16, row of the catalog for each entry
    coverage: np.ndarray  # (n_rows,) float64: fraction of the atoms that the catalog covers


def stand_ins(catalog: ElementCatalog | CompositionEncoder) -> dict[str, str]:
    """Return, for every element that a catalog does not cover, the one that stands in for it under ``impute``.

    The nearest covered element counts a step along a group as 1 and a step to the next group as 2, the f block
    being in group 3; of equally near ones that in the same or a later period is taken, then that of the nearest
    atomic number.
    """
    covered = {int(z) for z in catalog.atomic_numbers}
    missing = [z for z in range(1, N_ELEMENTS + 1) if z not in covered]
    return {SYMBOLS[z - 1]: SYMBOLS[min(covered, key=lambda other: table_distance(z, other)) - 1] for z in missing}


def cover(
    matrix: FractionMatrix, catalog: ElementCatalog, missing: Missing, *, repeats: np.ndarray | None = None
) -> Covered:
    """Find the row of the catalog for every entry, and apply the policy where there is none.

    Args:
        matrix: element fractions.
        catalog: the element vectors.
        missing: a policy of :data:`POLICIES`.
        repeats: (n_rows,) how often each row of the matrix stands in the caller's column, for the message.

    Raises:
        ElementNotCovered: an element has no vector and the policy is ``"raise"``.
    """
    vector_rows = _vector_rows(catalog)[matrix.atomic_numbers]
    absent = vector_rows < 0
    if not absent.any():
        return Covered(matrix, vector_rows, np.ones(len(matrix)))
    rows = np.repeat(np.arange(len(matrix)), matrix.n_elements)
    if missing == "raise":
        raise _not_covered(catalog, matrix.atomic_numbers[absent], rows[absent], repeats)
    coverage = 1 - np.bincount(rows[absent], weights=matrix.fractions[absent], minlength=len(matrix))
    if missing == "impute":
        return Covered(matrix, _imputed_rows(catalog)[matrix.atomic_numbers], coverage)
    dropped = absent if missing == "skip" else np.isin(rows, rows[absent])
    left = _without(matrix, rows, dropped)
    return Covered(left, vector_rows[~dropped], np.where(left.n_elements == 0, 0.0, coverage))


def _vector_rows(catalog: ElementCatalog) -> np.ndarray:
    """Return the row of the catalog by atomic number, -1 where there is none: (119,) int16."""
    rows = np.full(N_ELEMENTS + 1, -1, dtype=np.int16)
    rows[catalog.atomic_numbers] = np.arange(len(catalog.atomic_numbers))
    return rows


def _imputed_rows(catalog: ElementCatalog) -> np.ndarray:
    """Return the row of the catalog by atomic number, that of the stand-in where there is none."""
    rows = _vector_rows(catalog)
    for symbol, other in stand_ins(catalog).items():
        rows[SYMBOLS.index(symbol) + 1] = rows[SYMBOLS.index(other) + 1]
    return rows


def _without(matrix: FractionMatrix, rows: np.ndarray, dropped: np.ndarray) -> FractionMatrix:
    """Return the matrix without some of its entries."""
    counts = np.bincount(rows[~dropped], minlength=len(matrix))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return FractionMatrix(offsets, matrix.atomic_numbers[~dropped], matrix.amounts[~dropped])


def _not_covered(
    catalog: ElementCatalog, numbers: Iterable[int], rows: np.ndarray, repeats: np.ndarray | None
) -> ElementNotCovered:
    """Return the error that names every element without a vector and in how many rows it stands."""
    weights = np.ones(len(rows), dtype=int) if repeats is None else repeats[rows]
    n_rows = np.bincount(np.asarray(numbers), weights=weights).astype(int)
    listed = ", ".join(f"{SYMBOLS[z - 1]} ({counted(n_rows[z], 'row')})" for z in np.flatnonzero(n_rows))
    return ElementNotCovered(
        f'The catalog "{catalog.name}" has no vector for {listed}. '
        'Leave those rows out, or choose missing="nan", "skip" or "impute".'
    )
