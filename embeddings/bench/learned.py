"""What is learned from a table of measurements: a stack of models, what it is worth, and where it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.candidates import Candidate, Fitted, log_loss
from embeddings.bench.clock import Clock
from embeddings.bench.conformal import N_NEIGHBORS, Calibration, calibrate
from embeddings.bench.contest import REFIT_SHARE
from embeddings.bench.feature_store import FeatureStore, fit
from embeddings.bench.features import BASE, STRUCTURES, FeatureMaker
from embeddings.bench.ledger import FoldLedger
from embeddings.bench.magnitudes import determination, root_mean_square
from embeddings.bench.manifest import StructureUse
from embeddings.bench.measurements import Measurements
from embeddings.bench.neighborhood import MAX_POINTS, Neighborhood
from embeddings.bench.selection import N_FINALISTS, N_HEADS, SCREENING_HEADS, Choice, Race
from embeddings.bench.trials import Settings
from embeddings.bench.workers import side_by_side
from embeddings.elements import SYMBOLS
from embeddings.formula import FractionMatrix
from embeddings.formula.digest import hash_canonical

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

ROWS_AT_ONCE = 8_192
"""Rows whose features are in memory together when formulas are predicted."""

OutOfFold = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Member:
    """One model of a stack.

    Attributes:
        candidate: features, head and treatment.
        weight: in the sum.
        fitted: on all rows.
    """

    candidate: Candidate
    weight: float
    fitted: Fitted


@dataclass(frozen=True)
class Estimate:
    """How large the error on new formulas is: measured on rows that were neither trained nor weighted on.

    Attributes:
        metrics: ``mae``, ``rmse``, ``r2`` and ``baseline_mae`` (of the median), or ``accuracy``, ``balanced_accuracy``,
            ``log_loss`` and ``baseline_accuracy`` (of the most frequent class).
        n_rows: that it was measured on.
        n_folds: that they were in; no formula stands in two.
    """

    metrics: dict[str, float]
    n_rows: int
    n_folds: int


@dataclass(frozen=True)
class Training:
    """What was learned from.

    Attributes:
        target: name of what was measured.
        unit: of it.
        classes: names of the classes; empty for numbers.
        n_rows: rows.
        n_set_aside: rows that could not be used.
        n_formulas: distinct formulas.
        elements: symbols that occur, in order of atomic number.
        n_skipped: candidates that the budget left out.
    """

    target: str
    unit: str
    classes: tuple[str, ...]
    n_rows: int
    n_set_aside: int
    n_formulas: int
    elements: tuple[str, ...]
    n_skipped: int


@dataclass(frozen=True, eq=False)
class Learned:
    """A stack of models and what is known of it.

    Attributes:
        members: of the stack.
        maker: of features, with the catalogs that they need.
        training: what was learned from.
        estimate: of the error.
        neighborhood: the formulas of the training.
        calibration: of the intervals; None for classes.
        digest: (n_formulas, 5) uint8 hashes of the formulas of the training, sorted.
        structures: that it needs of every row to predict; None where a formula is enough.
    """

    members: tuple[Member, ...]
    maker: FeatureMaker
    training: Training
    estimate: Estimate
    neighborhood: Neighborhood
    calibration: Calibration | None
    digest: np.ndarray
    structures: StructureUse | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether it predicts the same for every formula."""
        return all(one.candidate.head == "mean" for one in self.members)

    def predict(self, matrix: FractionMatrix, structures: np.ndarray | None = None) -> np.ndarray:
        """Return predictions, (n, 1), or the probabilities of the classes, (n, n_classes).

        Args:
            matrix: n formulas.
            structures: (n, d) vectors of the structure of each, where the model needs them.
        """
        made = [
            self._predict(matrix.take(rows), None if structures is None else structures[rows])
            for rows in _parts(len(matrix))
        ]
        return np.concatenate([np.empty((0, max(1, len(self.training.classes)))), *made])

    def halfwidths(self, matrix: FractionMatrix) -> np.ndarray:
        """Return half the width of the interval of each row, (n,)."""
        return np.concatenate([np.empty(0), *(self._halfwidths(matrix.take(rows)) for rows in _parts(len(matrix)))])

    def percentiles(self, matrix: FractionMatrix) -> np.ndarray:
        """Return how unlike the training each row is, (n,); see `Neighborhood.percentiles`."""
        features = (self.maker.make(BASE, matrix.take(rows)) for rows in _parts(len(matrix)))
        return np.concatenate([np.empty(0), *map(self.neighborhood.percentiles, features)])

    def unseen(self, matrix: FractionMatrix) -> list[tuple[str, ...]]:
        """Return the symbols of each row that no formula of the training holds."""
        known = set(self.training.elements)
        symbols = [SYMBOLS[z - 1] for z in matrix.atomic_numbers.tolist()]
        edges = matrix.offsets.tolist()
        return [tuple(name for name in symbols[start:stop] if name not in known) for start, stop in pairwise(edges)]

    def _predict(self, matrix: FractionMatrix, structures: np.ndarray | None) -> np.ndarray:
        names = dict.fromkeys(part for one in self.members for part in one.candidate.features.split("+"))
        blocks = {name: self.maker.make(name, matrix, structures) for name in names}
        made = [
            one.weight * one.fitted.predict(np.hstack([blocks[part] for part in one.candidate.features.split("+")]))
            for one in self.members
        ]
        return np.sum(made, axis=0)

    def _halfwidths(self, matrix: FractionMatrix) -> np.ndarray:
        if self.calibration is None:
            raise TypeError("classes have no intervals")
        _, near = self.neighborhood.nearest(self.maker.make(BASE, matrix), N_NEIGHBORS)
        return self.calibration.halfwidths(near)


