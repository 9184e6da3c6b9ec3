"""A composition encoder, fine-tuned on the measurements, as a head of the bench.

It reads the formulas back from the block of element fractions, which has to come first, and starts from the encoder
that the features name; the frozen vectors of this, which come last, it does not look at. Beside its own vector it sees
all other columns. Learning needs torch, predicting NumPy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Self

import numpy as np

from embeddings.bench.clock import Deadline
from embeddings.bench.folds import grouped_folds
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder, Network
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.formula import FractionMatrix
from embeddings.pooling.replacing import replacements
from embeddings.transformer import Transformer

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    from embeddings.tuning.fitting import (
        TuningOptions,
        batch_size_for,
        lengths_of,
        one_at_a_time,
        trainable_encoder,
        tune,
    )
    from embeddings.tuning.targets import Target
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

FINETUNED = "finetuned"
"""Name of the head."""

N_FOLDS, N_STOPPING = 5, 2
"""Training learns when to stop on some of the folds: more would cost more than they tell."""

N_MEMBERS, EPOCHS = 3, 40

SECONDS: dict[type, tuple[float, float]] = {Network: (2e-3, 2e-5), Transformer: (6e-3, 1e-4)}
"""What one core takes for a step, and for each row in it, by the kind of the encoder's network."""


@dataclass(frozen=True)
class Start:
    """Where fine-tuning starts, and when it has to end.

    Attributes:
        encoder: to start from.
        deadline: training stops early where it nears.
    """

    encoder: CompositionEncoder
    deadline: Deadline


_START: ContextVar[Start | None] = ContextVar("start", default=None)


@contextmanager
def starting_from(features: str, vectors: Mapping[str, Any], deadline: Deadline | None = None) -> Iterator[None]:
    """Let the head start from the last encoder that features name, as long as the context lasts.

    Args:
        features: names of blocks, joined by ``+``.
        vectors: name -> catalog or encoder.
        deadline: for training.
    """
    encoder = vectors.get(features.split("+")[-1])
    start = Start(encoder, deadline or Deadline()) if isinstance(encoder, CompositionEncoder) else None
    token = _START.set(start)
    try:
        yield
    finally:
        _START.reset(token)


def can_tune() -> bool:
    """Whether torch, which learning needs, is installed."""
    return find_spec("torch") is not None


def expected_seconds(n_rows: int, encoder: CompositionEncoder) -> float:
    """Return about how long one fit of a single member takes on one core."""
    batch_size = batch_size_for(n_rows)
    n_epochs = EPOCHS + N_STOPPING * sum(lengths_of(EPOCHS))
    n_steps = n_epochs * max(1, n_rows // batch_size)
    per_step, per_row = SECONDS.get(type(encoder.network), SECONDS[Transformer])
    return n_steps * (per_step + per_row * batch_size)


class _Finetuned(BaseEstimator):
    """What regressor and classifier share.

    Args:
        seed: of heads, folds and batches.
        epochs: passes over the rows at most.
        n_members: networks whose mean is predicted.
    """

    def __init__(self, seed: int = 0, epochs: int = EPOCHS, n_members: int = N_MEMBERS) -> None:
        self.seed, self.epochs, self.n_members = seed, epochs, n_members

    def _fit(self, features: np.ndarray, values: np.ndarray, target: Target) -> Self:
        start = _START.get()
        if start is None:
            raise InputInvalid(f'The head "{FINETUNED}" needs features that end in the name of a composition encoder.')
        matrix, encoder = matrix_of(features), trainable_encoder(start.encoder)
        self.atomic_numbers_ = encoder.atomic_numbers
        replaced = replacements(matrix.atomic_numbers, self.atomic_numbers_, missing="impute")
        with one_at_a_time():
            tuned = tune(
                encoder,
                matrix,
                features[:, : features.shape[1] - encoder.dim],
                target.wanted(values),
                _stopping_folds(features[:, :N_ELEMENTS], self.seed),
                TuningOptions(n_members=self.n_members, epochs=self.epochs, batch_size=batch_size_for(len(values))),
                replaced=replaced,
                n_outputs=target.n_outputs,
                seed=self.seed,
                allows=start.deadline.allows,
            )
        self.target_, self.networks_ = target, list(tuned.networks)
        return self

    def _said(self, features: np.ndarray) -> np.ndarray:
        matrix = matrix_of(features)
        replaced = replacements(matrix.atomic_numbers, self.atomic_numbers_, missing="impute")
        return np.mean([self.target_.said(one(matrix, replaced, features)) for one in self.networks_], axis=0)


class FinetunedRegressor(RegressorMixin, _Finetuned):
    """Numbers; with a gate, learned beside the value, where a tenth of them or more are exactly zero."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fine-tune on features (n, d), the first of them element fractions, and values (n,).

        Raises:
            InputInvalid: there is no encoder to start from; see `starting_from`.
            MissingExtra: torch is not installed.
        """
        values = np.asarray(y, dtype=np.float64)
        return self._fit(X, values, Target.of(values))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return values, (n,)."""
        return self.target_.decided(self._said(X))


class FinetunedClassifier(ClassifierMixin, _Finetuned):
    """Classes; the cross-entropy is minimized."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fine-tune on features (n, d), the first of them element fractions, and classes (n,).

        Raises:
            InputInvalid: there is no encoder to start from; see `starting_from`.
            MissingExtra: torch is not installed.
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        return self._fit(X, codes, Target(len(self.classes_)))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (n, n_classes)."""
        return self._said(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the likeliest class of each row, (n,)."""
        return self.classes_[self._said(X).argmax(axis=1)]


def matrix_of(features: np.ndarray) -> FractionMatrix:
    """Return the formulas behind features whose first columns are the fractions of all elements."""
    rows, columns = np.nonzero(features[:, :N_ELEMENTS] > 0)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(features)))])
    return FractionMatrix(offsets, (columns + 1).astype(np.uint8), features[rows, columns])


def _stopping_folds(fractions: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return folds that no formula shares; a single formula is all that there is to learn and to stop by."""
    distinct, group_of = np.unique(np.round(fractions, 9), axis=0, return_inverse=True)
    if len(distinct) < 2:
        return [(np.arange(len(fractions)),) * 2]
    return grouped_folds(group_of.reshape(-1), min(N_FOLDS, len(distinct)), seed)[:N_STOPPING]
