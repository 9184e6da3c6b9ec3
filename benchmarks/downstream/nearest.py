"""Crystals as graphs of nearest neighbors, which CGCNN works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.downstream.cgcnn_network import CgcnnConfig, GraphBatch
from builders.structures.graphs import neighbor_lists
from builders.structures.table import StructureTable, ragged_ranges


@dataclass(frozen=True)
class NearestNeighbors:
    """The ``k`` nearest neighbors of every atom, over all periodic images.

    Where fewer than ``k`` lie within the cutoff, the atom itself at a distance beyond the cutoff fills the rest.

    Attributes:
        neighbors: (n_atoms, k) int32, index of the neighbor within the crystal.
        distances: (n_atoms, k) float32, angstrom, ascending.
    """

    neighbors: np.ndarray
    distances: np.ndarray


def nearest_neighbors(table: StructureTable, k: int, cutoff: float) -> NearestNeighbors:
    """Find the ``k`` nearest neighbors within ``cutoff`` (angstrom) of every atom of every crystal.

    Raises:
        InputInvalid: no neighbors can be searched in a cell.
    """
    n_atoms = len(table.atomic_numbers)
    own = np.arange(n_atoms) - np.repeat(table.offsets[:-1], table.n_sites)
    neighbors = np.repeat(own.astype(np.int32)[:, None], k, axis=1)
    distances = np.full((n_atoms, k), cutoff + 1, dtype=np.float32)
    for first, (i, j, d) in zip(table.offsets, neighbor_lists(table, cutoff), strict=False):
        order = np.lexsort((j, d, i))
        i, j, d = i[order].astype(np.int64), j[order], d[order]
        rank = np.arange(len(i)) - np.searchsorted(i, i)
        near = rank < k
        neighbors[first + i[near], rank[near]] = j[near]
        distances[first + i[near], rank[near]] = d[near]
    return NearestNeighbors(neighbors, distances)


class NearestGraphs:
    """All crystals with their nearest neighbors, from which any batch is cut without a loop over crystals."""

    def __init__(self, table: StructureTable, config: CgcnnConfig) -> None:
        """Find the neighbors of every atom."""
        self.table = table
        self.nearest = nearest_neighbors(table, config.n_neighbors, config.cutoff)

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
