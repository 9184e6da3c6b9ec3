"""Models of a property of formulas: encoders under heads, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import balanced_accuracy_score, mean_absolute_error, r2_score, roc_auc_score

from benchmarks.sets import LARGE, SMALL, TargetSet
from builders.learning.encoders import FormulaEncoder
from builders.methods.cromel.config import GeneratorConfig
from builders.methods.cromel.model import CompositionGenerator
from embeddings.catalog import ElementCatalog
from embeddings.elements import N_ELEMENTS
from embeddings.estimators import CrossModalClassifier, CrossModalRegressor
from embeddings.pooling import featurize_compositions

MAGPIE_STATS = ("mean", "std", "min", "max", "range", "mode")
FOREST = {"n_estimators": 100, "max_features": 0.33, "random_state": 0}

Options = tuple[tuple[str, Any], ...]
"""Parameters of an estimator."""

Model = Callable[[TargetSet, np.ndarray, int], np.ndarray]
"""(set, mask of tested rows, seed) -> a number for each tested row: a value, or a class's score."""


@dataclass(frozen=True)
class Head:
    """An encoder under the head of `builders.learning.members`, the same for every encoder.

    Attributes:
        encoder: to start from; or what makes one for a set and a seed.
        mode: ``"finetuned"`` or ``"frozen"``.
        options: more parameters of the estimator.
    """

    encoder: FormulaEncoder | Callable[[TargetSet, int], FormulaEncoder]
    mode: str = "finetuned"
    options: Options = ()

    def __call__(self, task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
        """Learn from the rows that are not tested and predict the others, from a fresh copy of the encoder."""
        encoder = self.encoder if isinstance(self.encoder, FormulaEncoder) else self.encoder(task, seed)
        estimator = CrossModalClassifier if task.is_class else CrossModalRegressor
        model = estimator(
            encoder, mode=self.mode, missing="impute", random_state=seed,
            **({"joined": False, "gate": False} | budget(task) | dict(self.options)),
        )  # fmt: skip
        model.fit(task.formulas[~tested], task.values[~tested])
        if task.is_class:
            return model.predict_proba(task.formulas[tested])[:, 1]
        return model.predict(task.formulas[tested])


def budget(task: TargetSet) -> dict[str, int]:
    """Return members, inner folds and epochs, fewer for large sets."""
    n = len(task.values)
    if n < SMALL:
        return {"n_members": 3, "n_folds": 5, "epochs": 40}
    return {"n_members": 2, "n_folds": 3, "epochs": 40} if n < LARGE else {"n_members": 1, "n_folds": 2, "epochs": 30}


def pooled(catalog: ElementCatalog, stats: tuple[str, ...]) -> FormulaEncoder:
    """Return the statistics of a catalog's element vectors as an encoder, to stand under the same head."""
    width = len(stats) * catalog.dim
    generator = CompositionGenerator(GeneratorConfig(stats, catalog.dim, hidden=(), dim=width))
    rows = np.zeros((N_ELEMENTS + 1, catalog.dim), dtype=np.float32)
    rows[catalog.atomic_numbers] = catalog.vectors
    with torch.no_grad():
        generator.table.weight.copy_(torch.from_numpy(rows))
        generator.layers[0].weight.copy_(torch.eye(width))
        generator.layers[0].bias.zero_()
    return FormulaEncoder(generator, catalog.atomic_numbers, catalog.name)


@dataclass(frozen=True)
class Forest:
    """A random forest on pooled element features.

    Attributes:
        table: the element features; anything that `embeddings.pooling` takes.
    """

    table: Any

    def __call__(self, task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
        """Learn from the rows that are not tested and predict the others."""
        features = featurize_compositions(task.formulas, self.table, stats=MAGPIE_STATS, missing="impute")
        forest = (RandomForestClassifier if task.is_class else RandomForestRegressor)(**FOREST | {"random_state": seed})
        forest.fit(features[~tested], task.values[~tested])
        return forest.predict_proba(features[tested])[:, 1] if task.is_class else forest.predict(features[tested])


def scores(task: TargetSet, tested: np.ndarray, predicted: np.ndarray, seen: np.ndarray) -> dict[str, Any]:
    """Return the figures of one fold, over all tested rows and over those of formulas that the source does not have.

    The score of classes is the ROC-AUC of the predicted numbers; the balanced accuracy, that of labels cut at one half,
    stands beside it.
    """
    actual, unseen = task.values[tested], ~seen[tested]
    figures = {
        "score": _score(actual, predicted),
        "n": len(actual),
        "score_unseen": _score(actual[unseen], predicted[unseen]),
        "n_unseen": int(unseen.sum()),
    }
    if not task.is_class:
        return figures | {"r2": float(r2_score(actual, predicted))}
    return figures | {
        "balanced_accuracy": _balanced_accuracy(actual, predicted),
        "balanced_accuracy_unseen": _balanced_accuracy(actual[unseen], predicted[unseen]),
    }


def _score(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    if actual.dtype != bool:
        return float(mean_absolute_error(actual, predicted)) if len(actual) else None
    return float(roc_auc_score(actual, predicted)) if _has_both(actual) else None


def _balanced_accuracy(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    return float(balanced_accuracy_score(actual, predicted > 0.5)) if _has_both(actual) else None


def _has_both(actual: np.ndarray) -> bool:
    return len(set(actual.tolist())) == 2
