"""What a model makes of its features: each head by name, an estimator of scikit-learn or LightGBM.

A head is one entry in `HEADS`. All are seeded, and minimize the absolute error where they can choose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from embeddings.bench.finetuned import FINETUNED, FinetunedClassifier, FinetunedRegressor
from embeddings.bench.in_context import MAX_ROWS, SECONDS_PER_ROW, in_context_classifier, in_context_regressor
from embeddings.bench.in_context_weights import HEAD, named_path
from embeddings.errors import InputInvalid, MissingExtra, did_you_mean

try:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    from embeddings.bench.linear import ALPHAS, scaled
except ImportError as error:
    raise MissingExtra.of(error.name or "scikit-learn", "bench") from error


class Size(NamedTuple):
    """How far boosting goes, from so many training rows on."""

    from_rows: int
    n_trees: int
    n_leaves: int
    rate: float


BOOSTING = (Size(2_000, 600, 63, 0.06), Size(600, 800, 31, 0.04), Size(0, 400, 15, 0.04))
"""Chosen on training rows of MatBench: with few rows large trees learn the noise, with many small ones miss half."""


@dataclass(frozen=True)
class Head:
    """One way to learn.

    Attributes:
        regressor: seed, number of training rows -> estimator.
        classifier: seed, number of training rows -> estimator with `predict_proba`; None where there is none.
        max_rows: it is not tried on more.
        draft: parameters of a cheaper version, which stands in for it while models are compared.
        needs_encoder: whether it is tried once for each composition encoder, and on nothing else.
        judge: head whose classifier tells zeros from other values before it; itself if empty.
        takes_part: whether it is tried where no heads are named.
        seconds_per_row: that one fit is expected to take, until one has run.
    """

    regressor: Callable[[int, int], Any]
    classifier: Callable[[int, int], Any] | None
    max_rows: int = 10**9
    draft: Mapping[str, Any] = field(default_factory=dict)
    needs_encoder: bool = False
    judge: str = ""
    takes_part: Callable[[], bool] = lambda: True
    seconds_per_row: float = 0.0


def _gaussian_process(seed: int, n_rows: int) -> Any:
    kernel = ConstantKernel(1.0) * Matern(10.0, nu=1.5, length_scale_bounds=(0.1, 1e3)) + WhiteKernel(0.1)
    return scaled(GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed, alpha=1e-8))


def _boosting(kind: Any, seed: int, n_rows: int, **more: Any) -> Any:
    size = next(size for size in BOOSTING if n_rows >= size.from_rows)
    return kind(
        n_estimators=size.n_trees, num_leaves=size.n_leaves, learning_rate=size.rate, min_child_samples=5,
        max_bin=63, colsample_bytree=0.3, subsample=0.8, subsample_freq=1, reg_lambda=1.0, random_state=seed, n_jobs=1,
        verbose=-1, deterministic=True, force_row_wise=True, **more,
    )  # fmt: skip


HEADS: dict[str, Head] = {
    "mean": Head(
        lambda seed, n_rows: DummyRegressor(strategy="median"),
        lambda seed, n_rows: DummyClassifier(strategy="prior"),
    ),
    "ridge": Head(
        lambda seed, n_rows: scaled(RidgeCV(ALPHAS)),
        lambda seed, n_rows: scaled(LogisticRegression(C=0.1, max_iter=500)),
        max_rows=50_000,
    ),
    "neighbors": Head(
        lambda seed, n_rows: scaled(KNeighborsRegressor(5, weights="distance", algorithm="brute")),
        lambda seed, n_rows: scaled(KNeighborsClassifier(10, weights="distance", algorithm="brute")),
        max_rows=50_000,
    ),
    "trees": Head(
        lambda seed, n_rows: ExtraTreesRegressor(200, max_features=0.33, random_state=seed),
        lambda seed, n_rows: ExtraTreesClassifier(200, max_features=0.15, random_state=seed),
        max_rows=50_000,
        draft={"n_estimators": 80},
    ),
    "trees-all": Head(
        lambda seed, n_rows: ExtraTreesRegressor(200, max_features=1.0, random_state=seed),
        lambda seed, n_rows: ExtraTreesClassifier(200, max_features=0.5, random_state=seed),
        max_rows=8_000,
        draft={"n_estimators": 80},
    ),
    "boosting": Head(
        lambda seed, n_rows: _boosting(LGBMRegressor, seed, n_rows),
        lambda seed, n_rows: _boosting(LGBMClassifier, seed, n_rows),
    ),
    "boosting-l1": Head(
        lambda seed, n_rows: _boosting(LGBMRegressor, seed, n_rows, objective="l1"),
        None,
    ),
    "gaussian-process": Head(_gaussian_process, None, max_rows=1_500),
    FINETUNED: Head(
        lambda seed, n_rows: FinetunedRegressor(seed),
        lambda seed, n_rows: FinetunedClassifier(seed),
        max_rows=6_000,
        draft={"n_members": 1},
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
