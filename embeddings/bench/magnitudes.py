"""Scores of numbers of any size: squares of 1e200 are no numbers, and those of 1e-200 are zero."""

from __future__ import annotations

import numpy as np


def root_mean_square(errors: np.ndarray) -> float:
    """Return the root of the mean square of errors of any size, (n,)."""
    exponent = _exponent(errors)
    return float(np.ldexp(np.sqrt(np.mean(np.ldexp(errors, -exponent) ** 2)), exponent))


def determination(predicted: np.ndarray, values: np.ndarray) -> float:
    """Return R2 of predictions (n,) for values (n,) of any size; NaN where the values are all the same."""
    if not np.ptp(values):
        return float("nan")
    away = values - values.mean()
    exponent = _exponent(away)
    errors, spread = (np.sum(np.ldexp(one, -exponent) ** 2) for one in (values - predicted, away))
    return float(1 - errors / spread)


def _exponent(numbers: np.ndarray) -> int:
    """Return the power of two that is near the largest; to divide by it rounds nothing."""
    return int(np.frexp(np.abs(numbers).max(initial=0.0))[1])
