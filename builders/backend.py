"""What a back end is given: atom features, crystals as graphs, and which of them it may see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from builders.graphs import NearestNeighbors, nearest_neighbors
from builders.models.cgcnn import CgcnnConfig, GraphBatch
from builders.records import StructureTable, ragged_ranges


@dataclass(frozen=True)
class AtomFeatures:
    """What stands for an atom before the back end has seen its neighbours.

    Attributes:
        name: for tables of results.
        rows: (119, dim) by atomic number, or (n_atoms, dim) by atom where ``per_site`` is set; float32.
        per_site: whether each atom of each crystal has a row of its own.
        trainable: whether the back end may change the rows.
    """

    name: str
    rows: np.ndarray
    per_site: bool = False
    trainable: bool = False

    @property
    def spread(self) -> float:
        """Standard deviation over all rows and columns; rows that are not there do not count."""
        return float(np.nanstd(np.where(np.any(self.rows, axis=1, keepdims=True), self.rows, np.nan)))

    def scaled(self, spread: float) -> AtomFeatures:
        """Return the features multiplied so that they have this spread."""
        return replace(self, rows=(self.rows * (spread / self.spread)).astype(np.float32))

    def layer(self) -> nn.Embedding:
        """Return the rows as a layer."""
        return nn.Embedding.from_pretrained(torch.tensor(self.rows, dtype=torch.float32), freeze=not self.trainable)


@dataclass(frozen=True)
class Split:
    """Rows to train on, to choose the epoch by, and to report on; no reduced formula is in two of them."""

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class NearestGraphs:
    """All crystals with their nearest neighbours, from which any batch is cut without a loop over crystals."""

    def __init__(self, table: StructureTable, config: CgcnnConfig) -> None:
        """Find the neighbours of every atom."""
        self.table = table
        self.nearest: NearestNeighbors = nearest_neighbors(table, config.n_neighbors, config.cutoff)

    def batch(self, rows: np.ndarray, *, per_site: bool) -> GraphBatch:
        """Cut out the crystals at the given rows; nodes are atomic numbers, or numbers of atoms."""
        n_sites = self.table.n_sites[rows]
        atoms = ragged_ranges(self.table.offsets[rows], n_sites)
        first = np.repeat(np.cumsum(n_sites) - n_sites, n_sites)
        nodes = atoms if per_site else self.table.atomic_numbers[atoms]
        return GraphBatch(
            nodes=torch.from_numpy(nodes.astype(np.int64)),
            neighbors=torch.from_numpy(first[:, None] + self.nearest.neighbors[atoms]),
            distances=torch.from_numpy(self.nearest.distances[atoms]),
            crystals=torch.from_numpy(np.repeat(np.arange(len(rows)), n_sites)),
            n_crystals=len(rows),
        )
