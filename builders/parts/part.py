"""A part as it is kept: the bytes of its file, and its line in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from builders.engines.base import Part, Task, sha256_of
from builders.parts.pieces import Piece
from builders.snapshots.ledger import Entry

NAMED = 5
"""At most this many structures are named for each reason."""


def part_of(
    task: Task,
    content: bytes,
    *,
    n_kept: int,
    left_out: Mapping[str, Sequence[str]],
    counts: dict[str, int] | None = None,
) -> Part:
    """Return a part and its line in the ledger, but for the file.

    Args:
        task: that it is made of.
        content: of its file; empty where nothing is kept.
        n_kept: structures in it.
        left_out: reason -> identifiers of those that are not.
        counts: what else is counted.
    """
    piece: Piece = task.content
    entry = Entry(
        start=piece.start,
        next=piece.stop,
        file=None,
        sha256=None,
        n_received=len(piece.table),
        n_kept=n_kept,
        left_out={reason: len(names) for reason, names in left_out.items()},
        rejected=[[name, reason, ""] for reason, names in left_out.items() for name in names[:NAMED]],
        counts=counts or {},
    )
    return Part(task.number, content, sha256_of(content), entry)


def content_of(table: pa.Table) -> bytes:
    """Return a part as the bytes of a Parquet file."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), buffer, compression="zstd")
    content: bytes = buffer.getvalue().to_pybytes()
    return content
