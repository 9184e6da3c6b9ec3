"""A fine-tuned encoder with its head: formulas in, outputs out, with NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embeddings.encoder import FormulaNetwork, silu
from embeddings.formula import FractionMatrix
from embeddings.pooling.statistics import Block
from embeddings.store.networks import ELEMENTS, network_of

LIMIT = 4.0
"""Standardized columns end here, as in training."""

AT_ONCE = 4096
"""Formulas that are encoded together."""


@dataclass(frozen=True, eq=False)
class KeptEncoder:
    """A composition encoder as a model keeps it. It computes in float64.

    Attributes:
        settings: the architecture of its network, and what that one needs, by the names of ``docs/format.md``.
        tensors: of the network, by the names of ``docs/format.md``; ``elements`` has a row for every atomic number.

    Raises:
        CatalogCorrupt: on construction, where tensors are missing, or there are others.
        ManifestInvalid: the architecture is not known.
        InputInvalid: the tensors do not fit each other, or hold NaN or infinity.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, np.ndarray]
    network: FormulaNetwork = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", network_of(self.settings, self.tensors, where="This model"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, pickles and files are checked again."""
        return type(self), (dict(self.settings), dict(self.tensors))

    def encode(self, matrix: FractionMatrix, replaced: np.ndarray) -> np.ndarray:
        """Return the vectors of n formulas, (n, dim) float64.

        Args:
            matrix: n formulas.
            replaced: (119,) for each atomic number the one whose vector is taken.
        """
        elements = self.tensors[ELEMENTS].astype(np.float64)[replaced]
        out = np.empty((len(matrix), self.network.dim))
        for rows in _parts(matrix.n_elements):
            entries = matrix.offsets[rows] + np.arange(matrix.n_elements[rows[0]])[:, None]
            out[rows] = self.network(Block(elements[matrix.atomic_numbers[entries]], matrix.amounts[entries]))
        return out


@dataclass(frozen=True, eq=False)
class TunedNetwork:
    """One member, as `builders.learning.members` trained it. It computes in float64.

    Attributes:
        encoder: fine-tuned.
        head: ``shift`` and ``scale`` of the encoder's vector and of the columns beside it; and ``linear``, ``hidden.0``
            and ``hidden.3``, weight and bias each.
    """

    encoder: KeptEncoder
    head: Mapping[str, np.ndarray]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.encoder, dict(self.head))

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Take what files held before encoders were of several kinds: all were pooled."""
        TunedNetwork.__init__(self, *_parts_of_pooled(**state))

    def __call__(self, matrix: FractionMatrix, replaced: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the outputs for n formulas, (n, n_outputs) float64.

        Args:
            matrix: n formulas.
            replaced: (119,) for each atomic number the one whose vector is taken.
            columns: (n, n_columns or more) what the head sees beside the encoder's vector; more are not looked at.
        """
        vectors = self.encode(matrix, replaced)
        shift, scale, dim = self.head["shift"], self.head["scale"], vectors.shape[1]
        beside = np.clip((columns[:, : len(shift) - dim] - shift[dim:]) / scale[dim:], -LIMIT, LIMIT)
        inputs = np.hstack([(vectors - shift[:dim]) / scale[:dim], beside])
        hidden = silu(self._layer("hidden.0", inputs))
        return self._layer("linear", inputs) + self._layer("hidden.3", hidden)

    def encode(self, matrix: FractionMatrix, replaced: np.ndarray) -> np.ndarray:
        """Return the encoder's vectors of n formulas, (n, dim) float64."""
        return self.encoder.encode(matrix, replaced)

    def _layer(self, name: str, inputs: np.ndarray) -> np.ndarray:
        return inputs @ self.head[f"{name}.weight"].T.astype(np.float64) + self.head[f"{name}.bias"]


def _parts(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield rows of equal length, not too many at once."""
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        yield from np.array_split(rows, -(-len(rows) // AT_ONCE))


def _parts_of_pooled(
    statistics: tuple[str, ...], activation: str, arrays: Mapping[str, np.ndarray]
) -> tuple[KeptEncoder, dict[str, np.ndarray]]:
    """Return encoder and head of a member whose arrays lie side by side."""
    of_encoder = {name: array for name, array in arrays.items() if name.startswith(("input_", "layers."))}
    settings = {"architecture": "pooled", "statistics": statistics, "activation": activation}
    head = {name: array for name, array in arrays.items() if name not in of_encoder and name != "table"}
    return KeptEncoder(settings, of_encoder | {ELEMENTS: arrays["table"]}), head
