"""The structures of a snapshot, cut into the pieces that become parts: the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.snapshots.seen import Seen
from builders.snapshots.snapshot import Snapshot, read_part
from builders.structures.table import OPTIONAL_COLUMNS, STRUCTURE_COLUMNS, StructureTable, spans, structures_from_arrow
from embeddings.display.numbers import counted, span_of

AT_ONCE, SITES_AT_ONCE = 1024, 100_000
"""Structures of a part, and their sites. A part is in memory, with several copies of the vectors of its sites."""


@dataclass(frozen=True)
class Piece:
    """Some structures of a snapshot.

    Attributes:
        start: number of the first one.
        table: the structures, without their properties.
        is_new: (n,) bool, which of them have an identifier that none before them has.
    """

    start: int
    table: StructureTable
    is_new: np.ndarray

    @property
    def stop(self) -> int:
        """Number of the first structure behind."""
        return self.start + len(self.table)

    @property
    def label(self) -> str:
        """What is in it, for messages."""
        names = self.table.material_ids
        return f"{counted(len(names), 'structure')}, {span_of(names[0], names[-1])}" if len(names) else "no structures"


def limits() -> tuple[int, int]:
    """Return how many structures and sites a piece holds at most: other pieces make other bytes."""
    return AT_ONCE, SITES_AT_ONCE


def pieces(snapshot: Snapshot) -> Iterator[Piece]:
    """Yield the structures of a snapshot, some at a time."""
    row, seen = 0, Seen()
    for name in snapshot.parts:
        file = pq.ParquetFile(read_part(snapshot, name))
        columns = [column for column in STRUCTURE_COLUMNS + OPTIONAL_COLUMNS if column in file.schema_arrow.names]
        for batch in file.iter_batches(AT_ONCE, columns=columns):
            table = structures_from_arrow(pa.Table.from_batches([batch]), origin=snapshot.origin.name)
            is_new = seen.add(map(str, table.material_ids))
            for start, stop in spans(table.n_sites, most=AT_ONCE, most_sites=SITES_AT_ONCE):
                yield Piece(row + start, table.take(np.arange(start, stop)), is_new[start:stop])
            row += len(table)
