"""Structures in files: tables and neighbors that may be larger than memory, made once and mapped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from builders.runs.ahead import ahead, threads_there
from builders.runs.arrays import ArrayWriter, MappedArrays, scratch_arrays, stored_arrays
from builders.runs.code import code_hash
from builders.runs.identity import identity_of
from builders.structures.equivalent import EDGES_FOR, ReducedGraphs, reduced, reduced_neighbors
from builders.structures.graphs import Advance, neighbor_graphs
from builders.structures.table import SITES_AT_ONCE, StructureTable, spans
from builders.structures.texts import Texts

MOST_IN_MEMORY = 1_000_000
"""Atoms of a selection of a mapped table that are copied into memory; of larger ones a file is made."""


@dataclass(frozen=True)
class MappedTable(StructureTable):
    """A structure table whose arrays lie in files.

    Attributes:
        arrays: the files.
        folder: beside which further files may be put.
        identity: of the content.
    """

    arrays: MappedArrays | None = None
    folder: Path = Path()
    identity: str = ""

    @property
    def n_sites(self) -> np.ndarray:
        """Number of atoms of each crystal, (n,) int64."""
        return super().n_sites if self.arrays is None else self.arrays["n_sites"]

    def parts(self) -> Iterator[StructureTable]:
        """Yield all crystals, in order, in tables of `SITES_AT_ONCE` atoms at most, one of them in memory at a time."""
        for part in super().parts():
            yield part
            self.release()

    def release(self) -> None:
        """Give back the memory of what was read."""
        if self.arrays is not None:
            self.arrays.release()

    def take(self, rows: np.ndarray) -> StructureTable:
        """Return the crystals at the given rows, in that order: in memory if they are few, else in a file."""
        rows = np.asarray(rows, dtype=np.int64)
        n_sites = self.n_sites[rows]
        if n_sites.sum() <= MOST_IN_MEMORY:
            return StructureTable.take(self, rows)
        arrays = scratch_arrays(self.folder, lambda writer: self._write(writer, rows, n_sites))
        return mapped_table(arrays, self.folder, identity_of(self.identity, _digest(rows)))

    def _write(self, writer: ArrayWriter, rows: np.ndarray, n_sites: np.ndarray) -> None:
        for start, stop in spans(n_sites, most=SITES_AT_ONCE, most_sites=SITES_AT_ONCE):
            append_table(writer, StructureTable.take(self, rows[start:stop]))
            self.release()


def append_table(writer: ArrayWriter, table: StructureTable) -> None:
    """Add crystals to a table in files; all of them have the same properties."""
    writer.about |= {
        "properties": list(table.properties),
        "units": table.units,
        "is_ordered": table.occupancies is None,
    }
    identifiers = [name.encode() for name in table.material_ids.tolist()]
    writer.append("identifiers", np.frombuffer(b"".join(identifiers), dtype=np.uint8))
    writer.append_lengths("identifier_offsets", np.array([len(name) for name in identifiers], dtype=np.int64))
    writer.append("lattices", table.lattices)
    writer.append("n_sites", table.n_sites)
    writer.append_lengths("offsets", table.n_sites)
    writer.append("atomic_numbers", table.atomic_numbers)
    writer.append("frac_coords", table.frac_coords)
    for number, values in enumerate(table.properties.values()):
        writer.append(f"property_{number}", values)
    if table.occupancies is not None:
        writer.append("occupancies", table.occupancies)


def mapped_table(arrays: MappedArrays, folder: Path, identity: str) -> MappedTable:
    """Return the table that `append_table` wrote.

    Args:
        arrays: its files.
        folder: beside which further files may be put.
        identity: of the content.
    """
    return MappedTable(
        material_ids=Texts.in_buffers(arrays["identifier_offsets"], arrays["identifiers"]),
        lattices=arrays["lattices"],
        offsets=arrays["offsets"],
        atomic_numbers=arrays["atomic_numbers"],
        frac_coords=arrays["frac_coords"],
        properties={name: arrays[f"property_{number}"] for number, name in enumerate(arrays.about["properties"])},
        units=dict(arrays.about["units"]),
        occupancies=None if arrays.about["is_ordered"] else arrays["occupancies"],
        arrays=arrays,
        folder=folder,
        identity=identity,
    )


@dataclass(frozen=True)
class MappedGraphs(ReducedGraphs):
    """Neighbors whose arrays lie in files, crystals of like size together.

    Attributes:
        places: (n,) int64, where in the files each crystal is.
        arrays: the files.
    """

    places: np.ndarray = field(kw_only=True)
    arrays: MappedArrays = field(kw_only=True)

    @property
    def sizes(self) -> np.ndarray:
        """Number of sets of each crystal, (n,) int64."""
        return super().sizes[self.places]

    def first_sets_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the index of the first set of each of the given crystals."""
        return super().first_sets_of(self.places[rows])

    def n_sets_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of sets of each of the given crystals."""
        return super().n_sets_of(self.places[rows])

    def first_edges_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the index of the first edge of each of the given crystals."""
        return super().first_edges_of(self.places[rows])

    def n_edges_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of edges of the given crystals."""
        return super().n_edges_of(self.places[rows])

    def release(self) -> None:
        """Give back the memory of what was read."""
        self.arrays.release()


def graphs_of(
    table: StructureTable, cutoff: float, *, rounds: int | None, advance: Advance | None = None
) -> ReducedGraphs:
    """Return the neighbors of one atom of each set of equivalent ones.

    Those of a mapped table are in files beside it, made once; others are in memory.

    Args:
        table: the crystals.
        cutoff: in angstrom.
        rounds: see `builders.structures.equivalent.equivalent_atoms`.
        advance: called with the number of crystals done.

    Raises:
        InputInvalid: as `neighbor_graphs` says.
        OutputInvalid: the files cannot be written.
    """
    if not isinstance(table, MappedTable):
        return reduced_neighbors(table, cutoff, rounds, advance=advance)
    identity = identity_of("neighbors", table.identity, cutoff, rounds, code_hash([]))
    arrays = stored_arrays(
        table.folder.parent / f"neighbors-{identity[:12]}",
        identity,
        lambda writer: _write_graphs(writer, table, cutoff, rounds, advance),
    )
    return MappedGraphs(
        cutoff=cutoff,
        offsets=arrays["offsets"],
        centers=arrays["centers"],
        neighbors=arrays["neighbors"],
        distances=arrays["distances"],
        set_offsets=arrays["set_offsets"],
        atomic_numbers=arrays["atomic_numbers"],
        counts=arrays["counts"],
        places=arrays["places"],
        arrays=arrays,
    )


def _write_graphs(
    writer: ArrayWriter, table: MappedTable, cutoff: float, rounds: int | None, advance: Advance | None
) -> None:
    order = np.argsort(table.n_sites, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    writer.append("places", places)

    def found(span: tuple[int, int]) -> ReducedGraphs:
        part = StructureTable.take(table, order[slice(*span)])
        return reduced(part, neighbor_graphs(part, cutoff), rounds)

    parts = list(spans(table.n_sites[order], most=SITES_AT_ONCE, most_sites=EDGES_FOR))
    for (start, stop), graphs in zip(parts, ahead(parts, found, threads=threads_there()), strict=True):
        writer.append_lengths("offsets", np.diff(graphs.offsets))
        writer.append_lengths("set_offsets", graphs.sizes)
        for name in ("centers", "neighbors", "distances", "atomic_numbers", "counts"):
            writer.append(name, getattr(graphs, name))
        table.release()
        if advance is not None:
            advance(stop - start)


def _digest(rows: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows).data).hexdigest()
