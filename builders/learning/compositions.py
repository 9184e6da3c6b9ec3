"""Formulas as padded tensors: what every network of compositions is trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from embeddings.formula import FractionMatrix, fraction_matrix
from embeddings.missing import FOR_MODELS, Missing, check_policy
from embeddings.pooling.replacing import replacements


@dataclass(frozen=True)
class Compositions:
    """``B`` formulas of up to ``N`` elements.

    Attributes:
        atomic_numbers: (B, N) int64, 0 where padded.
        fractions: (B, N) float32, one in sum.
    """

    atomic_numbers: Tensor
    fractions: Tensor

    def __len__(self) -> int:
        return len(self.atomic_numbers)

    def take(self, rows: Tensor) -> Compositions:
        """Return the formulas at the given rows."""
        return Compositions(self.atomic_numbers[rows], self.fractions[rows])

    def to(self, device: torch.device) -> Compositions:
        """Return the formulas on a device."""
        return Compositions(self.atomic_numbers.to(device), self.fractions.to(device))

    def first(self, n_elements: int) -> Compositions:
        """Return the first so many entries of each formula; the others must be padding."""
        return Compositions(self.atomic_numbers[:, :n_elements], self.fractions[:, :n_elements])


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
    return packed(matrix, None if covered is None else replacements(matrix.atomic_numbers, covered, missing=missing))


def packed(matrix: FractionMatrix, replaced: np.ndarray | None = None) -> Compositions:
    """Return formulas that were read already.

    Args:
        matrix: n formulas.
        replaced: (119,) for each atomic number the one that is taken; itself if None.
    """
    numbers = matrix.atomic_numbers.astype(np.int64)
    numbers = numbers if replaced is None else replaced[numbers]
    shape = (len(matrix), int(matrix.n_elements.max(initial=1)))
    atomic_numbers, fractions = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.float32)
    rows = np.repeat(np.arange(len(matrix)), matrix.n_elements)
    columns = np.arange(len(rows)) - matrix.offsets[rows]
    atomic_numbers[rows, columns], fractions[rows, columns] = numbers, matrix.fractions
    return Compositions(torch.from_numpy(atomic_numbers), torch.from_numpy(fractions))
