"""A learning curve: the error against the number of training rows, and where more rows would beat better vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embeddings.bench.candidates import Candidate, Loss, loss_of
from embeddings.bench.contest import Contest
from embeddings.bench.selection import FeatureStore, fit

SHARES = (0.125, 0.25, 0.5, 1.0)
MIN_TRAINING_ROWS = 20


@dataclass(frozen=True)
class Curve:
    """Loss against training rows.

    Attributes:
        features: that the model had.
        n_rows: training rows of each point.
        losses: mean over the outer folds.
    """

    features: str
    n_rows: tuple[int, ...]
    losses: tuple[float, ...]

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
    contest: Contest, store: FeatureStore, features: str, *, shares: Sequence[float] = SHARES, seed: int = 0
) -> Curve:
    """Train the head that inner folds chose for some features on growing shares of the training formulas.

    Args:
        contest: gives folds and heads.
        store: of features.
        features: of the model.
        shares: of the training rows of each outer fold.
        seed: draws the formulas.
    """
    points: dict[float, list[tuple[int, float]]] = {share: [] for share in shares}
    loss = loss_of(len(contest.data.classes))
    for fold in contest.folds:
        best = fold.choice.best_of(features)
        if best is None:
            continue
        for share in shares:
            rows = _share_of(contest, fold.train, share, seed)
            if len(rows) < MIN_TRAINING_ROWS or len(set(contest.data.values[rows].tolist())) < 2:
                continue
            points[share].append((len(rows), _loss(best, store, rows, fold.test, loss, seed)))
    whole = [made for made in points.values() if len(made) == len(contest.folds)]
    means = [np.mean(made, axis=0) for made in whole]
    return Curve(features, tuple(round(n) for n, _ in means), tuple(float(value) for _, value in means))


def _share_of(contest: Contest, train: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the rows of a random share of the training formulas; larger shares hold the smaller ones."""
    formulas = contest.data.formulas[train].astype(str)
    distinct = np.unique(formulas)
    kept = np.random.default_rng(seed).permutation(distinct)[: max(1, round(share * len(distinct)))]
    return train[np.isin(formulas, kept)]


def _loss(one: Candidate, store: FeatureStore, train: np.ndarray, test: np.ndarray, loss: Loss, seed: int) -> float:
    fitted = fit(one, store, train, seed=seed)
    return loss(fitted.predict(store[one.features][test]), store.data.values[test])
