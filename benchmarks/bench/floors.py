"""What a chosen model has to beat: plain forests, in the same outer folds, with the settings that everyone takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from embeddings.bench.candidates import Fitted
from embeddings.bench.contest import Contest, OuterFold
from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.workers import n_workers
from embeddings.store.folders import atomic_file

N_TREES = 100
MANY_ROWS = 10_000
"""With more, the first floor alone is grown: three would take longer than what they are compared with."""

SHARE = 0.33
"""Of the columns that a split of a random forest for numbers looks at: better than all on most sets, and faster."""


@dataclass(frozen=True)
class Floor:
    """A forest on features that need no catalog.

    Attributes:
        regressor: makes one for numbers.
        classifier: makes one for classes.
        features: blocks of `embeddings.bench.features`.
    """

    regressor: Callable[..., Any]
    classifier: Callable[..., Any]
    features: str


FOREST = "random forest on properties"
FOREST_BASE = f"random forest on {BASE}"
TREES_BASE = f"extra trees on {BASE}"

FLOORS: Mapping[str, Floor] = {
    FOREST: Floor(partial(RandomForestRegressor, max_features=SHARE), RandomForestClassifier, "properties"),
    FOREST_BASE: Floor(partial(RandomForestRegressor, max_features=SHARE), RandomForestClassifier, BASE),
    TREES_BASE: Floor(ExtraTreesRegressor, ExtraTreesClassifier, BASE),
}
"""Every floor by name; all have `N_TREES` trees, and else the defaults of scikit-learn."""


def with_floors(contest: Contest, *, seed: int, work: Path | None, n_trees: int = N_TREES) -> Contest:
    """Add the floors to a contest, all of them or, with many rows, the first.

    Args:
        contest: with the outer folds to predict.
        seed: of the forests.
        work: folder that keeps what they predicted, as they depend on rows and folds alone; None keeps nothing.
        n_trees: of each forest.
    """
    names = tuple(FLOORS) if len(contest.data) <= MANY_ROWS else (FOREST,)
    made = [_predicted(name, contest, _Growth(seed, n_trees), work) for name in names]
    folds = [
        replace(fold, predicted=fold.predicted | {name: of[k] for name, of in zip(names, made, strict=True)})
        for k, fold in enumerate(contest.folds)
    ]
    return replace(contest, folds=folds)


@dataclass(frozen=True)
class _Growth:
    seed: int
    n_trees: int


def _predicted(name: str, contest: Contest, growth: _Growth, work: Path | None) -> list[np.ndarray]:
    """Return what a floor predicts of the test rows of each fold."""
    features = FeatureMaker({}).make(FLOORS[name].features, contest.data.matrix)
    found = []
    for fold in contest.folds:
        kept = work and work / f"{contest.data.target}-{_identity(name, contest, features, fold, growth)}.npy"
        if kept is not None and kept.is_file():
            found.append(np.load(kept))
            continue
        found.append(_fit(FLOORS[name], contest, features, fold, growth))
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(kept) as temporary, temporary.open("wb") as file:
                np.save(file, found[-1])
    return found


def _fit(floor: Floor, contest: Contest, features: np.ndarray, fold: OuterFold, growth: _Growth) -> np.ndarray:
    values, n_classes = contest.data.values, len(contest.data.classes)
    kind = floor.classifier if n_classes else floor.regressor
    estimator = kind(growth.n_trees, random_state=growth.seed, n_jobs=n_workers())
    return Fitted(estimator.fit(features[fold.train], values[fold.train]), n_classes).predict(features[fold.test])


def _identity(name: str, contest: Contest, features: np.ndarray, fold: OuterFold, growth: _Growth) -> str:
    parts = (features, contest.data.values, fold.train, fold.test)
    digest = hashlib.sha256(f"{name}, {growth}, {SHARE}, {sklearn.__version__}".encode())
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]
