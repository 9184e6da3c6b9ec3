"""Equivalent atoms of a crystal: those that see the same surroundings.

A network that knows of elements and distances alone gives such atoms the same vector, so it needs to look at one of
them. They are found by refinement of colors (Weisfeiler and Leman, Nauchno-Tekh. Inf. 2 (9), 12 (1968)): atoms begin
with their element, and in each round those part whose neighbors differ in distance or in color. Images of an atom in
a supercell and atoms that a symmetry maps onto each other stay together, whatever the cell and its axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builders.structures.graphs import MAX_INDEXED, Advance, NeighborGraphs, neighbor_graphs
from builders.structures.table import SITES_AT_ONCE, StructureTable, ragged_ranges, spans

TOLERANCE = 1e-4
"""Sums over neighbors that differ by no more are the same; one that moves changes them by some 3 per angstrom."""

WIDEST = 2 * TOLERANCE
"""Sums within a set lie no farther apart, however many atoms stand between the first and the last, each near the next:
in a large cell whose distances change little from atom to atom, all would else be one set."""

WAVELENGTHS = (np.inf, 2.5)
"""Of the functions of the distance that are summed, angstrom."""

EDGES_FOR = SITES_AT_ONCE // 16
"""Atoms of crystals all of whose edges are in memory together."""

_WEIGHTS = np.random.default_rng(0).uniform(0.5, 1.5, (len(WAVELENGTHS), MAX_INDEXED + 1))
"""What a neighbor of each color counts in each sum."""


@dataclass(frozen=True)
class EquivalentAtoms:
    """The sets of equivalent atoms of ``n`` crystals.

    Attributes:
        offsets: (n + 1,) int64; crystal ``i`` has sets ``offsets[i]:offsets[i + 1]``.
        set_of: (n_atoms,) int64, the set of each atom, counted within its crystal.
        firsts: (n_sets,) int64, the first atom of each set, counted over all crystals.
        counts: (n_sets,) int32, atoms of each set.
    """

    offsets: np.ndarray
    set_of: np.ndarray
    firsts: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class ReducedGraphs(NeighborGraphs):
    """The edges of one atom of each set of equivalent ones; centers and neighbors are numbers of sets in the crystal.

    Attributes:
        set_offsets: (n + 1,) int64; crystal ``i`` has sets ``set_offsets[i]:set_offsets[i + 1]``.
        atomic_numbers: (n_sets,) int16.
        counts: (n_sets,) int32, atoms of each set.
        set_of: (n_atoms,) uint16, the set of each atom, counted within its crystal; None where it was not kept.
    """

    set_offsets: np.ndarray
    atomic_numbers: np.ndarray
    counts: np.ndarray
    set_of: np.ndarray | None = None

    @property
    def sizes(self) -> np.ndarray:
        """Number of sets of each crystal, (n,) int64."""
        return np.diff(self.set_offsets)

    def sets_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the indices of the sets of the given crystals, one crystal after the other."""
        return ragged_ranges(self.first_sets_of(rows), self.n_sets_of(rows))

    def first_sets_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the index of the first set of each of the given crystals."""
        return self.set_offsets[rows]

    def n_sets_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of sets of each of the given crystals."""
        return self.set_offsets[rows + 1] - self.set_offsets[rows]


def reduced_neighbors(
    table: StructureTable, cutoff: float, rounds: int | None, *, advance: Advance | None = None
) -> ReducedGraphs:
    """Find the neighbors of one atom of each set of equivalent ones.

    Args:
        table: the crystals.
        cutoff: in angstrom.
        rounds: see `equivalent_atoms`.
        advance: called with the number of crystals done.

    Raises:
        InputInvalid: as `builders.structures.graphs.neighbor_graphs` says.
    """
    parts = []
    for start, stop in spans(table.n_sites, most=SITES_AT_ONCE, most_sites=EDGES_FOR):
        part = table.take(np.arange(start, stop))
        parts.append(reduced(part, neighbor_graphs(part, cutoff, advance=advance), rounds))
    return parts[0] if len(parts) == 1 else joined(parts, cutoff)


