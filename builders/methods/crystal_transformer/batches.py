"""Batches of crystals of like size, cut from flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from builders.structures.equivalent import ReducedGraphs
from builders.structures.graphs import NeighborGraphs
from builders.structures.table import StructureTable, cartesian, ragged_ranges


@dataclass(frozen=True)
class Batch:
    """``B`` crystals padded to ``N`` atoms, one of each set of equivalent ones, with their ``E`` edges.

    Attributes:
        atomic_numbers: (B, N) int64, 0 where padded.
        counts: (B, N) float32, how many equivalent atoms each stands for, 0 where padded.
        coords: (B, N, 3) float32, Cartesian, angstrom; (B, N, 0) for a network of distances.
        pairs: (E,) int64, position of each edge in a flattened (B, N, N) array.
        distances: (E,) float32, angstrom.
        labels: (B, n_columns) float32, NaN where unknown.
        cells: (B, 3) float32, see `builders.structures.primitive.cell_columns`; (B, 0) for a network that does not ask.
    """

    atomic_numbers: Tensor
    counts: Tensor
    coords: Tensor
    pairs: Tensor
    distances: Tensor
    labels: Tensor
    cells: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, N) bool, True where there is an atom."""
        return self.atomic_numbers > 0

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device; one that is `staged` goes there while this process goes on."""
        if device.type == "cpu":
            return self
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self._tensors))

    def staged(self, device: torch.device) -> Batch:
        """Return the batch where a GPU fetches it by itself."""
        if device.type != "cuda" or self.labels.is_cuda:
            return self
        with torch.cuda.device(device):  # a thread of its own would begin with the first one
            return Batch(*(tensor.pin_memory() for tensor in self._tensors))

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.atomic_numbers, self.counts, self.coords, self.pairs, self.distances, self.labels, self.cells


class Crystals(Protocol):
    """What batches are cut from.

    Attributes:
        sizes: (n,) int64, atoms of each crystal that a network looks at.
        labels: (n, n_columns) float32.
    """

    sizes: np.ndarray
    labels: np.ndarray

    def batch(self, rows: np.ndarray) -> Batch:
        """Cut out the crystals at the given rows."""


class PackedCrystals:
    """All crystals of a run in flat arrays, from which any batch is cut without a loop over crystals.

    The arrays of a table and its neighbors may lie in files; then one batch at a time is in memory, and of every
    crystal only its size, its labels and where it is.

    Attributes:
        sizes: (n,) int64, atoms of each crystal that a network looks at: one of each set of equivalent ones where the
            neighbors are reduced to these, else all.
        labels: (n, n_columns) float32.
        cells: (n, 3) float32, what a network is told of each cell; (n, 0) for one that does not ask.
        graphs: their neighbors; None for a model that does not look at them.
    """

    def __init__(
        self,
        table: StructureTable,
        graphs: NeighborGraphs | None,
        labels: np.ndarray,
        cells: np.ndarray | None = None,
    ) -> None:
        """Pack.

        Args:
            table: ``n`` crystals.
            graphs: their neighbors, all or reduced, or None for a model that does not look at them.
            labels: (n, n_columns) float, of targets and whatever else is learned, NaN where unknown.
            cells: (n, 3) what a network is told of each cell; None for one that does not ask.
        """
        self._reduced = graphs if isinstance(graphs, ReducedGraphs) else None
        self.sizes = table.n_sites if self._reduced is None else self._reduced.sizes
        self.labels = labels.astype(np.float32, copy=False)
        self.cells = np.zeros((len(table), 0), dtype=np.float32) if cells is None else cells
        self._table, self.graphs = table, graphs

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def n_sites(self) -> np.ndarray:
        """Number of atoms of each crystal, (n,) int64, looked at or not."""
        return self._table.n_sites

    def batch(self, rows: np.ndarray) -> Batch:
        """Cut out the crystals at the given rows."""
        sizes = self.sizes[rows]
        width = int(sizes.max())
        slots = ragged_ranges(np.arange(len(rows)) * width, sizes)

        def padded(values: np.ndarray) -> Tensor:
            whole = np.zeros((len(rows) * width, *values.shape[1:]), dtype=values.dtype)
            whole[slots] = values
            return torch.from_numpy(whole.reshape(len(rows), width, *values.shape[1:]))

        atomic_numbers, counts, coords = self._atoms(rows)
        pairs, distances = self._edges(rows, width)
        self.release()
        return Batch(
            atomic_numbers=padded(atomic_numbers.astype(np.int64)),
            counts=padded(counts.astype(np.float32)),
            coords=padded(coords.astype(np.float32)),
            pairs=torch.from_numpy(pairs),
            distances=torch.from_numpy(distances),
            labels=torch.from_numpy(self.labels[rows]),
            cells=torch.from_numpy(self.cells[rows]),
        )

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Return where in a flattened batch of these crystals the vector of each of their atoms is, (n_atoms,) int64.

        Raises:
            ValueError: the sets of equivalent atoms are known, and not which atoms are in them.
        """
        n_sites, firsts = self.n_sites[rows], np.arange(len(rows)) * int(self.sizes[rows].max())
        if self._reduced is None:
            return ragged_ranges(firsts, n_sites)
        if self._reduced.set_of is None:
            raise ValueError("Which atoms are equivalent was not kept.")
        return np.repeat(firsts, n_sites) + self._reduced.set_of[self._table.atoms_of(rows)]

    def release(self) -> None:
        """Give back the memory of what was read from files."""
        self._table.release()
        if self.graphs is not None:
            self.graphs.release()

    def _atoms(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return atomic number, count and place, (n_atoms, 3) or (n_atoms, 0), of the atoms of some crystals."""
        if self._reduced is not None:
            sets = self._reduced.sets_of(rows)
            return self._reduced.atomic_numbers[sets], self._reduced.counts[sets], np.zeros((len(sets), 0))
        table, atoms = self._table, self._table.atoms_of(rows)
        coords = cartesian(table.frac_coords[atoms], table.lattices[rows], self.sizes[rows])
        return table.atomic_numbers[atoms], np.ones(len(atoms)), coords

    def _edges(self, rows: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        if self.graphs is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        edges = self.graphs.edges_of(rows)
        first_pair = np.repeat(np.arange(len(rows)) * width * width, self.graphs.n_edges_of(rows))
        centers = self.graphs.centers[edges].astype(np.int64)
        pairs = first_pair + centers * width + self.graphs.neighbors[edges]
        return pairs, self.graphs.distances[edges]


def batches_by_size(
    sizes: np.ndarray,
    rows: np.ndarray,
    *,
    batch_size: int,
    max_pairs: int,
    rng: np.random.Generator | None = None,
) -> list[np.ndarray]:
    """Cut rows into batches of crystals of like size, so that little is spent on padding.

    Args:
        sizes: (n,) number of atoms of every crystal that the network looks at.
        rows: the crystals to cut.
        batch_size: at most so many crystals in a batch.
        max_pairs: at most so many pairs of atoms, B * N * N, in a batch (a single crystal is always allowed).
        rng: shuffles ties and the order of the batches; None keeps both in order.
    """
    rows = np.asarray(rows)
    if rng is not None:
        rows = rng.permutation(rows)
    rows = rows[np.argsort(sizes[rows], kind="stable")]
    batches = list(_cut(rows, sizes, batch_size, max_pairs))
    if rng is not None:
        batches = [batches[k] for k in rng.permutation(len(batches))]
    return batches


def _cut(rows: np.ndarray, sizes: np.ndarray, batch_size: int, max_pairs: int) -> Iterator[np.ndarray]:
    start = 0
    while start < len(rows):
        stop = min(start + batch_size, len(rows))
        while stop - start > 1 and (stop - start) * int(sizes[rows[stop - 1]]) ** 2 > max_pairs:
            stop -= max(1, (stop - start) // 8)
        yield rows[start:stop]
        start = stop
