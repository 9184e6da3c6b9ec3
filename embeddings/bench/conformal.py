"""Intervals that hold what they promise: split conformal prediction with errors scaled to what is near.

The scores are errors on formulas that the predicting model was not trained on, each over the error that is usual among
its neighbors; their quantile, with the correction for a finite sample, is the factor of every interval (Vovk et al.,
2005; Papadopoulos et al., Neural Networks 24, 842 (2011), 10.1016/j.neunet.2011.05.008, for the scaling). All rows of a
formula weigh as much as one, so that repeats do not make the intervals narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_NEIGHBORS = 15
PRIOR = 5.0
"""Neighbors' worth of the error of all that every local error is mixed with."""

_SMALLEST = 1e-9
"""Share of the error of all that no local error falls below."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the errors on unseen formulas say of the next one.

    Attributes:
        errors: (n_points,) mean absolute error of each formula of a neighborhood; NaN where none was predicted.
        factor: of the local error; infinite where there are too few formulas for the coverage.
        coverage: that was asked for.
        measured: share of the rows within their interval, each fold by the factor of the others; NaN for one fold.
    """

    errors: np.ndarray
    factor: float
    coverage: float
    measured: float

    def halfwidths(self, neighbors: np.ndarray) -> np.ndarray:
        """Return half the width of each interval, (n,); see `local_errors`."""
        return self.factor * local_errors(self.errors, neighbors)


def calibrate(
    residuals: np.ndarray, points: np.ndarray, folds: np.ndarray, neighbors: np.ndarray, *, coverage: float
) -> Calibration:
    """Find the factor that makes intervals cover.

    Args:
        residuals: (n,) measured minus predicted, of rows that the prediction was not trained on.
        points: (n,) the formula of each row, as a row of `neighbors`.
        folds: (n,) in which it was predicted; all rows of a formula in one.
        neighbors: (n_points, k) the nearest other formulas of each.
        coverage: share of new formulas that shall lie within their interval.
    """
    sizes, n_points = np.abs(residuals), len(neighbors)
    counts = np.bincount(points, minlength=n_points)
    with np.errstate(invalid="ignore"):
        errors = np.bincount(points, weights=sizes, minlength=n_points) / counts
    scores = sizes / local_errors(errors, neighbors)[points]
    weights = 1.0 / counts[points]
    factor = weighted_quantile(scores, weights, coverage)
    return Calibration(errors, factor, coverage, _measured(scores, weights, folds, coverage))


def local_errors(errors: np.ndarray, neighbors: np.ndarray) -> np.ndarray:
    """Return the error that is usual near each row, (n,) positive.

    Args:
        errors: (n_points,) of each formula, NaN where it is not known.
        neighbors: (n, k) the formulas near each row, a row itself never among them where it is one of these.
    """
    whole = float(np.nanmean(errors))
    if not whole > 0:
        return np.ones(len(neighbors))
    near = errors[neighbors]
    known = np.isfinite(near)
    total = np.where(known, near, 0.0).sum(axis=1)
    return np.maximum((total + PRIOR * whole) / (known.sum(axis=1) + PRIOR), _SMALLEST * whole)


def weighted_quantile(scores: np.ndarray, weights: np.ndarray, coverage: float) -> float:
    """Return the smallest score that a new one stays below with at least this probability; infinite if none does.

    Args:
        scores: (n,).
        weights: (n,) of each; the new score weighs one.
        coverage: the probability.
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) >= coverage * (weights.sum() + 1) - 1e-9
    return float(scores[order][np.argmax(reached)]) if reached.any() else float("inf")


def _measured(scores: np.ndarray, weights: np.ndarray, folds: np.ndarray, coverage: float) -> float:
    """Return the share of rows that the factor of the other folds covers, each formula counted once."""
    distinct = np.unique(folds)
    if len(distinct) < 2:
        return float("nan")
    covered = np.zeros(len(scores), dtype=bool)
    for fold in distinct:
        own = folds == fold
        covered[own] = scores[own] <= weighted_quantile(scores[~own], weights[~own], coverage)
    return float(np.average(covered, weights=weights))
