"""Folds by reduced formula: every row is held out once in a round, and its formula is on one side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fold:
    """Rows to learn from, and rows that are held out; no formula is in both.

    Attributes:
        training_rows: ascending.
        held_out: ascending.
    """

    training_rows: np.ndarray
    held_out: np.ndarray


def deal(formulas: Sequence[str], *, n_folds: int, n_rounds: int, seed: int) -> list[Fold]:
    """Deal rows into folds, several times over; the order of the rows makes no difference.

    Args:
        formulas: (n,) canonical reduced formulas, at least two distinct ones.
        n_folds: of a round; fewer if there are fewer formulas.
        n_rounds: each deals the formulas anew.
        seed: of the order in which formulas are dealt.
    """
    distinct, formula_of_row = np.unique(np.asarray(formulas, dtype=str), return_inverse=True)
    n_folds = min(n_folds, len(distinct))
    folds = []
    for number in range(n_rounds):
        order = sorted(range(len(distinct)), key=lambda k: _draw(str(distinct[k]), seed, number))
        fold_of_formula = np.empty(len(distinct), dtype=np.int64)
        fold_of_formula[order] = np.arange(len(distinct)) % n_folds
        fold_of_row = fold_of_formula[formula_of_row]
        folds += [Fold(np.flatnonzero(fold_of_row != k), np.flatnonzero(fold_of_row == k)) for k in range(n_folds)]
    return folds


def _draw(formula: str, seed: int, number: int) -> bytes:
    return hashlib.sha256(f"{seed} round {number} {formula}".encode()).digest()
