"""A candidate model: features, a head, and how the head treats the values; fitted afresh for each set of rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import numpy as np

from embeddings.bench.heads import HEADS, Head
from embeddings.bench.linear import is_blind
from embeddings.errors import MissingExtra
from embeddings.tuning.targets import MIN_OF_A_KIND, MIN_SHARE

try:
    from joblib import parallel_config
    from sklearn.base import BaseEstimator, RegressorMixin, clone
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

Treatment = Literal["", "gate", "log"]


@dataclass(frozen=True, order=True)
class Candidate:
    """One model that may be chosen.

    Attributes:
        features: names of blocks, joined by ``+``.
        head: name out of `HEADS`.
        treatment: ``"gate"`` first decides whether the value is zero, ``"log"`` learns the logarithm.
    """

    features: str
    head: str
    treatment: Treatment = ""

    def __str__(self) -> str:
        return f"{self.head}{f', {self.treatment}' if self.treatment else ''} on {self.features}"

    def fit(
        self, features: np.ndarray, values: np.ndarray, *, n_classes: int, seed: int, draft: bool = False
    ) -> Fitted:
        """Fit a fresh model.

        Args:
            features: (n, d).
            values: (n,) numbers, or class numbers.
            n_classes: 0 for a regression.
            seed: of the head.
            draft: whether the head's cheaper version will do.
        """
        one_class = n_classes > 0 and (values == values[0]).all()  # nothing to tell apart, which most heads refuse
        make = partial(_made, seed=seed, n_rows=len(values), draft=draft)
        estimator = self._estimator(HEADS["mean" if one_class or is_blind(features) else self.head], n_classes, make)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of estimators: what they mean for a score is in the score
            return Fitted(estimator.fit(features, values), n_classes)

    def _estimator(self, head: Head, n_classes: int, make: Make) -> Any:
        if n_classes:
            if head.classifier is None:
                raise ValueError(f"{self.head} does not classify")
            return make(head, head.classifier)
        regressor = Rescaled(make(head, head.regressor))
        if self.treatment == "log":
            return Logarithm(regressor)
        if self.treatment == "gate":
            judge = HEADS[head.judge] if head.judge else head if head.classifier else HEADS["trees"]
            return ZeroGate(regressor, make(judge, judge.classifier) if judge.classifier else None)
        return regressor


Make = Callable[[Head, Callable[[int, int], Any]], Any]


def _made(head: Head, factory: Callable[[int, int], Any], *, seed: int, n_rows: int, draft: bool) -> Any:
    """Return a fresh estimator of a head."""
    estimator = factory(seed, n_rows)
    return estimator.set_params(**head.draft) if draft and head.draft else estimator


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted model."""

    estimator: Any
    n_classes: int

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return predictions, (n, 1), or the probabilities of the classes, (n, n_classes).

        Trees are summed one by one: several threads would add them in any order, and the last digits with it.
        """
        with warnings.catch_warnings(), parallel_config("sequential"):
            warnings.simplefilter("ignore")
            if not self.n_classes:
                return np.asarray(self.estimator.predict(features), dtype=np.float64).reshape(-1, 1)
            known = self.estimator.predict_proba(features)
        probabilities = np.zeros((len(features), self.n_classes))
        probabilities[:, self.estimator.classes_.astype(int)] = known
        return probabilities


class Rescaled(RegressorMixin, BaseEstimator):
    """A regressor of values divided by a power of two near their spread, so that their unit does not matter.

    Trees take a variance below 1e-16 for none, and boosting rounds to float32. A power of two rounds nothing.

    Args:
        regressor: of the divided values.
    """

    def __init__(self, regressor: Any = None) -> None:
        self.regressor = regressor

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit the regressor."""
        y = np.asarray(y)
        spread = float(np.abs(y - np.median(y)).mean())
        self.exponent_ = int(np.frexp(spread)[1]) if spread > 0 else 0
        self.regressor_ = clone(self.regressor).fit(X, np.ldexp(y, -self.exponent_))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions in the unit of the values, (n,)."""
        return np.ldexp(self.regressor_.predict(X), self.exponent_)


class Logarithm(RegressorMixin, BaseEstimator):
    """A regressor of the logarithms of positive values.

    A line through logarithms grows exponentially beyond the data: predictions end at a tenth of the smallest value, and
    at ten times the largest.

    Args:
        regressor: of the logarithms.
    """

    def __init__(self, regressor: Any = None) -> None:
        self.regressor = regressor

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit the regressor."""
        logarithms = np.log(y)
        self.ends_ = (float(logarithms.min() - BEYOND), float(logarithms.max() + BEYOND))
        self.regressor_ = clone(self.regressor).fit(X, logarithms)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions in the unit of the values, (n,)."""
        return np.exp(np.clip(self.regressor_.predict(X), *self.ends_))


BEYOND = float(np.log(10.0))
"""How far beyond the logarithms of the training predictions may go."""


class ZeroGate(RegressorMixin, BaseEstimator):
    """A hurdle: a classifier says whether the value is zero, and a regressor learns the others alone.

    Half of the measured band gaps are exactly zero, and no smooth model says zero.

    Args:
        regressor: of values that are not zero.
        classifier: of zero and not zero.
    """

    def __init__(self, regressor: Any = None, classifier: Any = None) -> None:
        self.regressor, self.classifier = regressor, classifier

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit both; where there are too few zeros or others, the regressor alone."""
        y = np.asarray(y)
        positive = y != 0
        self.is_open_ = min(positive.sum(), (~positive).sum()) < MIN_OF_A_KIND
        self.regressor_ = clone(self.regressor).fit(
            X if self.is_open_ else X[positive], y if self.is_open_ else y[positive]
        )
        self.classifier_ = None if self.is_open_ else clone(self.classifier).fit(X, positive)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return zero where the classifier holds that likelier, the regressor's value elsewhere, (n,)."""
        values = self.regressor_.predict(X)
        if self.classifier_ is None:
            return values
        return np.where(self.classifier_.predict_proba(X)[:, 1] >= 0.5, values, 0.0)


