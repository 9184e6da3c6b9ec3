"""What is written at each level: a row for each structure, each of its sites, or each element over all sites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.methods.crystal_transformer.extract import element_means
from builders.structures.counts import count_structures
from builders.structures.formulas import reduced_formulas_of
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.vectors.file import DISTANCE, vectors_of
from embeddings.vectors.footer import Level

if TYPE_CHECKING:
    from builders.others.encoder import Encoded

ROWS_PER_GROUP = 4096
"""Rows of a row group of the output, at most: what one lookup has to read."""


@dataclass(frozen=True)
class Writer:
    """How a level is written.

    Attributes:
        of_sites: whether it is made of vectors of sites, (n_atoms, dim), or of structures, (n, dim).
        rows: makes a part of what came of some structures.
        tables: makes the tables of the output from all parts, a few at a time.
    """

    of_sites: bool
    rows: Callable[[Encoded], pa.Table]
    tables: Callable[[Iterable[Path]], Iterator[pa.Table]]


def structure_rows(made: Encoded) -> pa.Table:
    """Return one row for each crystal, whose vectors are (n, dim)."""
    table = made.table
    return _table(
        material_id=pa.array(table.material_ids, pa.string()),
        formula=pa.array(reduced_formulas_of(table), pa.string()),
        **_distances(made.distances),
        vector=_column(made.vectors),
    )


def site_rows(made: Encoded) -> pa.Table:
    """Return one row for each atom, in the order of the structure, whose vectors are (n_atoms, dim)."""
    table = made.table
    offsets, n_sites = table.offsets, table.n_sites
    return _table(
        material_id=pa.array(np.repeat(table.material_ids, n_sites), pa.string()),
        site=pa.array(np.arange(len(made.vectors)) - np.repeat(offsets[:-1], n_sites), pa.int32()),
        atomic_number=pa.array(table.atomic_numbers, pa.int16()),
        **_distances(None if made.distances is None else np.repeat(made.distances, n_sites)),
        vector=_column(made.vectors),
    )


def element_sums(made: Encoded) -> pa.Table:
    """Return one row for each of 119 atomic numbers, with counts and the sum over its sites, from (n_atoms, dim)."""
    table, vectors = made.table, made.vectors
    order = np.argsort(table.atomic_numbers, kind="stable")
    there, first = np.unique(table.atomic_numbers[order], return_index=True)
    sums = np.zeros((N_ELEMENTS + 1, vectors.shape[1]))
    sums[there] = np.add.reduceat(vectors[order].astype(np.float64), first)
    return _table(
        n_structures=pa.array(count_structures(table), pa.int64()),
        n_sites=pa.array(np.bincount(table.atomic_numbers, minlength=N_ELEMENTS + 1), pa.int64()),
        vector=_column(sums),
    )


def _one_by_one(parts: Iterable[Path]) -> Iterator[pa.Table]:
    return map(pq.read_table, parts)


def _element_means(parts: Iterable[Path]) -> Iterator[pa.Table]:
    """Add up what `element_sums` made and yield one element table."""
    n_structures, n_sites, sums = _added(parts)
    there = np.flatnonzero(n_sites)
    yield _table(
        atomic_number=pa.array(there, pa.int16()),
        symbol=pa.array([SYMBOLS[z - 1] for z in there], pa.string()),
        n_structures=pa.array(n_structures[there], pa.int32()),
        n_sites=pa.array(n_sites[there], pa.int64()),
        vector=_column(element_means(sums, n_sites)[there]),
    )


def _added(parts: Iterable[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts of structures (119,), counts of sites (119,) and sums (119, dim), each added over all parts."""
    tables = map(pq.read_table, parts)
    first = next(tables)
    n_structures, n_sites = first["n_structures"].to_numpy(), first["n_sites"].to_numpy()
    sums = vectors_of(first["vector"])
    for table in tables:
        n_structures, n_sites = n_structures + table["n_structures"].to_numpy(), n_sites + table["n_sites"].to_numpy()
        sums = sums + vectors_of(table["vector"])
    return n_structures, n_sites, sums


def _table(**columns: pa.Array) -> pa.Table:
    schema = pa.schema([pa.field(name, column.type, nullable=False) for name, column in columns.items()])
    return pa.table(list(columns.values()), schema=schema)


def _distances(values: np.ndarray | None) -> dict[str, pa.Array]:
    """Return the column of distances to the training crystals; none where the encoder does not tell them."""
    return {} if values is None else {DISTANCE: pa.array(values, pa.float32())}


def _column(vectors: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors).ravel()), vectors.shape[1])


LEVELS: dict[Level, Writer] = {
    "structure": Writer(False, structure_rows, _one_by_one),
    "site": Writer(True, site_rows, _one_by_one),
    "element": Writer(True, element_sums, _element_means),
}
"""Every level by name."""
