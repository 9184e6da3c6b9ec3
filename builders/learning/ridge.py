"""Ridge regression with its strength chosen by leaving one row out: what a network on fixed vectors has to beat."""

from __future__ import annotations

import numpy as np

STRENGTHS = np.logspace(-3, 5, 17)

_TINY = 1e-9


def fit_ridge(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit each target on the rows where it is known.

    Args:
        features: (n, dim).
        labels: (n, n_targets), NaN where unknown.

    Returns:
        Weights (n_targets, dim) and biases (n_targets,) float64; zeros for a target with fewer than two values.
    """
    fits = [_fit_one(features[known], column[known]) for column in labels.T for known in (np.isfinite(column),)]
    return np.stack([weights for weights, _ in fits]), np.array([bias for _, bias in fits])


def _fit_one(features: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    if len(values) < 2:
        return np.zeros(features.shape[1]), float(values.mean()) if len(values) else 0.0
    shift, scale = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    scale[scale < _TINY] = np.inf
    left, sizes, right = np.linalg.svd((features - shift) / scale, full_matrices=False)
    mean = values.mean()
    projected = left.T @ (values - mean)
    kept = sizes**2 / (sizes**2 + STRENGTHS[:, None])  # (n_strengths, rank)
    residuals = (values - mean) - (kept * projected) @ left.T
    leverage = 1 / len(values) + kept @ (left**2).T
    errors = np.abs(residuals / np.clip(1 - leverage, _TINY, None)).mean(axis=1)
    strength = STRENGTHS[int(errors.argmin())]
    weights = (right.T @ (sizes / (sizes**2 + strength) * projected)) / scale
    return weights, float(mean - shift @ weights)
