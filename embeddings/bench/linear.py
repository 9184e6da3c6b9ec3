"""What linear models of features share, in the bench and in the estimators."""

from __future__ import annotations

from typing import Any

import numpy as np

from embeddings.errors import MissingExtra

try:
    from sklearn.feature_selection import VarianceThreshold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "sklearn") from error

ALPHAS = np.logspace(-2, 5, 15)
"""Penalties that ridge chooses from."""

MIN_VARIANCE = 1e-8
"""Columns that vary less are left out of linear models, which would take their rounding for signal."""


def scaled(estimator: Any) -> Any:
    """Return an estimator of columns that vary, each standardized."""
    return make_pipeline(VarianceThreshold(MIN_VARIANCE), StandardScaler(), estimator)


def is_blind(features: np.ndarray) -> bool:
    """Whether nothing tells the rows of features (n, d) apart, which linear models refuse."""
    return bool((features.var(axis=0) <= MIN_VARIANCE).all())
