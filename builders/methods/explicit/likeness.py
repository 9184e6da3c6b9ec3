"""How far apart two elements are, as the parts that they play in crystals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from builders.methods.explicit.substitution import substitution_probabilities
from embeddings.elements import N_ELEMENTS

SHARE = 0.5
"""How much the data-mined probabilities count beside the vectors, from 0 to 1; measured in `benchmarks.explicit`."""


class ElementVectors(Protocol):
    """A catalog of elements, or whatever has these arrays."""

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Of the n elements, (n,)."""

    @property
    def vectors(self) -> np.ndarray:
        """Of the n elements, (n, dim)."""


@dataclass(frozen=True)
class Likeness:
    """Distances between elements.

    Attributes:
        distances: (119, 119) by atomic number: 0 for an element and itself, 1 for a pair at random on the mean; NaN
            for an element without a vector.
    """

    distances: np.ndarray

    @classmethod
    def of(cls, elements: ElementVectors, *, share: float = SHARE) -> Likeness:
        """Measure elements by their vectors, and by how often one took the place of the other.

        Args:
            elements: vectors of n elements.
            share: how much the substitutions count; 0 leaves them out.
        """
        by_vector = _between(np.asarray(elements.atomic_numbers, dtype=np.int64), np.asarray(elements.vectors))
        if not share:
            return cls(by_vector)
        by_place = _surprise(substitution_probabilities())
        known = np.isfinite(by_place)
        return cls(np.where(known, (1 - share) * by_vector + share * by_place, by_vector))

    @property
    def covered(self) -> np.ndarray:
        """Which elements have distances, (119,) bool, by atomic number."""
        return np.isfinite(np.diagonal(self.distances))


def _between(numbers: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return Euclidean distances of vectors, each dimension at its own scale, over their mean."""
    scaled = vectors.astype(np.float64) - vectors.mean(axis=0)
    found = np.linalg.norm(scaled[:, None, :] - scaled[None, :, :], axis=-1)
    placed = np.full((N_ELEMENTS + 1, N_ELEMENTS + 1), np.nan)
    placed[np.ix_(numbers, numbers)] = found
    return _per_mean(placed)


def _surprise(probabilities: np.ndarray) -> np.ndarray:
    """Return what a substitution costs beyond keeping the element, symmetric, over its mean: -log of probabilities."""
    cost = -np.log(probabilities)
    cost = cost + cost.T
    kept = np.diagonal(cost)
    beyond = np.clip(cost - (kept[:, None] + kept[None, :]) / 2, 0.0, None)
    np.fill_diagonal(beyond, np.where(np.isfinite(kept), 0.0, np.nan))
    return _per_mean(beyond)


def _per_mean(distances: np.ndarray) -> np.ndarray:
    """Scale distances so that two different elements are one apart on the mean."""
    different = distances[~np.eye(len(distances), dtype=bool)]
    mean = float(np.nanmean(different)) if np.isfinite(different).any() else 1.0
    return distances / (mean or 1.0)
