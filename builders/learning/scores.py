"""Figures of merit on held-out crystals, always beside the simplest baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Score:
    """How well one target is predicted.

    Attributes:
        mae: mean absolute error, in the target's unit.
        r2: coefficient of determination.
        n: number of held-out values.
        baseline_mae: error of predicting the mean of the training rows.
    """

    mae: float
    r2: float
    n: int
    baseline_mae: float


def score(predicted: np.ndarray, actual: np.ndarray, training_mean: float) -> Score:
    """Compare predictions with values, both (n,) in the target's unit; rows whose value is NaN are left out."""
    known = np.isfinite(actual)
    predicted, actual = predicted[known], actual[known]
    if not known.any():
        return Score(mae=float("nan"), r2=float("nan"), n=0, baseline_mae=float("nan"))
    spread = float(((actual - actual.mean()) ** 2).sum())
    residual = float(((actual - predicted) ** 2).sum())
    return Score(
        mae=float(np.abs(actual - predicted).mean()),
        r2=1 - residual / spread if spread > 0 else float("nan"),
        n=int(known.sum()),
        baseline_mae=float(np.abs(actual - training_mean).mean()),
    )
