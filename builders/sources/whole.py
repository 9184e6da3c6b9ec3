"""All structures of a file or folder at once, without a snapshot: for commands that look at them and keep nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from builders.sources import SourceOptions, open_stream
from builders.structures.cleaning import EVERYTHING, clean
from builders.structures.table import StructureTable, structures_from_arrow
from embeddings.errors import SourceError

TABLES = (".parquet", ".pq")


def read_structures(path: Path) -> tuple[StructureTable, dict[str, int]]:
    """Return the structures of a file or folder that can be used, and why others cannot: reason -> how many.

    Args:
        path: a Parquet file of structures, or what the source ``local`` reads.

    Raises:
        SourceError: nothing is there, or no structure can be used.
        InputInvalid: the format is unknown.
        ColumnNotFound: a Parquet file has no structures.
    """
    source = "table" if path.name.lower().endswith(TABLES) and path.is_file() else "local"
    stream = open_stream(source, SourceOptions(path=path), EVERYTHING)
    parts, dropped, first = [], Counter[str](), ""
    for batch in stream.batches(stream.plan(), None):
        parts.append(batch.table)
        dropped.update(rejected.reason for rejected in batch.rejected)
        first = first or next((rejected.detail for rejected in batch.rejected), "")
    whole = pa.concat_tables(parts, promote_options="permissive") if parts else None
    if whole is None or not len(whole):
        raise SourceError(f"{path} has no structure that can be used{_counted(dropped, first)}.")
    table, unclean = clean(structures_from_arrow(whole, origin=str(path)))
    dropped.update(unclean)
    if not len(table):
        raise SourceError(f"{path} has no structure that can be used{_counted(dropped, first)}.")
    return table, dict(dropped)


def _counted(dropped: Counter[str], first: str) -> str:
    counts = f": {', '.join(f'{n:,} {reason}' for reason, n in dropped.items())}" if dropped else ""
    return counts + (f" ({first.rstrip('.')})" if first else "")