def _parts(n_rows: int) -> Iterator[np.ndarray]:
    """Yield the places of rows, as many as are in memory together."""
    for start in range(0, n_rows, ROWS_AT_ONCE):
        yield np.arange(start, min(start + ROWS_AT_ONCE, n_rows))


def learn(
    data: Measurements,
    vectors: Mapping[str, Vectors],
    *,
    settings: Settings,
    coverage: float,
    clock: Clock,
    advance: Callable[[], None] = lambda: None,
    ledger: FoldLedger | None = None,
) -> Learned:
    """Choose a stack on inner folds, train its members on all rows, and measure what it is worth.

    Args:
        data: n rows.
        vectors: name -> catalog or encoder.
        settings: what is tried.
        coverage: share of new formulas that intervals shall hold.
        clock: the time that may be spent.
        advance: called after each fit.
        ledger: of what was predicted before, if anything.
    """
    store, rows = FeatureStore(FeatureMaker(vectors), data), np.arange(len(data))
    store.prepare()
    race = Race(
        store, rows, settings, clock.until(1 - REFIT_SHARE), advance, FoldLedger() if ledger is None else ledger
    )
    choice = race.run()
    tasks = [partial(fit, one, store, rows, seed=settings.seed) for one in choice.weights]
    members = []
    for (one, weight), fitted in zip(choice.weights.items(), side_by_side(tasks), strict=True):
        members.append(Member(one, weight, fitted))
        advance()
    needed = {part for one in members for part in one.candidate.features.split("+")}
    distinct, first, point_of = np.unique(data.formulas.astype(str), return_index=True, return_inverse=True)
    kept = _kept(len(distinct), settings.seed)
    neighborhood = Neighborhood.of(store[BASE][first[kept]])
    out_of_fold = race.out_of_fold()
    hashes = np.unique(hash_canonical(distinct.tolist()), axis=0)
    place_of = np.full(len(distinct), -1)
    place_of[kept] = np.arange(len(kept))
    return Learned(
        members=tuple(members),
        maker=FeatureMaker({name: one for name, one in vectors.items() if name in needed}),
        training=_training(data, len(distinct), choice),
        estimate=_estimate(data, out_of_fold),
        neighborhood=neighborhood,
        calibration=None
        if data.is_classification
        else _calibrate(data, out_of_fold, place_of[point_of], neighborhood, coverage),
        digest=hashes,
        structures=_use(vectors[STRUCTURES]) if STRUCTURES in needed else None,
    )


def _use(vectors: Vectors) -> StructureUse:
    """Return what a model needs of the structures of other rows."""
    use: StructureUse = vectors.use  # type: ignore[union-attr]  # the block of this name is never a catalog
    return use


def expected_fits(n_vectors: int, settings: Settings) -> int:
    """Return about how many fits `learn` makes, for a progress bar."""
    return (
        (4 + n_vectors) * len(SCREENING_HEADS) + 3 * N_HEADS + 2 * len(settings.heads) + N_FINALISTS * settings.n_inner
    )


def _kept(n_formulas: int, seed: int) -> np.ndarray:
    if n_formulas <= MAX_POINTS:
        return np.arange(n_formulas)
    return np.sort(np.random.default_rng(seed).permutation(n_formulas)[:MAX_POINTS])


def _training(data: Measurements, n_formulas: int, choice: Choice) -> Training:
    return Training(
        target=data.target,
        unit=data.unit,
        classes=data.classes,
        n_rows=len(data),
        n_set_aside=len(data.set_aside),
        n_formulas=n_formulas,
        elements=tuple(SYMBOLS[z - 1] for z in np.unique(data.matrix.atomic_numbers)),
        n_skipped=choice.n_skipped,
    )


def _calibrate(
    data: Measurements, out_of_fold: OutOfFold, places: np.ndarray, neighborhood: Neighborhood, coverage: float
) -> Calibration:
    """Calibrate on the formulas that the neighborhood keeps."""
    rows = np.concatenate([rows for rows, _ in out_of_fold])
    predicted = np.concatenate([made[:, 0] for _, made in out_of_fold])
    folds = np.repeat(np.arange(len(out_of_fold)), [len(rows) for rows, _ in out_of_fold])
    used = places[rows] >= 0
    residuals = (data.values[rows] - predicted)[used]
    near = neighborhood.others(N_NEIGHBORS)
    return calibrate(residuals, places[rows][used], folds[used], near, coverage=coverage)


def _estimate(data: Measurements, out_of_fold: OutOfFold) -> Estimate:
    rows = np.concatenate([rows for rows, _ in out_of_fold])
    predicted = np.concatenate([made for _, made in out_of_fold])
    metrics = _class_metrics if data.is_classification else _number_metrics
    return Estimate(metrics(data.values[rows], predicted), len(rows), len(out_of_fold))


def _number_metrics(values: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    residuals = values - predicted[:, 0]
    return {
        "mae": float(np.abs(residuals).mean()),
        "rmse": root_mean_square(residuals),
        "r2": determination(predicted[:, 0], values),
        "baseline_mae": float(np.abs(values - np.median(values)).mean()),
    }


def _class_metrics(values: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    right, counts = predicted.argmax(axis=1) == values, np.bincount(values.astype(int))
    recalls: list[Any] = [right[values == k].mean() for k in np.flatnonzero(counts)]
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "log_loss": log_loss(predicted, values),
        "baseline_accuracy": float(counts.max() / len(values)),
    }
