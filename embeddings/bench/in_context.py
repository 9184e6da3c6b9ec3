"""The in-context head: TabICL predicts from the training rows as they are, with weights that it learned long before.

Nothing is trained here: the network of Qu et al. (ICML 2025, arXiv 2502.05564; version 2: arXiv 2602.11139) reads the
training rows together with those to predict. So the rows are the model, and are saved with it; the weights are not.
The package `tabicl` is not among the requirements, and the weights are files that the user names: see
`embeddings.bench.in_context_weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from embeddings.bench.in_context_weights import Weights, check_installed, find_weights, weights_in_use
from embeddings.errors import InputInvalid, MissingExtra

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import VarianceThreshold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

MAX_ROWS = 2_000
"""Training rows: on a processor the time grows with rows times columns, to minutes beyond this."""

MAX_COLUMNS = 50
"""More columns are replaced by as many principal components of the training rows."""

MIN_VARIANCE = 1e-8
N_VIEWS = 4
"""The network predicts so many times, of columns in another order or scale, and the mean is taken."""

ROWS_AT_ONCE = 2_048
SECONDS_PER_ROW = 0.03
"""One fit and its predictions, roughly, on one core: for a budget, until one has run."""


class _InContext(BaseEstimator):
    """What classes and numbers share.

    Args:
        weights: path of the checkpoint.
        sha256: of the checkpoint.
        seed: of the views.
    """

    def __init__(self, weights: str = "", sha256: str = "", seed: int = 0) -> None:
        self.weights = weights
        self.sha256 = sha256
        self.seed = seed

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_network", None)
        return state

    def _remember(self, X: np.ndarray, y: np.ndarray) -> None:
        """Keep the training rows: they are the model."""
        self.__dict__.pop("_network", None)
        self.reducer_ = _reducer(len(X), n_columns=int((np.var(X, axis=0) > MIN_VARIANCE).sum()))
        self.X_ = np.asarray(self.reducer_.fit_transform(X), dtype=np.float32)
        self.y_ = y

    def _predicted(self, X: np.ndarray, predict: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        reduced = np.asarray(self.reducer_.transform(X), dtype=np.float32)
        parts = range(0, len(reduced), ROWS_AT_ONCE)
        return np.concatenate([predict(reduced[start : start + ROWS_AT_ONCE]) for start in parts])

    def _made(self, name: str) -> Any:
        """Return the estimator of tabicl with the training rows as its context."""
        check_installed()
        import tabicl

        path = find_weights(Weights(Path(self.weights), self.sha256))
        network = getattr(tabicl, name)(
            n_estimators=N_VIEWS, model_path=path, allow_auto_download=False, device="cpu", use_amp=False,
            use_fa3=False, offload_mode=False, random_state=self.seed, n_jobs=1,
        )  # fmt: skip
        try:
            return network.fit(self.X_, self.y_)
        except (AssertionError, KeyError, RuntimeError, TypeError) as error:
            raise InputInvalid(f"{path} does not hold weights that this version of tabicl can use: {error}") from error


class InContextRegressor(RegressorMixin, _InContext):
    """TabICL for numbers: the median of what it holds possible, which the absolute error asks for."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Remember the rows, (n, d) and (n,)."""
        y = np.asarray(y, dtype=np.float64)
        self.center_ = float(np.median(y))
        self._remember(X, (y - self.center_).astype(np.float32))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions, (n,).

        Raises:
            MissingExtra: tabicl is not installed.
            WeightsNotFound: the weights are not where they were, and not where they are named.
        """
        return self._predicted(X, lambda rows: self._network.predict(rows, output_type="median")) + self.center_

    @cached_property
    def _network(self) -> Any:
        return self._made("TabICLRegressor")


class InContextClassifier(ClassifierMixin, _InContext):
    """TabICL for classes."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Remember the rows, (n, d) and (n,)."""
        self.classes_ = np.unique(y)
        self._remember(X, np.asarray(y))
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (n, n_classes).

        Raises:
            MissingExtra: tabicl is not installed.
            WeightsNotFound: the weights are not where they were, and not where they are named.
        """
        return self._predicted(X, lambda rows: self._network.predict_proba(rows))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the likeliest class, (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    @cached_property
    def _network(self) -> Any:
        return self._made("TabICLClassifier")


def in_context_regressor(seed: int, n_rows: int) -> InContextRegressor:
    """Return the head for numbers, with the weights in use."""
    weights = weights_in_use(classify=False)
    return InContextRegressor(str(weights.path), weights.sha256, seed)


def in_context_classifier(seed: int, n_rows: int) -> InContextClassifier:
    """Return the head for classes, with the weights in use."""
    weights = weights_in_use(classify=True)
    return InContextClassifier(str(weights.path), weights.sha256, seed)


def _reducer(n_rows: int, *, n_columns: int) -> Any:
    """Return what leaves out columns that do not vary, and makes few of the others if there are too many."""
    if n_columns <= MAX_COLUMNS:
        return make_pipeline(VarianceThreshold(MIN_VARIANCE))
    components = PCA(min(MAX_COLUMNS, n_rows), svd_solver="full")
    return make_pipeline(VarianceThreshold(MIN_VARIANCE), StandardScaler(), components)