def treatments(values: np.ndarray, n_classes: int) -> tuple[Treatment, ...]:
    """Return how training values may be treated: as they are, and otherwise if they ask for it."""
    found: list[Treatment] = [""]
    if not n_classes and MIN_SHARE <= (values == 0).mean() <= 1 - MIN_SHARE:
        found.append("gate")
    if not n_classes and (values > 0).all() and np.quantile(values, 0.95) > SPAN * np.quantile(values, 0.05):
        found.append("log")
    return tuple(found)


def has_heavy_tails(values: np.ndarray) -> bool:
    """Whether a few values lie so far out that squared errors would be about them alone."""
    distance = float(np.abs(values - np.median(values)).mean())
    return bool(values.std() > HEAVY * distance)


HEAVY = 2.2
"""Standard deviation over mean distance from the median: 1.25 for a normal distribution, 1.44 for an exponential."""

SPAN = 5.0
"""Positive values whose 5th and 95th percentiles differ by a larger factor are also learned as logarithms."""


Loss = Callable[[np.ndarray, np.ndarray], float]


def loss_of(n_classes: int) -> Loss:
    """Return what is minimized: the mean absolute error of numbers, the log loss of classes."""
    return log_loss if n_classes else absolute_error


def absolute_error(predicted: np.ndarray, values: np.ndarray) -> float:
    """Mean absolute error of predictions (n, 1) for values (n,)."""
    return float(np.abs(predicted[:, 0] - values).mean())


def log_loss(predicted: np.ndarray, values: np.ndarray) -> float:
    """Mean negative logarithm of the probability (n, n_classes) that the right class (n,) was given."""
    return float(-np.log(np.clip(predicted[np.arange(len(values)), values.astype(int)], 1e-3, 1.0)).mean())
