"""The features of the rows of a table, each set made once, and models that are fitted to them."""

from __future__ import annotations

import numpy as np

from embeddings.bench.candidates import Candidate, Fitted
from embeddings.bench.clock import Deadline
from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.finetuned import starting_from
from embeddings.bench.measurements import Measurements

ALONE = ("fractions", "properties", BASE, f"{BASE}+size")
"""Sets of features that every race begins with, beside each of the vectors."""


class FeatureStore:
    """The features of every row, each set made once."""

    def __init__(self, maker: FeatureMaker, data: Measurements) -> None:
        self.maker, self.data = maker, data
        self._made: dict[str, np.ndarray] = {}

    def prepare(self) -> None:
        """Make what every race begins with: whoever raced first would pay for all."""
        for features in (*ALONE, *self.maker.vectors):
            self.make(features)

    def make(self, features: str) -> None:
        """Make what is not there yet."""
        for part in features.split("+"):
            if part not in self._made:
                self._made[part] = self.maker.make(part, self.data.matrix, self.data.structures)

    def __getitem__(self, features: str) -> np.ndarray:
        self.make(features)
        parts = features.split("+")
        return self._made[parts[0]] if len(parts) == 1 else np.hstack([self._made[part] for part in parts])


def fit(
    one: Candidate,
    store: FeatureStore,
    rows: np.ndarray,
    *,
    seed: int,
    deadline: Deadline | None = None,
    draft: bool = False,
) -> Fitted:
    """Fit a fresh model of a candidate on some rows.

    Args:
        one: the candidate.
        store: of features.
        rows: to train on.
        seed: of the head.
        deadline: one that trains for long stops early where it nears.
        draft: whether the head's cheaper version will do.
    """
    data = store.data
    with starting_from(one.features, store.maker.vectors, deadline):
        return one.fit(
            store[one.features][rows], data.values[rows], n_classes=len(data.classes), seed=seed, draft=draft
        )
