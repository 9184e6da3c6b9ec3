"""Formulas as padded tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from builders.methods.cromel.model import Compositions
from embeddings.elements import N_ELEMENTS, SYMBOLS, table_distance
from embeddings.errors import ElementNotCovered
from embeddings.formula import FractionMatrix, fraction_matrix
from embeddings.missing import FOR_MODELS, Missing, check_policy


def pack(formulas: Iterable[Any], covered: np.ndarray | None = None, *, missing: Missing = "raise") -> Compositions:
    """Return formulas as tensors.

    Args:
        formulas: n formulas: strings, mappings or Compositions.
        covered: atomic numbers that have a vector; all if None.
        missing: a policy out of `embeddings.missing.FOR_MODELS` for the others.

    Raises:
        FormulaInvalid: a formula cannot be read; names the first row, counted from 0.
        ElementNotCovered: an element has no vector and the policy is ``"raise"``.
        InputInvalid: no such policy.
    """
    check_policy(missing, FOR_MODELS)
    matrix = fraction_matrix(formulas)
    numbers = matrix.atomic_numbers.astype(np.int64)
    if covered is not None:
        numbers = _covered_numbers(numbers, covered, missing)
    return _padded(matrix, numbers)


def _covered_numbers(numbers: np.ndarray, covered: np.ndarray, missing: str) -> np.ndarray:
    """Return atomic numbers, each uncovered one replaced by the covered one nearest to it in the periodic table."""
    unknown = np.setdiff1d(numbers, covered).tolist()
    if unknown and missing == "raise":
        raise ElementNotCovered(
            f"The encoder was not trained on {', '.join(SYMBOLS[z - 1] for z in unknown)}. Leave out those formulas, "
            'or choose missing="impute" to let the nearest element of the periodic table stand in.'
        )
    stand_in = np.arange(N_ELEMENTS + 1)
    for z in unknown:
        stand_in[z] = min(covered.tolist(), key=lambda other: table_distance(z, other))
    return stand_in[numbers]


def _padded(matrix: FractionMatrix, numbers: np.ndarray) -> Compositions:
    shape = (len(matrix), int(matrix.n_elements.max(initial=1)))
    atomic_numbers, fractions = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.float32)
    rows = np.repeat(np.arange(len(matrix)), matrix.n_elements)
    columns = np.arange(len(rows)) - matrix.offsets[rows]
    atomic_numbers[rows, columns], fractions[rows, columns] = numbers, matrix.fractions
    return Compositions(torch.from_numpy(atomic_numbers), torch.from_numpy(fractions))
