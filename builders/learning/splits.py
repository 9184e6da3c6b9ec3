"""Splits by reduced formula: all crystals of a formula fall on one side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from builders.structures.texts import Texts
from embeddings.elements import N_ELEMENTS
from embeddings.formula.bulk import canonical_matrix

_AT_ONCE = 16_384
"""Formulas that are looked into together."""


def split_by_formula(
    formulas: Sequence[str], *, validation_fraction: float, seed: int, keep_elements: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows so that all crystals of one reduced formula fall on one side.

    A formula's side is drawn from its own hash and the seed: it stays where it is when other rows come and go, so that
    a formula held out of one catalog is held out of every catalog with the same seed and fraction.

    Args:
        formulas: (n,) canonical reduced formulas.
        validation_fraction: share of the *formulas* that is held out, on average.
        seed: draws them.
        keep_elements: if every formula of an element would be held out, train on the one drawn last.

    Returns:
        Row numbers for training and for validation, both ascending. Neither is empty if there are two formulas.
    """
    whole = formulas if isinstance(formulas, Texts) else Texts.of([formulas])
    distinct, formula_of_row = whole.distinct()
    draws = np.fromiter((_draw(formula, seed) for formula in distinct), np.float64, len(distinct))
    is_held_out = draws < validation_fraction
    if keep_elements:
        is_held_out[_last_of_lost_elements(distinct, draws, is_held_out)] = False
    if not is_held_out.any():
        is_held_out[draws.argmin()] = True
    if is_held_out.all():
        is_held_out[draws.argmax()] = False
    in_validation = is_held_out[formula_of_row]
    return np.flatnonzero(~in_validation), np.flatnonzero(in_validation)


def _draw(formula: str, seed: int) -> float:
    """Return a number in [0, 1) that depends on the formula and the seed alone."""
    digest = hashlib.sha256(f"{seed} {formula}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _last_of_lost_elements(formulas: Texts, draws: np.ndarray, is_held_out: np.ndarray) -> list[int]:
    """Return, for each element that no training formula holds, the index of its formula with the largest draw."""
    largest, last = np.full(N_ELEMENTS + 1, -1.0), np.zeros(N_ELEMENTS + 1, dtype=np.int64)
    is_kept = np.zeros(N_ELEMENTS + 1, dtype=bool)
    for start in range(0, len(formulas), _AT_ONCE):
        elements = canonical_matrix(formulas[start : start + _AT_ONCE].tolist())
        formula_of = start + np.repeat(np.arange(len(elements)), elements.n_elements)
        is_kept[elements.atomic_numbers[~is_held_out[formula_of]]] = True
        for number in np.unique(elements.atomic_numbers).tolist():
            holders = formula_of[elements.atomic_numbers == number]
            first = holders[draws[holders].argmax()]
            if draws[first] > largest[number]:
                largest[number], last[number] = draws[first], first
    return last[(largest >= 0) & ~is_kept].tolist()
