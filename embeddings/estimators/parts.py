"""Plain models beside a fine-tuned encoder: what it has to be better than, and what it is mixed with."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.bench.linear import ALPHAS, is_blind, scaled
from embeddings.errors import needs
from embeddings.tuning.targets import Target

with needs("scikit-learn", "sklearn"):
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, RidgeCV

PLAIN_PARTS = ("ridge on encoder", "ridge", "trees")
"""A linear model of the encoder's vectors joined to fractions and properties; one of these alone; trees on these."""

N_TREES, N_TREES_OF_MANY_ROWS, MANY_ROWS = 200, 100, 2_000


def sees_encoder(part: str) -> bool:
    """Whether a part looks at the encoder's vectors."""
    return part == "ridge on encoder"


@dataclass(frozen=True, eq=False)
class PlainPart:
    """A fitted part.

    Attributes:
        regressor: of numbers that are not zero; None for classes.
        classifier: of classes, or of zero and not zero; None for numbers without a gate.
        target: what is predicted.
    """

    regressor: Any
    classifier: Any
    target: Target

    def said(self, features: np.ndarray) -> np.ndarray:
        """Return what the part says of each row; see `Target`."""
        if self.target.n_classes:
            return _probabilities(self.classifier, features, self.target.n_classes)
        values = self.regressor.predict(features)
        if not self.target.has_gate:
            return values[:, None]
        return np.column_stack([values, _probabilities(self.classifier, features, 2)[:, 1]])


def fit_part(part: str, features: np.ndarray, values: np.ndarray, target: Target, *, seed: int) -> PlainPart:
    """Fit a fresh part.

    Args:
        part: a name out of `PLAIN_PARTS`.
        features: (n, d).
        values: (n,) numbers, or numbers of classes.
        target: what is predicted.
        seed: of trees.
    """
    passed = values != 0 if target.has_gate else np.ones(len(values), dtype=bool)
    regressor = classifier = None
    if not target.n_classes:
        learned = passed if passed.any() else ~passed
        regressor = DummyRegressor() if is_blind(features[learned]) else _regressor(part, len(values), seed)
        regressor.fit(features[learned], values[learned])
    if target.n_classes or target.has_gate:
        classes = values if target.n_classes else passed
        is_guess = len(np.unique(classes)) < 2 or is_blind(features)
        classifier = DummyClassifier() if is_guess else _classifier(part, len(values), seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what it means for the score is in the score
            classifier.fit(features, classes.astype(np.int64))
    return PlainPart(regressor, classifier, target)


def _regressor(part: str, n_rows: int, seed: int) -> Any:
    if part == "trees":
        return ExtraTreesRegressor(_n_trees(n_rows), max_features=0.33, random_state=seed)
    return scaled(RidgeCV(ALPHAS))


def _classifier(part: str, n_rows: int, seed: int) -> Any:
    if part == "trees":
        return ExtraTreesClassifier(_n_trees(n_rows), max_features="sqrt", random_state=seed)
    return scaled(LogisticRegression(C=0.1, max_iter=300))


def _n_trees(n_rows: int) -> int:
    return N_TREES if n_rows <= MANY_ROWS else N_TREES_OF_MANY_ROWS


def _probabilities(classifier: Any, features: np.ndarray, n_classes: int) -> np.ndarray:
    probabilities = np.zeros((len(features), n_classes))
    probabilities[:, classifier.classes_.astype(int)] = classifier.predict_proba(features)
    return probabilities
