"""What is predicted from vectors: by a ridge regression or extra trees, whichever inner folds prefer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from benchmarks.teachers.problem import Examined
from builders.learning.ridge import fit_ridge
from embeddings.bench.folds import grouped_folds

N_TREES, N_DRAFTED, SHARE = 200, 50, 0.33
"""Trees, trees while heads are compared, and the share of the columns that a split looks at."""

N_INNER = 3
"""Folds of the training rows, by formula."""


def _ridge(features: np.ndarray, values: np.ndarray, others: np.ndarray, *, draft: bool) -> np.ndarray:
    weights, biases = fit_ridge(features, values)
    return others @ weights.T + biases


def _trees(features: np.ndarray, values: np.ndarray, others: np.ndarray, *, draft: bool) -> np.ndarray:
    """All targets in one forest: they are standardized, and weigh alike in a split."""
    model = ExtraTreesRegressor(N_DRAFTED if draft else N_TREES, max_features=SHARE, random_state=0, n_jobs=1)
    return np.asarray(model.fit(features, values).predict(others)).reshape(len(others), -1)


HEADS: dict[str, Callable[..., np.ndarray]] = {"ridge": _ridge, "trees": _trees}


def predicted(features: np.ndarray, tested: Examined) -> tuple[np.ndarray, list[str]]:
    """Predict the values of the test rows.

    Args:
        features: (n, dim) of all rows.
        tested: their values, and which rows are learned from.

    Returns:
        (n_test, n_targets); and the head that was chosen for each target.
    """
    rows = tested.training_rows
    mean, std = tested.values[rows].mean(axis=0), tested.values[rows].std(axis=0)
    features, values = features.astype(np.float64), (tested.values - mean) / std
    chosen = _chosen(features[rows], values[rows], tested.formulas[rows])
    found = np.empty((len(tested.test_rows), values.shape[1]))
    for head in dict.fromkeys(chosen):
        mine = np.array([name == head for name in chosen])
        said = HEADS[head](features[rows], values[rows], features[tested.test_rows], draft=False)
        found[:, mine] = said[:, mine]
    return found * std + mean, chosen


def _chosen(features: np.ndarray, values: np.ndarray, formulas: np.ndarray) -> list[str]:
    """Return the head of the smaller absolute error on inner folds, for each target."""
    errors = np.zeros((len(HEADS), values.shape[1]))
    for train, test in grouped_folds(formulas, N_INNER, 0):
        for k, fitted in enumerate(HEADS.values()):
            said = fitted(features[train], values[train], features[test], draft=True)
            errors[k] += np.abs(said - values[test]).mean(axis=0)
    return [list(HEADS)[k] for k in errors.argmin(axis=0)]
