"""A fine-tuned encoder with its head: formulas in, outputs out, with NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embeddings.encoder import ACTIVATIONS, silu
from embeddings.formula import FractionMatrix
from embeddings.pooling.statistics import STATISTICS, Block

LIMIT = 4.0
"""Standardized columns end here, as in training."""


@dataclass(frozen=True, eq=False)
class TunedNetwork:
    """One member, as `builders.learning.members` trained it. It computes in float64.

    Attributes:
        statistics: of the element vectors, side by side.
        activation: of the encoder's hidden layers.
        arrays: ``table`` (119, element_dim), a row for each atomic number; ``input_mean`` and ``input_scale``;
            ``layers.k.weight`` and ``layers.k.bias`` of the encoder; ``shift`` and ``scale`` of its vector and of the
            columns beside it; and of the head ``linear``, ``hidden.0`` and ``hidden.3``, weight and bias each.
    """

    statistics: tuple[str, ...]
    activation: str
    arrays: Mapping[str, np.ndarray]

    def __call__(self, matrix: FractionMatrix, replaced: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the outputs for n formulas, (n, n_outputs) float64.

        Args:
            matrix: n formulas.
            replaced: (119,) for each atomic number the one whose vector is taken.
            columns: (n, n_columns or more) what the head sees beside the encoder's vector; more are not looked at.
        """
        vectors = self.encode(matrix, replaced)
        shift, scale, dim = self.arrays["shift"], self.arrays["scale"], vectors.shape[1]
        beside = np.clip((columns[:, : len(shift) - dim] - shift[dim:]) / scale[dim:], -LIMIT, LIMIT)
        inputs = np.hstack([(vectors - shift[:dim]) / scale[:dim], beside])
        hidden = silu(self._layer("hidden.0", inputs))
        return self._layer("linear", inputs) + self._layer("hidden.3", hidden)

    def encode(self, matrix: FractionMatrix, replaced: np.ndarray) -> np.ndarray:
        """Return the encoder's vectors of n formulas, (n, dim) float64."""
        vectors = (self._pooled(matrix, replaced) - self.arrays["input_mean"]) / self.arrays["input_scale"]
        n_layers = sum(name.startswith("layers.") for name in self.arrays) // 2
        for k in range(n_layers - 1):
            vectors = ACTIVATIONS[self.activation](self._layer(f"layers.{k}", vectors))
        return self._layer(f"layers.{n_layers - 1}", vectors)

    def _pooled(self, matrix: FractionMatrix, replaced: np.ndarray) -> np.ndarray:
        table = self.arrays["table"].astype(np.float64)[replaced]
        out = np.empty((len(matrix), len(self.statistics) * table.shape[1]))
        for length in np.unique(matrix.n_elements):
            rows = np.flatnonzero(matrix.n_elements == length)
            entries = matrix.offsets[rows] + np.arange(length)[:, None]
            block = Block(table[matrix.atomic_numbers[entries]], matrix.amounts[entries])
            out[rows] = np.hstack([STATISTICS[name](block) for name in self.statistics])
        return out

    def _layer(self, name: str, inputs: np.ndarray) -> np.ndarray:
        return inputs @ self.arrays[f"{name}.weight"].T.astype(np.float64) + self.arrays[f"{name}.bias"]
