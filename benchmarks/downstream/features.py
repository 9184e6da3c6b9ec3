"""What stands for an atom in a back end: a row for its element, for itself in its context, or both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AtomFeatures:
    """What stands for an atom before the back end looks at its neighbors.

    Attributes:
        name: for tables of results.
        rows: (119, dim) by atomic number, or (n_atoms, dim) by atom where ``per_site`` is set; float32.
        per_site: whether every atom of every crystal has its own row.
        trainable: whether the back end may change the rows.
    """

    name: str
    rows: np.ndarray
    per_site: bool = False
    trainable: bool = False

    @property
    def spread(self) -> float:
        """Standard deviation over all rows and columns; missing rows do not count."""
        return float(np.nanstd(np.where(np.any(self.rows, axis=1, keepdims=True), self.rows, np.nan)))

    @property
    def dim(self) -> int:
        """Numbers that stand for an atom."""
        return self.rows.shape[1]

    def scaled(self, spread: float) -> AtomFeatures:
        """Return the features, scaled to this spread."""
        return replace(self, rows=(self.rows * (spread / self.spread)).astype(np.float32))

    def layer(self) -> nn.Module:
        """Return the rows as a layer, from the numbers of rows to (n, dim)."""
        return _table(self.rows, trainable=self.trainable)


@dataclass(frozen=True, kw_only=True)
class SitesBesideElements(AtomFeatures):
    """A frozen row for each atom, followed by the row of its element, which the back end may change.

    Attributes:
        elements: (119, element_dim) by atomic number, float32.
        atomic_numbers: (n_atoms,) of the atoms that the rows belong to.
    """

    per_site: bool = True
    elements: np.ndarray
    atomic_numbers: np.ndarray

    @property
    def dim(self) -> int:
        """Numbers that stand for an atom."""
        return self.rows.shape[1] + self.elements.shape[1]

    @property
    def spread(self) -> float:
        """Standard deviation over all atoms and columns."""
        return float(np.std(np.hstack([self.rows, self.elements[self.atomic_numbers]])))

    def scaled(self, spread: float) -> AtomFeatures:
        """Return the features, scaled to this spread."""
        factor = np.float32(spread / self.spread)
        return replace(self, rows=self.rows * factor, elements=self.elements * factor)

    def layer(self) -> nn.Module:
        """Return both as a layer, from the numbers of atoms to (n, dim)."""
        return _BothTables(self)


class _BothTables(nn.Module):
    atomic_numbers: Tensor

    def __init__(self, features: SitesBesideElements) -> None:
        super().__init__()
        self.sites = _table(features.rows, trainable=False)
        self.elements = _table(features.elements, trainable=True)
        self.register_buffer("atomic_numbers", torch.tensor(features.atomic_numbers, dtype=torch.int64))

    def forward(self, atoms: Tensor) -> Tensor:
        return torch.cat([self.sites(atoms), self.elements(self.atomic_numbers[atoms])], dim=-1)


def _table(rows: np.ndarray, *, trainable: bool) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.tensor(rows, dtype=torch.float32), freeze=not trainable)
