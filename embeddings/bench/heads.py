"""What a model makes of its features: each head by name, an estimator of scikit-learn or LightGBM.

A head is one entry in `HEADS`. All are seeded, and minimize the absolute error where they can choose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.errors import MissingExtra

try:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.feature_selection import VarianceThreshold
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtra.of(error.name or "scikit-learn", "bench") from error

ALPHAS = np.logspace(-2, 5, 15)
MIN_VARIANCE = 1e-8
"""Columns that vary less are left out of linear models, which would take their rounding for signal."""

N_THREADS = 2
"""Of trees and boosting; the result does not depend on it."""


@dataclass(frozen=True)
class Head:
    """One way to learn.

    Attributes:
        regressor: seed -> estimator.
        classifier: seed -> estimator with `predict_proba`; None where there is none.
        max_rows: it is not tried on more.
    """

    regressor: Callable[[int], Any]
    classifier: Callable[[int], Any] | None
    max_rows: int = 10**9


def _scaled(estimator: Any) -> Any:
    return make_pipeline(VarianceThreshold(MIN_VARIANCE), StandardScaler(), estimator)


def _gaussian_process(seed: int) -> Any:
    kernel = ConstantKernel(1.0) * Matern(10.0, nu=1.5, length_scale_bounds=(0.1, 1e3)) + WhiteKernel(0.1)
    return _scaled(GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed, alpha=1e-8))


def _boosting(kind: Any, seed: int, **more: Any) -> Any:
    return kind(
        n_estimators=400, learning_rate=0.04, num_leaves=15, min_child_samples=5, colsample_bytree=0.3, subsample=0.8,
        subsample_freq=1, reg_lambda=1.0, random_state=seed, n_jobs=N_THREADS, verbose=-1, deterministic=True,
        force_row_wise=True, **more,
    )  # fmt: skip


HEADS: dict[str, Head] = {
    "mean": Head(
        lambda seed: DummyRegressor(strategy="median"),
        lambda seed: DummyClassifier(strategy="prior"),
    ),
    "ridge": Head(
        lambda seed: _scaled(RidgeCV(ALPHAS)),
        lambda seed: _scaled(LogisticRegression(C=0.1, max_iter=500)),
        max_rows=50_000,
    ),
    "neighbors": Head(
        lambda seed: _scaled(KNeighborsRegressor(5, weights="distance", algorithm="brute")),
        lambda seed: _scaled(KNeighborsClassifier(10, weights="distance", algorithm="brute")),
        max_rows=50_000,
    ),
    "trees": Head(
        lambda seed: ExtraTreesRegressor(200, max_features=0.33, random_state=seed, n_jobs=N_THREADS),
        lambda seed: ExtraTreesClassifier(200, max_features="sqrt", random_state=seed, n_jobs=N_THREADS),
        max_rows=50_000,
    ),
    "boosting": Head(
        lambda seed: _boosting(LGBMRegressor, seed),
        lambda seed: _boosting(LGBMClassifier, seed),
    ),
    "boosting-l1": Head(
        lambda seed: _boosting(LGBMRegressor, seed, objective="l1"),
        None,
    ),
    "gaussian-process": Head(_gaussian_process, None, max_rows=1_500),
}
"""Every head by name, from the cheapest to the dearest of a few hundred rows."""
