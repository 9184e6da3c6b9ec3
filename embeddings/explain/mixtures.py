"""Compositions as rows of fractions, and the forms in which models take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.formula import FractionMatrix

_DIGITS = 13  # with its point, a number that the fast reader of formulas takes
_MANY, _FEW_DIGITS = 50, 6
_LEAST = 1e-9  # the smallest amount that a formula may have


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Compositions, row by row.

    Attributes:
        fractions: (n, 118) atomic fraction of every element, one in sum over a row.
        totals: (n,) atoms per formula unit, for models that know the size of a formula.
    """

    fractions: np.ndarray
    totals: np.ndarray

    def __len__(self) -> int:
        return len(self.totals)

    @classmethod
    def of(cls, matrix: FractionMatrix) -> Mixtures:
        """Return what was read of formulas."""
        rows = np.repeat(np.arange(len(matrix)), matrix.n_elements)
        fractions = np.zeros((len(matrix), N_ELEMENTS))
        fractions[rows, matrix.atomic_numbers.astype(int) - 1] = matrix.fractions
        return cls(fractions, matrix.totals)

    @classmethod
    def joined(cls, parts: Iterable[Mixtures]) -> Mixtures:
        """Return several, one after the other."""
        parts = list(parts)
        return cls(np.concatenate([one.fractions for one in parts]), np.concatenate([one.totals for one in parts]))

    def matrix(self) -> FractionMatrix:
        """Return the amounts as a sparse matrix; traces too small to be written in a formula are left out."""
        amounts = self.fractions * self.totals[:, None]
        rows, columns = np.nonzero(amounts >= _LEAST)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(self)))])
        return FractionMatrix(offsets, (columns + 1).astype(np.uint8), amounts[rows, columns])

    def spelled(self) -> list[str]:
        """Return each as a formula with decimal amounts, such as ``Fe0.4O0.6``."""
        matrix = self.matrix()
        symbols = [SYMBOLS[z - 1] for z in matrix.atomic_numbers.tolist()]
        amounts = matrix.amounts.tolist()
        return [_formula(symbols[start:stop], amounts[start:stop]) for start, stop in pairwise(matrix.offsets.tolist())]


def _formula(symbols: list[str], amounts: list[float]) -> str:
    """Return a formula; of very many elements with fewer digits, so that it is not too long to be read."""
    digits = _DIGITS if len(symbols) <= _MANY else _FEW_DIGITS
    written = [(symbol, _decimal(amount, digits)) for symbol, amount in zip(symbols, amounts, strict=True)]
    return "".join(f"{symbol}{amount}" for symbol, amount in written if amount != "0")


def _decimal(amount: float, digits: int) -> str:
    decimals = max(0, digits - len(str(int(amount))))
    text = f"{amount:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text
