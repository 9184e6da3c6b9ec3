"""Batches of crystals of like size, cut from flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from builders.structures.graphs import NeighborGraphs
from builders.structures.table import StructureTable, cartesian, ragged_ranges


@dataclass(frozen=True)
class Batch:
    """``B`` crystals padded to ``N`` atoms, with their ``E`` edges.

    Attributes:
        atomic_numbers: (B, N) int64, 0 where padded.
        coords: (B, N, 3) float32, Cartesian, angstrom.
        pairs: (E,) int64, position of each edge in a flattened (B, N, N) array.
        distances: (E,) float32, angstrom.
        labels: (B, n_columns) float32, NaN where unknown.
        cells: (B, 3) float32, see `builders.structures.primitive.cell_columns`; (B, 0) for a network that does not ask.
    """

    atomic_numbers: Tensor
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
        if device.type != "cuda":
            return self
        with torch.cuda.device(device):  # a thread of its own would begin with the first one
            return Batch(*(tensor.pin_memory() for tensor in self._tensors))

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.atomic_numbers, self.coords, self.pairs, self.distances, self.labels, self.cells


class PackedCrystals:
    """All crystals of a run in flat arrays, from which any batch is cut without a loop over crystals.

    The arrays of a table and its neighbors may lie in files; then one batch at a time is in memory, and of every
    crystal only its size, its labels and where it is.
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
            graphs: their neighbors, or None for a model that does not look at them.
            labels: (n, n_columns) float, of targets and whatever else is learned, NaN where unknown.
            cells: (n, 3) what a network is told of each cell; None for one that does not ask.
        """
        self.n_sites = table.n_sites
        self.labels = labels.astype(np.float32, copy=False)
        self._cells = np.zeros((len(table), 0), dtype=np.float32) if cells is None else cells
        self._table, self._graphs = table, graphs

    def __len__(self) -> int:
        return len(self.n_sites)

    def batch(self, rows: np.ndarray) -> Batch:
        """Cut out the crystals at the given rows."""
        n_sites = self.n_sites[rows]
        width = int(n_sites.max())
        atoms = self._table.atoms_of(rows)
        slots = ragged_ranges(np.arange(len(rows)) * width, n_sites)
        atomic_numbers = np.zeros(len(rows) * width, dtype=np.int64)
        atomic_numbers[slots] = self._table.atomic_numbers[atoms]
        coords = np.zeros((len(rows) * width, 3), dtype=np.float32)
        coords[slots] = cartesian(self._table.frac_coords[atoms], self._table.lattices[rows], n_sites)
        pairs, distances = self._edges(rows, width)
        self.release()
        return Batch(
            atomic_numbers=torch.from_numpy(atomic_numbers.reshape(len(rows), width)),
            coords=torch.from_numpy(coords.reshape(len(rows), width, 3)),
            pairs=torch.from_numpy(pairs),
            distances=torch.from_numpy(distances),
            labels=torch.from_numpy(self.labels[rows]),
            cells=torch.from_numpy(self._cells[rows]),
        )

    def release(self) -> None:
        """Give back the memory of what was read from files."""
        self._table.release()
        if self._graphs is not None:
            self._graphs.release()

    def _edges(self, rows: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        if self._graphs is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        edges = self._graphs.edges_of(rows)
        first_pair = np.repeat(np.arange(len(rows)) * width * width, self._graphs.n_edges_of(rows))
        centers = self._graphs.centers[edges].astype(np.int64)
        pairs = first_pair + centers * width + self._graphs.neighbors[edges]
        return pairs, self._graphs.distances[edges]


def batches_by_size(
    n_sites: np.ndarray,
    rows: np.ndarray,
    *,
    batch_size: int,
    max_pairs: int,
    rng: np.random.Generator | None = None,
) -> list[np.ndarray]:
    """Cut rows into batches of crystals of like size, so that little is spent on padding.

    Args:
        n_sites: (n,) number of atoms of every crystal.
        rows: the crystals to cut.
        batch_size: at most so many crystals in a batch.
        max_pairs: at most so many pairs of atoms, B * N * N, in a batch (a single crystal is always allowed).
        rng: shuffles ties and the order of the batches; None keeps both in order.
    """
    rows = np.asarray(rows)
    if rng is not None:
        rows = rng.permutation(rows)
    rows = rows[np.argsort(n_sites[rows], kind="stable")]
    batches = list(_cut(rows, n_sites, batch_size, max_pairs))
    if rng is not None:
        batches = [batches[k] for k in rng.permutation(len(batches))]
    return batches


def _cut(rows: np.ndarray, n_sites: np.ndarray, batch_size: int, max_pairs: int) -> Iterator[np.ndarray]:
    start = 0
    while start < len(rows):
        stop = min(start + batch_size, len(rows))
        while stop - start > 1 and (stop - start) * int(n_sites[rows[stop - 1]]) ** 2 > max_pairs:
            stop -= max(1, (stop - start) // 8)
        yield rows[start:stop]
        start = stop