def equivalent_atoms(table: StructureTable, graphs: NeighborGraphs, rounds: int | None) -> EquivalentAtoms:
    """Find the atoms of each crystal that a network of so many layers cannot tell apart.

    Args:
        table: the crystals.
        graphs: the edges of all of their atoms.
        rounds: of refinement, one for each layer; None leaves every atom alone.
    """
    crystals = np.repeat(np.arange(len(table)), table.n_sites)
    colors = np.arange(len(crystals))
    if rounds is not None:
        colors = _split(crystals, table.atomic_numbers)
        first_atoms = np.repeat(table.offsets[:-1], np.diff(graphs.offsets))
        centers, neighbors = first_atoms + graphs.centers, first_atoms + graphs.neighbors
        functions = _functions(graphs)
        for _ in range(rounds):
            within = colors - _firsts(crystals, colors, len(table))[crystals]
            for values, weights in zip(functions, _WEIGHTS, strict=True):
                seen = np.bincount(centers, weights=values * weights[within][neighbors], minlength=len(colors))
                colors = _split(colors, seen)
    counts = np.bincount(colors)
    firsts = _firsts(colors, np.arange(len(colors)), len(counts))
    offsets = np.searchsorted(crystals[firsts], np.arange(len(table) + 1))
    return EquivalentAtoms(offsets, colors - offsets[crystals], firsts, counts.astype(np.int32))


def reduced(table: StructureTable, graphs: NeighborGraphs, rounds: int | None) -> ReducedGraphs:
    """Return the edges of the first atom of each set of equivalent ones.

    Args:
        table: the crystals.
        graphs: the edges of all of their atoms.
        rounds: see `equivalent_atoms`.
    """
    atoms = equivalent_atoms(table, graphs, rounds)
    first_atoms = np.repeat(table.offsets[:-1], np.diff(graphs.offsets))
    is_first = np.zeros(len(atoms.set_of), dtype=bool)
    is_first[atoms.firsts] = True
    kept = np.flatnonzero(is_first[first_atoms + graphs.centers])
    centers, neighbors = (atoms.set_of[first_atoms[kept] + side[kept]] for side in (graphs.centers, graphs.neighbors))
    return ReducedGraphs(
        cutoff=graphs.cutoff,
        offsets=np.searchsorted(kept, graphs.offsets),
        centers=centers.astype(np.uint16),
        neighbors=neighbors.astype(np.uint16),
        distances=graphs.distances[kept],
        set_offsets=atoms.offsets,
        atomic_numbers=table.atomic_numbers[atoms.firsts],
        counts=atoms.counts,
        set_of=atoms.set_of.astype(np.uint16),
    )


def joined(parts: Sequence[ReducedGraphs], cutoff: float) -> ReducedGraphs:
    """Return the graphs of all crystals of several parts, one part after the other."""

    def all_of(name: str, dtype: type) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype), *(getattr(part, name) for part in parts)]).astype(dtype, copy=False)

    def ends(name: str) -> np.ndarray:
        lengths = [np.diff(getattr(part, name)) for part in parts]
        return np.concatenate([[0], np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))]).astype(np.int64)

    return ReducedGraphs(
        cutoff=cutoff,
        offsets=ends("offsets"),
        centers=all_of("centers", np.uint16),
        neighbors=all_of("neighbors", np.uint16),
        distances=all_of("distances", np.float32),
        set_offsets=ends("set_offsets"),
        atomic_numbers=all_of("atomic_numbers", np.int16),
        counts=all_of("counts", np.int32),
        set_of=all_of("set_of", np.uint16),
    )


def _functions(graphs: NeighborGraphs) -> list[np.ndarray]:
    """Return functions of the distance that go smoothly to zero at the cutoff, (n_edges,) each."""
    distances = graphs.distances.astype(np.float64)
    envelope = (1 + np.cos(np.pi / graphs.cutoff * distances)) / 2
    return [envelope * np.cos(2 * np.pi / wavelength * distances) for wavelength in WAVELENGTHS]


def _split(colors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return new colors, ascending by color and value: atoms of a color part at gaps, and where values go too far."""
    order = np.lexsort((values, colors))
    colors, values = colors[order], values[order]
    parts = (np.diff(colors) != 0) | (np.diff(values) > TOLERANCE)
    chains = _numbered(parts)
    least = values[np.flatnonzero(np.diff(chains, prepend=-1))][chains]
    found = np.empty_like(chains)
    found[order] = _numbered(parts | (np.diff((values - least) // WIDEST) != 0))
    return found


def _numbered(parts: np.ndarray) -> np.ndarray:
    """Return the number of the run that each of a row of atoms is in, given (n - 1,) whether it parts from the next."""
    return np.cumsum(np.concatenate([[0], parts]), dtype=np.int64)


def _firsts(groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the least value of each of ``n`` groups, (n,); groups and values are as long as each other."""
    least = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(least, groups, values)
    return least
