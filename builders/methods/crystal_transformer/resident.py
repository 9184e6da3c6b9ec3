"""Crystals in the memory of a GPU, from which it cuts batches by itself.

The processor is busy enough with launching the work of a step; here it sends the rows of a batch and nothing else. The
arrays of 124,901 crystals with 44 million edges take half a gigabyte.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from builders.methods.crystal_transformer.batches import Batch, Crystals, PackedCrystals
from builders.structures.equivalent import ReducedGraphs

MOST_OF_FREE = 0.25
"""Share of the free memory of a GPU that crystals may take; the network needs the rest."""

AT_ONCE = 4_000_000
"""Numbers that are copied together, out of files."""


def near(crystals: PackedCrystals, device: torch.device) -> Crystals:
    """Return the crystals in the memory of a GPU, if they are for one, of known distances, and few enough.

    Args:
        crystals: of a run.
        device: where its network computes.
    """
    graphs = crystals.graphs
    if device.type != "cuda" or not isinstance(graphs, ReducedGraphs):
        return crystals
    free, _ = torch.cuda.mem_get_info(device)
    return ResidentCrystals(crystals, graphs, device) if _bytes_of(graphs) <= MOST_OF_FREE * free else crystals


class ResidentCrystals:
    """Packed crystals, one atom of each set of equivalent ones, whose batches are cut where the arrays are.

    Batches are those of `PackedCrystals`, to the bit. Of a batch the processor sends the rows and nothing else, and it
    waits for nothing.

    Attributes:
        sizes: (n,) int64, atoms of each crystal that a network looks at, in the memory of the processor.
        labels: (n, n_columns) float32, likewise.
    """

    def __init__(self, crystals: PackedCrystals, graphs: ReducedGraphs, device: torch.device) -> None:
        """Copy.

        Args:
            crystals: to be copied.
            graphs: their neighbors.
            device: to whose memory.
        """
        self.sizes, self.labels, self.device = crystals.sizes, crystals.labels, device
        rows = np.arange(len(self.sizes))
        self._n_edges = graphs.n_edges_of(rows)
        parts = np.stack([graphs.first_sets_of(rows), self.sizes, graphs.first_edges_of(rows), self._n_edges], axis=1)
        self._parts, self._labels, self._cells = (_copy(one, device) for one in (parts, self.labels, crystals.cells))
        self._atomic_numbers, self._counts = _copy(graphs.atomic_numbers, device), _copy(graphs.counts, device)
        self._centers, self._neighbors = _copy(graphs.centers, device), _copy(graphs.neighbors, device)
        self._distances = _copy(graphs.distances, device)
        crystals.release()

    def batch(self, rows: np.ndarray) -> Batch:
        """Cut out the crystals at the given rows."""
        width, n_edges = int(self.sizes[rows].max()), int(self._n_edges[rows].sum())
        where = self._sent(rows)
        first_sets, sizes, first_edges, lengths = self._parts[where].unbind(1)
        places = torch.arange(width, device=self.device)
        is_there = places < sizes[:, None]
        sets = (first_sets[:, None] + places).where(is_there, 0)
        pairs, distances = self._edges(first_edges, lengths, n_edges, width)
        return Batch(
            atomic_numbers=self._atomic_numbers[sets].long().where(is_there, 0),
            counts=self._counts[sets].float().where(is_there, 0.0),
            coords=distances.new_zeros(len(rows), width, 0),
            pairs=pairs,
            distances=distances,
            labels=self._labels[where],
            cells=self._cells[where],
        )

    def _edges(self, firsts: Tensor, lengths: Tensor, n_edges: int, width: int) -> tuple[Tensor, Tensor]:
        """Return pairs and distances of the edges of crystals: where the first of each lies, (B,), and how many."""
        before = lengths.cumsum(0) - lengths
        crystals = torch.arange(len(firsts), device=self.device)
        crystals = crystals.repeat_interleave(lengths, output_size=n_edges)
        edges = (firsts - before)[crystals] + torch.arange(n_edges, device=self.device)
        pairs = (crystals * width + self._centers[edges]) * width + self._neighbors[edges]
        return pairs, self._distances[edges]

    def _sent(self, rows: np.ndarray) -> Tensor:
        there = torch.from_numpy(rows)
        return there.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else there


def _bytes_of(graphs: ReducedGraphs) -> int:
    return 12 * len(graphs.distances) + 8 * len(graphs.counts)


def _copy(values: np.ndarray, device: torch.device) -> Tensor:
    """Return an array, which may lie in a file, in the memory of a device; unsigned numbers as int32."""
    kind = values.dtype if values.dtype.kind != "u" else np.dtype(np.int32)
    there = torch.empty(values.shape, dtype=torch.from_numpy(np.zeros(0, dtype=kind)).dtype, device=device)
    for start in range(0, len(values), AT_ONCE):
        part = values[start : start + AT_ONCE].astype(kind)
        there[start : start + len(part)] = torch.from_numpy(part)
    return there
