"""How far a formula is from those that a model was trained on, and which of them are near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from embeddings.errors import MissingExtra

try:
    from sklearn.neighbors import NearestNeighbors
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

MAX_POINTS = 5_000
"""Training formulas that are kept; of more, as many are drawn."""

MIN_SPREAD = 1e-4
"""Columns whose standard deviation is smaller are left out."""

_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """Training formulas in the standardized space of their features.

    Attributes:
        mean: (d,) of each column over the training formulas.
        scale: (d,) by which each column is divided; zero where it is left out.
        points: (n, d) float32, one for each formula.
        spacing: (n,) ascending distances of each to the nearest other.
    """

    mean: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    spacing: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> Self:
        """Learn the space.

        Args:
            features: (n, d), a row for each training formula; at least two.
        """
        mean, spread = features.mean(axis=0), features.std(axis=0)
        scale = np.where(spread > MIN_SPREAD, spread, 0.0)
        points = _standardized(features, mean, scale)
        distances, _ = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(points).kneighbors()
        return cls(mean, scale, points, np.sort(distances[:, 0]))

    def percentiles(self, features: np.ndarray) -> np.ndarray:
        """Return how far each row is from the nearest training formula, (n,).

        In percent of the training formulas that have another one nearer. 0 is a formula of the training, 100 one that
        is farther away than any of them is from the others.
        """
        distances, _ = self.nearest(features, 1)
        return 100 * np.searchsorted(self.spacing, distances[:, 0] * (1 - 1e-6), side="left") / len(self.spacing)

    def others(self, k: int) -> np.ndarray:
        """Return which formulas of the training are nearest to each of them, itself left out, (n, k)."""
        index = NearestNeighbors(n_neighbors=min(k, len(self.points) - 1), algorithm="brute").fit(self.points)
        return index.kneighbors(return_distance=False)

    def nearest(self, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return distances to the `k` nearest training formulas and which they are, both (n, k)."""
        points = _standardized(features, self.mean, self.scale)
        index = NearestNeighbors(n_neighbors=min(k, len(self.points)), algorithm="brute").fit(self.points)
        parts = np.split(points, range(_ROWS_AT_ONCE, len(points), _ROWS_AT_ONCE))
        found = [index.kneighbors(part) for part in parts if len(part)]
        if not found:
            return np.empty((0, k)), np.empty((0, k), dtype=np.int64)
        distances, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return distances, rows


def _standardized(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    kept = scale > 0
    return ((features[:, kept] - mean[kept]) / scale[kept]).astype(np.float32)
