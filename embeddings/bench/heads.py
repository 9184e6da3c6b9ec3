"""What a model makes of its features: each head by name, an estimator of scikit-learn or LightGBM.

A head is one entry in `HEADS`. All are seeded, and minimize the absolute error where they can choose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.bench.finetuned import FINETUNED, FinetunedClassifier, FinetunedRegressor
from embeddings.bench.in_context import MAX_ROWS, SECONDS_PER_ROW, in_context_classifier, in_context_regressor
from embeddings.bench.in_context_weights import HEAD, named_path
from embeddings.errors import InputInvalid, MissingExtra, did_you_mean

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

ROWS_PER_THREAD = 2_000
"""Trees and boosting use one more thread for so many rows: for fewer, threads wait longer than they work."""


@dataclass(frozen=True)
class Head:
    """One way to learn.

    Attributes:
        regressor: seed, number of threads -> estimator.
        classifier: seed, number of threads -> estimator with `predict_proba`; None where there is none.
        max_rows: it is not tried on more.
        needs_encoder: whether it is tried once for each composition encoder, and on nothing else.
        judge: head whose classifier tells zeros from other values before it; itself if empty.
        takes_part: whether it is tried where no heads are named.
        seconds_per_row: that one fit is expected to take, until one has run.
    """

    regressor: Callable[[int, int], Any]
    classifier: Callable[[int, int], Any] | None
    max_rows: int = 10**9
    needs_encoder: bool = False
    judge: str = ""
    takes_part: Callable[[], bool] = lambda: True
    seconds_per_row: float = 0.0


def _scaled(estimator: Any) -> Any:
    return make_pipeline(VarianceThreshold(MIN_VARIANCE), StandardScaler(), estimator)


def _gaussian_process(seed: int, n_threads: int) -> Any:
    kernel = ConstantKernel(1.0) * Matern(10.0, nu=1.5, length_scale_bounds=(0.1, 1e3)) + WhiteKernel(0.1)
    return _scaled(GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed, alpha=1e-8))


def _boosting(kind: Any, seed: int, n_threads: int, **more: Any) -> Any:
    return kind(
        n_estimators=400, learning_rate=0.04, num_leaves=15, min_child_samples=5, colsample_bytree=0.3, subsample=0.8,
        subsample_freq=1, reg_lambda=1.0, random_state=seed, n_jobs=n_threads, verbose=-1, deterministic=True,
        force_row_wise=True, **more,
    )  # fmt: skip


HEADS: dict[str, Head] = {
    "mean": Head(
        lambda seed, n_threads: DummyRegressor(strategy="median"),
        lambda seed, n_threads: DummyClassifier(strategy="prior"),
    ),
    "ridge": Head(
        lambda seed, n_threads: _scaled(RidgeCV(ALPHAS)),
        lambda seed, n_threads: _scaled(LogisticRegression(C=0.1, max_iter=500)),
        max_rows=50_000,
    ),
    "neighbors": Head(
        lambda seed, n_threads: _scaled(KNeighborsRegressor(5, weights="distance", algorithm="brute")),
        lambda seed, n_threads: _scaled(KNeighborsClassifier(10, weights="distance", algorithm="brute")),
        max_rows=50_000,
    ),
    "trees": Head(
        lambda seed, n_threads: ExtraTreesRegressor(200, max_features=0.33, random_state=seed, n_jobs=n_threads),
        lambda seed, n_threads: ExtraTreesClassifier(200, max_features="sqrt", random_state=seed, n_jobs=n_threads),
        max_rows=50_000,
    ),
    "boosting": Head(
        lambda seed, n_threads: _boosting(LGBMRegressor, seed, n_threads),
        lambda seed, n_threads: _boosting(LGBMClassifier, seed, n_threads),
    ),
    "boosting-l1": Head(
        lambda seed, n_threads: _boosting(LGBMRegressor, seed, n_threads, objective="l1"),
        None,
    ),
    "gaussian-process": Head(_gaussian_process, None, max_rows=1_500),
    FINETUNED: Head(
        lambda seed, n_threads: FinetunedRegressor(seed),
        lambda seed, n_threads: FinetunedClassifier(seed),
        max_rows=20_000,
        needs_encoder=True,
    ),
    HEAD: Head(
        in_context_regressor,
        in_context_classifier,
        max_rows=MAX_ROWS,
        judge="trees",
        takes_part=lambda: named_path() is not None,
        seconds_per_row=SECONDS_PER_ROW,
    ),
}
"""Every head by name, from the cheapest to the dearest of a few hundred rows."""


def threads_for(n_rows: int) -> int:
    """Return how many threads a head uses for so many rows; the result does not depend on it."""
    return max(1, min(os.cpu_count() or 1, n_rows // ROWS_PER_THREAD + 1 if n_rows >= ROWS_PER_THREAD else 1))


def checked_heads(heads: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of one head or several, each once; for None all that can take part.

    Raises:
        InputInvalid: there is no such head, or none is given.
    """
    if heads is None:
        return tuple(name for name, head in HEADS.items() if head.takes_part())
    names = tuple(dict.fromkeys((heads,) if isinstance(heads, str) else heads))
    unknown = next((name for name in names or ("",) if name not in HEADS), None)
    if unknown is not None:
        raise InputInvalid(f'No head "{unknown}".{did_you_mean(unknown, HEADS)} There are: {", ".join(HEADS)}.')
    return names
