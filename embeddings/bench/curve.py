"""A learning curve: the error against the number of training rows, and where more rows would beat better vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from embeddings.bench.candidates import Candidate, Loss, loss_of
from embeddings.bench.clock import Deadline
from embeddings.bench.contest import Contest, OuterFold
from embeddings.bench.feature_store import FeatureStore, fit
from embeddings.bench.workers import side_by_side

SHARES = (0.125, 0.25, 0.5, 1.0)
MIN_TRAINING_ROWS = 20


@dataclass(frozen=True)
class Curve:
    """Loss against training rows.

    Attributes:
        features: that the model had.
        n_rows: training rows of each point.
        losses: mean over the outer folds.
        was_cut: whether points are left out for lack of time.
    """

    features: str
    n_rows: tuple[int, ...]
    losses: tuple[float, ...]
    was_cut: bool = False

    @property
    def exponent(self) -> float:
        """Of the power law through the points: the loss falls as a power of the rows, by this exponent."""
        if len(self.n_rows) < 2 or min(self.losses) <= 0:
            return float("nan")
        return float(-np.polyfit(np.log(self.n_rows), np.log(self.losses), 1)[0])

    def rows_for(self, loss: float) -> float:
        """Return how many training rows the power law wants for a loss; infinite where the curve does not fall."""
        if not self.exponent > 0:
            return float("inf")
        return float(self.n_rows[-1] * (self.losses[-1] / loss) ** (1 / self.exponent))


def learning_curve(
    contest: Contest,
    store: FeatureStore,
    features: str,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    deadline: Deadline | None = None,
) -> Curve:
    """Train the head that inner folds chose for some features on growing shares of the training formulas.

    Args:
        contest: gives folds and heads, and the point of all rows.
        store: of features.
        features: of the model; a contender.
        shares: of the training rows of each outer fold.
        seed: draws the formulas.
        deadline: points that would not be done by then are left out.
    """
    points, seconds, was_cut = list[tuple[float, float]](), 0.0, False
    for share in sorted(shares):
        started = time.monotonic()
        if deadline is not None and share < 1 and not deadline.allows(2 * seconds):  # twice the rows, twice the time
            was_cut = True
            continue
        made = list(
            side_by_side([partial(_point, contest, store, fold, features, share, seed) for fold in contest.folds])
        )
        there = [point for point in made if point is not None]
        if there and len(there) == len(contest.folds):
            n_rows, loss = np.mean(there, axis=0)
            points.append((round(n_rows), float(loss)))
        seconds = time.monotonic() - started
    return Curve(features, tuple(int(n) for n, _ in points), tuple(value for _, value in points), was_cut)


def _point(
    contest: Contest, store: FeatureStore, fold: OuterFold, features: str, share: float, seed: int
) -> tuple[int, float] | None:
    """Return rows and loss of one outer fold; None where there is no model or too little to train it on."""
    best, loss = fold.choice.best_of(features), loss_of(len(contest.data.classes))
    if best is None or features not in fold.predicted:
        return None
    if share == 1:
        return len(fold.train), fold.loss(features, contest.data)
    rows = _share_of(contest, fold.train, share, seed)
    if len(rows) < MIN_TRAINING_ROWS or len(set(contest.data.values[rows].tolist())) < 2:
        return None
    return len(rows), _loss(best, store, rows, fold.test, loss, seed)


def _share_of(contest: Contest, train: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the rows of a random share of the materials to train on; larger shares hold the smaller ones."""
    materials = contest.data.materials[train].astype(str)
    distinct = np.unique(materials)
    kept = np.random.default_rng(seed).permutation(distinct)[: max(1, round(share * len(distinct)))]
    return train[np.isin(materials, kept)]


def _loss(one: Candidate, store: FeatureStore, train: np.ndarray, test: np.ndarray, loss: Loss, seed: int) -> float:
    fitted = fit(one, store, train, seed=seed)
    return loss(fitted.predict(store[one.features][test]), store.data.values[test])
