"""Periodic neighbours of every atom, images included, as flat arrays (vesin finds them)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from vesin import NeighborList

from builders.records import StructureTable, ragged_ranges

Advance = Callable[[int], None]
"""Called with the number of crystals done since the last call."""


@dataclass(frozen=True)
class NeighborGraphs:
    """The directed edges of ``n`` crystals: every pair of atoms nearer than the cutoff, over all periodic images.

    Attributes:
        cutoff: in angstrom.
        offsets: (n + 1,) int64; crystal ``i`` owns edges ``offsets[i]:offsets[i + 1]``.
        centers: (n_edges,) uint16, index of the atom within its crystal.
        neighbors: (n_edges,) uint16, index of its neighbour within the crystal.
        distances: (n_edges,) float32, angstrom.
    """

    cutoff: float
    offsets: np.ndarray
    centers: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray

    def edges_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the edge indices of the given crystals, one crystal after the other."""
        return ragged_ranges(self.offsets[rows], np.diff(self.offsets)[rows])


def neighbor_graphs(table: StructureTable, cutoff: float, *, advance: Advance | None = None) -> NeighborGraphs:
    """Find all neighbours within ``cutoff`` (angstrom) of every atom of every crystal."""
    centers, neighbors, distances = [], [], []
    for i, j, d in _neighbor_lists(table, cutoff):
        centers.append(i.astype(np.uint16))
        neighbors.append(j.astype(np.uint16))
        distances.append(d.astype(np.float32))
        if advance is not None:
            advance(1)
    counts = [len(part) for part in distances]
    return NeighborGraphs(
        cutoff=cutoff,
        offsets=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
        centers=_concatenate(centers, np.uint16),
        neighbors=_concatenate(neighbors, np.uint16),
        distances=_concatenate(distances, np.float32),
    )


@dataclass(frozen=True)
class NearestNeighbors:
    """The ``k`` nearest neighbours of every atom, over all periodic images.

    Where fewer than ``k`` lie within the cutoff, the atom itself at a distance beyond the cutoff fills the rest.

    Attributes:
        neighbors: (n_atoms, k) int32, index of the neighbour within the crystal.
        distances: (n_atoms, k) float32, angstrom, ascending.
    """

    neighbors: np.ndarray
    distances: np.ndarray


def nearest_neighbors(
    table: StructureTable, k: int, cutoff: float, *, advance: Advance | None = None
) -> NearestNeighbors:
    """Find the ``k`` nearest neighbours within ``cutoff`` (angstrom) of every atom of every crystal."""
    n_atoms = len(table.atomic_numbers)
    own = np.arange(n_atoms) - np.repeat(table.offsets[:-1], table.n_sites)
    neighbors = np.repeat(own.astype(np.int32)[:, None], k, axis=1)
    distances = np.full((n_atoms, k), cutoff + 1, dtype=np.float32)
    for first, (i, j, d) in zip(table.offsets, _neighbor_lists(table, cutoff), strict=False):
        order = np.lexsort((j, d, i))
        i, j, d = i[order].astype(np.int64), j[order], d[order]
        rank = np.arange(len(i)) - np.searchsorted(i, i)
        near = rank < k
        neighbors[first + i[near], rank[near]] = j[near]
        distances[first + i[near], rank[near]] = d[near]
        if advance is not None:
            advance(1)
    return NearestNeighbors(neighbors, distances)


def shortest_distances(table: StructureTable, *, cutoff: float) -> np.ndarray:
    """Return the shortest distance between two atoms of each crystal, (n,); infinite where none is below ``cutoff``."""
    lists = _neighbor_lists(table, cutoff)
    return np.array([d.min() if len(d) else np.inf for _, _, d in lists], dtype=np.float64)


def _neighbor_lists(table: StructureTable, cutoff: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    finder = NeighborList(cutoff=cutoff, full_list=True)
    coords = table.cart_coords
    for row in range(len(table)):
        points = coords[table.offsets[row] : table.offsets[row + 1]]
        yield finder.compute(points=points, box=table.lattices[row], periodic=True, quantities="ijd")


def _concatenate(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
