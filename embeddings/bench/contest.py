"""The contest: outer folds judge what inner folds chose, so that choosing among many is not sold as skill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from embeddings.bench.candidates import Candidate, loss_of
from embeddings.bench.clock import Clock
from embeddings.bench.feature_store import FeatureStore, fit
from embeddings.bench.features import FeatureMaker
from embeddings.bench.folds import Folds
from embeddings.bench.measurements import Measurements
from embeddings.bench.selection import Choice, Race
from embeddings.bench.trials import Settings
from embeddings.bench.workers import side_by_side

CHOSEN = "chosen"
"""The contender that is whatever inner folds chose."""

BASELINE = "baseline"
"""The contender that predicts the median, or the shares of the classes."""

REFIT_SHARE = 0.35
"""Of the time of an outer fold, for training again on all of its rows what was chosen, until a fold has shown more."""

MAX_REFIT_SHARE = 0.7
"""What a fold has shown counts up to here: without a search there is nothing to train again."""

FITS_GUESSED = 90
"""Fits that an outer fold is expected to take, until one has run."""


@dataclass(frozen=True, eq=False)
class OuterFold:
    """One outer fold.

    Attributes:
        train: rows that were learned from.
        test: rows that were predicted.
        choice: what inner folds chose.
        predicted: contender -> (n_test, 1) values or (n_test, n_classes) probabilities. Contenders are `CHOSEN`,
            `BASELINE` and every set of features, each with the head that inner folds chose for it.
    """

    train: np.ndarray
    test: np.ndarray
    choice: Choice
    predicted: dict[str, np.ndarray]

    def loss(self, contender: str, data: Measurements) -> float:
        """Return the loss of a contender on this fold."""
        return loss_of(len(data.classes))(self.predicted[contender], data.values[self.test])


@dataclass(frozen=True, eq=False)
class Contest:
    """What every contender predicted of rows that it did not see.

    Attributes:
        data: the rows.
        folds: those that ran.
        was_cut: whether the budget ended before all was tried.
        seconds: that it took.
        settings: what was tried.
        was_stopped: whether Ctrl-C ended it; the folds are those that were done by then, perhaps none.
    """

    data: Measurements
    folds: list[OuterFold]
    was_cut: bool = False
    seconds: float = 0.0
    settings: Settings = field(default_factory=Settings)
    was_stopped: bool = False

    @property
    def contenders(self) -> tuple[str, ...]:
        """Those that ran in every fold, the lowest mean loss first."""
        common = set.intersection(*(set(fold.predicted) for fold in self.folds)) if self.folds else set()
        return tuple(sorted(common, key=lambda name: (self.losses(name).mean(), name)))

    def losses(self, contender: str) -> np.ndarray:
        """Return the loss of a contender in each fold, (n_folds,)."""
        return np.array([fold.loss(contender, self.data) for fold in self.folds])

    def predictions(self, contender: str = CHOSEN) -> tuple[np.ndarray, np.ndarray]:
        """Return rows that were tested, and what was predicted of them."""
        rows = np.concatenate([fold.test for fold in self.folds])
        return rows, np.concatenate([fold.predicted[contender] for fold in self.folds])


def hold_contest(
    data: Measurements,
    maker: FeatureMaker,
    folds: Folds,
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
    advance: Callable[[float], None] = lambda done: None,
) -> Contest:
    """Judge by outer folds what inner folds choose; a fresh model for each fold.

    Args:
        data: n rows.
        maker: of features.
        folds: outer ones.
        settings: what is tried.
        clock: the time that may be spent; folds that have not begun when it is up are left out, but for the first.
        advance: told how many outer folds are done, in fractions.
    """
    settings, clock = settings or Settings(), clock or Clock()
    if _knows_most(data, folds):
        settings = replace(settings, by_formula=False)
    store, pace, cut, stopped = FeatureStore(maker, data), _Pace(advance), False, False
    done: list[OuterFold] = []
    try:
        store.prepare()
        rest, end, refit_share = clock.rest(), clock.until(1.0), REFIT_SHARE
        for number, (train, test) in enumerate(folds):
            if done and not end.allows(0.5 * rest.spent / number):
                cut = True
                break
            fold = clock.rest()
            until = end.share((1 - refit_share) / (len(folds) - number))
            choice = Race(store, train, settings, until, pace.step).run()
            cut, raced = cut or choice.n_skipped > 0, fold.spent
            done.append(OuterFold(train, test, choice, _predict(store, train, test, choice, settings)))
            refit_share = min(max(refit_share, 1 - raced / max(fold.spent, raced, 1e-9)), MAX_REFIT_SHARE)
            pace.next_fold()
    except KeyboardInterrupt:
        stopped = True
    return Contest(data, done, cut, clock.spent, settings, stopped)


def _knows_most(data: Measurements, folds: Folds) -> bool:
    """Whether most tested rows have their formula in the training, as the folds of some tables have it.

    Inner folds that keep a formula together would then ask another question than the outer ones do.
    """
    known = [np.isin(data.materials[test].astype(str), data.materials[train].astype(str)) for train, test in folds]
    return float(np.mean(np.concatenate(known))) > 0.5


@dataclass
class _Pace:
    """How far the contest is: a fold takes about as many fits as the one before."""

    advance: Callable[[float], None]
    n_expected: int = FITS_GUESSED
    n_folds: int = 0
    n_fits: int = 0

    def step(self) -> None:
        """A fit is done."""
        self.n_fits += 1
        self.advance(self.n_folds + (1 - REFIT_SHARE) * min(1.0, self.n_fits / self.n_expected))

    def next_fold(self) -> None:
        """An outer fold is done."""
        self.n_folds, self.n_expected, self.n_fits = self.n_folds + 1, max(1, self.n_fits), 0
        self.advance(self.n_folds)


def _predict(
    store: FeatureStore, train: np.ndarray, test: np.ndarray, choice: Choice, settings: Settings
) -> dict[str, np.ndarray]:
    """Train again on all training rows, and predict the test rows for every contender."""
    baseline = Candidate("fractions", "mean")
    bests = {one.features: choice.best_of(one.features) for one in choice.losses}
    alone = {features: best for features, best in bests.items() if best is not None}
    needed = list(dict.fromkeys([*choice.weights, baseline, *alone.values()]))

    def predict(one: Candidate) -> np.ndarray:
        return fit(one, store, train, seed=settings.seed).predict(store[one.features][test])

    made = dict(zip(needed, side_by_side([partial(predict, one) for one in needed]), strict=True))
    stack = np.sum([weight * made[one] for one, weight in choice.weights.items()], axis=0)
    return {CHOSEN: stack, BASELINE: made[baseline]} | {features: made[best] for features, best in alone.items()}
