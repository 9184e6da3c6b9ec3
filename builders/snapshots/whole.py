"""All structures of a file, a folder or a snapshot at once: for commands that look at them and keep nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from builders.snapshots.snapshot import SNAPSHOT, read_snapshot
from builders.snapshots.snapshot import read_structures as read_pulled
from builders.sources import SourceOptions, open_stream
from builders.structures.cleaning import EVERYTHING, clean
from builders.structures.rejections import mend_of
from builders.structures.table import StructureTable, structures_from_arrow
from embeddings.errors import SourceError

TABLES = (".parquet", ".pq")


def read_structures(path: Path, source: str | None = None) -> tuple[StructureTable, dict[str, int]]:
    """Return the structures of a file or folder that can be used, and why others cannot: reason -> how many.

    Args:
        path: a Parquet file of structures, what the source ``local`` reads, or the folder of a snapshot.
        source: what reads it, unless it is a snapshot; None for ``table`` for a Parquet file, else ``local``.

    Raises:
        SourceError: nothing is there, or no structure can be used.
        InputInvalid: the format is unknown.
        ColumnNotFound: a Parquet file has no structures.
    """
    whole, dropped, first = _pulled(path) if (path / SNAPSHOT).is_file() else _read(path, source)
    if not len(whole):
        raise SourceError(f"{path} has no structure that can be used{_counted(dropped, first)}.")
    table, unclean = clean(whole)
    dropped.update(unclean)
    if not len(table):
        raise SourceError(f"{path} has no structure that can be used{_counted(dropped, first)}.")
    return table, dict(dropped)


def _pulled(folder: Path) -> tuple[StructureTable, Counter[str], str]:
    snapshot = read_snapshot(folder)
    return read_pulled(snapshot), Counter(snapshot.rejected), ""


def _read(path: Path, source: str | None) -> tuple[StructureTable, Counter[str], str]:
    """Return the structures of a file or folder, how many there are not, and what is wrong with the first of these."""
    source = source or ("table" if path.name.lower().endswith(TABLES) and path.is_file() else "local")
    stream = open_stream(source, SourceOptions(path=path), EVERYTHING)
    parts, dropped, first = [], Counter[str](), ""
    for batch in stream.batches(stream.plan(), None):
        parts.append(batch.table)
        dropped.update(rejected.reason for rejected in batch.rejected)
        first = first or next((rejected.detail for rejected in batch.rejected), "")
    if not sum(map(len, parts)):
        raise SourceError(f"{path} has no structure that can be used{_counted(dropped, first)}.")
    whole = pa.concat_tables(parts, promote_options="permissive")
    return structures_from_arrow(whole, origin=str(path)), dropped, first


def _counted(dropped: Counter[str], first: str) -> str:
    """Return why structures are left out, and what exactly the first lacks; how to fix it, if all have one fault."""
    counts = f": {', '.join(f'{n:,} {reason}' for reason, n in dropped.items())}" if dropped else ""
    mend = mend_of(next(iter(dropped))) if len(dropped) == 1 else ""
    return counts + (f" ({first.rstrip('.')})" if first else "") + (f"; {mend}" if mend else "")
