"""What is learned of teachers: files of vectors that other networks give the same crystals.

The vectors are standardized on the training crystals and turned onto their principal components. Each component is one
more column beside the labels, unknown where the teacher has no vector. A component weighs what it contributes to the
length of a vector: with components of equal weight the last per cent of the variance, much of it noise, would count as
much as the first half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from builders.learning.teachers import CONSTANT, Matched, Teacher
from builders.methods.crystal_transformer.config import Loss
from builders.structures.texts import Texts

VARIANCE, MOST_COMPONENTS = 0.99, 64
"""Share of a teacher's variance that its components hold, and how many there are at most."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned of one teacher.

    Attributes:
        name: of its encoder, with the version.
        variances: (n_components,) share of the variance of its vectors, descending.
        known_fraction: share of the training crystals that it has a vector of.
        n_known: crystals that it has a vector of, those held out included.
    """

    name: str
    variances: np.ndarray
    known_fraction: float
    n_known: int

    def shares(self, loss: Loss) -> np.ndarray:
        """Return what each component weighs within the teacher, (n_components,), 1 in all.

        The loss is then that of components on their own scale: an absolute error grows with it, a square with its
        square.
        """
        weights = self.variances if loss == "mse" else np.sqrt(self.variances)
        return weights / weights.sum()

    def explained(self, predicted: np.ndarray, actual: np.ndarray) -> float | None:
        """Return which share of the teacher's variance is predicted, R2; None where it knows none of the crystals.

        Args:
            predicted: (n_rows, n_components).
            actual: (n_rows, n_components), NaN where it has no vector.
        """
        actual = actual.astype(np.float64)
        known = ~np.isnan(actual[:, 0])
        total = (actual[known] ** 2 * self.variances).sum()
        left = ((predicted[known] - actual[known]) ** 2 * self.variances).sum()
        return float(1 - left / total) if total > 0 else None

    def stated(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {
            "name": self.name,
            "n_structures": self.n_known,
            "n_components": len(self.variances),
            "explained_variance": round(float(self.variances.sum()), 4),
        }


def lesson_of(
    teacher: Teacher, material_ids: np.ndarray | Texts, formulas: Sequence[str], training_rows: np.ndarray
) -> tuple[Lesson, np.ndarray]:
    """Return what is learned of a teacher, and what it says of crystals. The file is read twice, in row groups.

    Args:
        teacher: a file of vectors.
        material_ids: (n,) identifiers of the crystals.
        formulas: (n,) canonical reduced formulas of them.
        training_rows: those whose vectors set mean, scale and components.

    Returns:
        The lesson; and the components, (n, n_components) float32, of variance 1 over the training rows, NaN where there
        is no vector.

    Raises:
        InputInvalid: it has vectors of too few of the crystals, of other crystals of the same identifiers, or all
            alike.
        CatalogCorrupt: it is damaged.
        TrainingError: it is not the file any more that the build began with.
    """
    matched = teacher.matched(material_ids, formulas, training_rows)
    turn = _Turn.of(_moments(matched))
    if turn is None:
        raise teacher.all_alike()
    known_fraction = float(matched.known[training_rows].mean())
    lesson = Lesson(teacher.name, turn.variances, known_fraction, int(matched.known.sum()))
    return lesson, _turned(matched, turn)


def _moments(matched: Matched) -> _Moments:
    """Return sums over the vectors of the training crystals."""
    moments = _Moments(matched.teacher.footer.dim)
    for crystals, vectors in matched.blocks():
        moments.add(vectors[matched.in_training[crystals]])
    return moments


def _turned(matched: Matched, turn: _Turn) -> np.ndarray:
    """Return the components of all crystals, (n, n_components) float32, NaN where there is no vector."""
    components = np.full((len(matched.known), len(turn.variances)), np.nan, dtype=np.float32)
    for crystals, vectors in matched.blocks():
        components[crystals] = turn(vectors)
    return components


class _Moments:
    """Sums over vectors, block by block, about the mean of the first block so that no digits are lost."""

    def __init__(self, dim: int) -> None:
        self.n, self.origin = 0, np.zeros(dim)
        self._sum, self._products, self._largest = np.zeros(dim), np.zeros((dim, dim)), np.zeros(dim)

    def add(self, vectors: np.ndarray) -> None:
        """Add vectors (n, dim)."""
        if not len(vectors):
            return
        vectors = vectors.astype(np.float64)
        if not self.n:
            self.origin = vectors.mean(axis=0)
        self._largest = np.maximum(self._largest, np.abs(vectors).max(axis=0))
        vectors -= self.origin
        self.n += len(vectors)
        self._sum += vectors.sum(axis=0)
        self._products += vectors.T @ vectors

    @cached_property
    def mean(self) -> np.ndarray:
        """(dim,)."""
        return self.origin + self._sum / self.n

    @cached_property
    def covariance(self) -> np.ndarray:
        """(dim, dim)."""
        shift = self._sum / self.n
        return self._products / self.n - np.outer(shift, shift)

    @property
    def varying(self) -> np.ndarray:
        """(dim,) bool, which columns are not constant."""
        return np.sqrt(self.covariance.diagonal().clip(min=0)) > CONSTANT * self._largest


@dataclass(frozen=True, eq=False)
class _Turn:
    """From vectors to components of variance 1.

    Attributes:
        mean: (dim,) that is subtracted.
        matrix: (dim, n_components) by which the rest is multiplied.
        variances: (n_components,) share of the variance of the standardized vectors, descending.
    """

    mean: np.ndarray
    matrix: np.ndarray
    variances: np.ndarray

    @classmethod
    def of(cls, moments: _Moments) -> _Turn | None:
        """Return the turn onto the components that hold most of the variance; None where there is no variance."""
        varying = moments.varying
        if not varying.any():
            return None
        scale = np.where(varying, np.sqrt(moments.covariance.diagonal().clip(min=0)), np.inf)
        values, axes = np.linalg.eigh(moments.covariance / np.outer(scale, scale))
        values, axes = values[::-1].clip(min=0), axes[:, ::-1]
        shares = values / values.sum()
        n = min(int(np.searchsorted(np.cumsum(shares), VARIANCE - 1e-12)) + 1, MOST_COMPONENTS)
        axes = axes[:, :n] * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))][:n] < 0, -1, 1)
        return cls(moments.mean, axes / scale[:, None] / np.sqrt(values[:n]), shares[:n])

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Turn vectors (n, dim)."""
        return (vectors - self.mean) @ self.matrix
