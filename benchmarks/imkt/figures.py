"""Errors of one fold in figures, and whether one model's are smaller than another's by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embeddings.bench.paired import corrected_p

PARTS = ("", "_new", "_seen", "_unseen")
"""All tested rows; those whose formula does not stand in the training rows; those whose formula stands in the whole
source of the encoders, and those whose formula does not."""


def figures_of(errors: np.ndarray, groups: np.ndarray, tested: np.ndarray, source: np.ndarray) -> dict[str, Any]:
    """Return the number of rows and the mean absolute error of each part.

    Args:
        errors: (n_tested,) absolute errors.
        groups: (n,) canonical formulas of all rows.
        tested: (n,) which rows are tested.
        source: (n,) which rows have their formula in the source.
    """
    is_new, in_source = ~np.isin(groups[tested], groups[~tested]), source[tested]
    masks = (np.ones(len(errors), dtype=bool), is_new, in_source, ~in_source)
    found: dict[str, Any] = {}
    for part, mask in zip(PARTS, masks, strict=True):
        found[f"n{part}"] = int(mask.sum())
        found[f"mae{part}"] = plain(errors[mask].mean()) if mask.any() else None
    return found


def paired_p(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], groups: Sequence[np.ndarray], n: int) -> float:
    """Return the two-sided probability that two models differ as they do by chance.

    Of several folds their mean errors are compared, corrected for training rows that they share; of a single split the
    mean errors of its formulas, whose rows are not independent.

    Args:
        ours: (n_tested,) absolute errors of each fold, mean over seeds.
        theirs: of the other model, of the same rows.
        groups: (n_tested,) canonical formulas of each fold.
        n: rows of the task.
    """
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    if len(differences) > 1:
        share = float(np.mean([len(one) / (n - len(one)) for one in differences]))
        return corrected_p(np.array([one.mean() for one in differences]), share)
    _, formula = np.unique(groups[0], return_inverse=True)
    return corrected_p(np.bincount(formula, weights=differences[0]) / np.bincount(formula), 0.0)


def plain(number: float) -> float | None:
    """Return a number of six digits as JSON can hold it, None for NaN and infinity."""
    return float(f"{number:.6g}") if np.isfinite(number) else None
