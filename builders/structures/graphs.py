"""Periodic neighbors of every atom, images included, as flat arrays (vesin finds them)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from vesin import NeighborList

from builders.structures.cells import MAX_EDGE, MAX_FRACTION, heights, search_cells
from builders.structures.table import StructureTable, ragged_ranges
from embeddings.errors import InputInvalid

MAX_INDEXED = np.iinfo(np.uint16).max
"""Atoms of a crystal whose edges can be kept, at most."""

MAX_BINS = 50_000
"""The search sorts atoms into bins; beyond 100,000 it makes them larger, and in a long cell divides by zero."""

LEAST_REACH = 2.0
"""Nearer neighbors are searched within this (angstrom), then told apart: bins of 0.4 are so many that they take fifteen
times as long as all the distances in them."""

Advance = Callable[[int], None]
"""Called with the number of crystals done since the last call."""


@dataclass(frozen=True)
class NeighborGraphs:
    """The directed edges of ``n`` crystals: every pair of atoms nearer than the cutoff, over all periodic images.

    Attributes:
        cutoff: in angstrom.
        offsets: (n + 1,) int64; crystal ``i`` owns edges ``offsets[i]:offsets[i + 1]``.
        centers: (n_edges,) uint16, index of the atom within its crystal.
        neighbors: (n_edges,) uint16, index of its neighbor within the crystal.
        distances: (n_edges,) float32, angstrom.
    """

    cutoff: float
    offsets: np.ndarray
    centers: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray

    def edges_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the edge indices of the given crystals, one crystal after the other."""
        return ragged_ranges(self.first_edges_of(rows), self.n_edges_of(rows))

    def first_edges_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the index of the first edge of each of the given crystals."""
        return self.offsets[rows]

    def n_edges_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of edges of the given crystals."""
        return self.offsets[rows + 1] - self.offsets[rows]

    def release(self) -> None:
        """Give back memory that can be had again; here there is none."""


def neighbor_graphs(table: StructureTable, cutoff: float, *, advance: Advance | None = None) -> NeighborGraphs:
    """Find all neighbors within ``cutoff`` (angstrom) of every atom of every crystal.

    Raises:
        InputInvalid: a crystal has more than 65,535 atoms, a cell that cannot be searched, or atoms far outside of it.
    """
    large = np.flatnonzero(table.n_sites > MAX_INDEXED)
    if len(large):
        raise InputInvalid(
            f"{table.material_ids[large[0]]} has {table.n_sites[large[0]]:,} atoms; at most {MAX_INDEXED:,} are "
            "allowed. Use a smaller cell, or leave it out."
        )
    centers, neighbors, distances = [], [], []
    for i, j, d in neighbor_lists(table, cutoff):
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


def neighbor_lists(table: StructureTable, cutoff: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each crystal all pairs of neighbors within ``cutoff`` (angstrom), over all periodic images.

    Yields:
        center and neighbor, indices within the crystal, and their distance in angstrom, (n_pairs,) each.

    Raises:
        InputInvalid: a cell or a place is such that no neighbors can be searched.
    """
    cells = _cells_of(table)
    coords = table.cart_coords
    finders: dict[float, NeighborList] = {}
    for row, reach in enumerate(_reaches(cells, cutoff).tolist()):
        points = coords[table.offsets[row] : table.offsets[row + 1]]
        if reach not in finders:
            finders[reach] = NeighborList(cutoff=reach, full_list=True)
        i, j, d = finders[reach].compute(points=points, box=cells[row], periodic=True, quantities="ijd")
        near = slice(None) if reach == cutoff else d < cutoff
        yield i[near], j[near], d[near]


def shortest_distances(table: StructureTable, *, cutoff: float) -> np.ndarray:
    """Return the shortest distance between two atoms of each crystal, (n,); infinite where none is below ``cutoff``."""
    lists = neighbor_lists(table, max(cutoff, LEAST_REACH))
    shortest = np.array([d.min() if len(d) else np.inf for _, _, d in lists], dtype=np.float64)
    return np.where(shortest < cutoff, shortest, np.inf)


def _cells_of(table: StructureTable) -> np.ndarray:
    """Return the cells in which neighbors are searched, (n, 3, 3)."""
    cells, found = search_cells(table.lattices)
    if not found.all():
        raise InputInvalid(
            f"{table.material_ids[~found][0]} has a cell in which no neighbors can be searched: it is flat, or an edge "
            f"is longer than {MAX_EDGE:,.0f} angstrom. Check its lattice, or leave it out."
        )
    far = np.flatnonzero(~(np.abs(table.frac_coords) <= MAX_FRACTION).all(axis=1))
    if len(far):
        row = np.searchsorted(table.offsets, far[0], side="right") - 1
        raise InputInvalid(
            f"{table.material_ids[row]} has atoms more than {MAX_FRACTION:,.0f} cells away, or nowhere. Check its "
            "fractional coordinates, or leave it out."
        )
    return cells


def _reaches(cells: np.ndarray, cutoff: float) -> np.ndarray:
    """Return for each cell the cutoff, enlarged until there are few enough bins, (n,)."""
    sizes, reaches = heights(cells), np.full(len(cells), float(cutoff))
    while True:
        many = np.maximum(sizes // reaches[:, None], 1).prod(axis=1) > MAX_BINS
        if not many.any():
            return reaches
        reaches[many] *= 1.5


def _concatenate(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
