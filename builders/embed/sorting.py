"""Rows of parts in the order of their identifiers, in bounded memory: ranges of identifiers, sorted one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ID, SITE = "material_id", "site"

RANGE_BYTES = 1 << 26
"""Of the vectors of a range."""

_SAMPLED = 200_000
"""Identifiers that decide where ranges begin."""


def sorted_tables(parts: Sequence[Path], scratch: Path, *, bytes_per_row: int) -> Iterator[pa.Table]:
    """Yield all rows by identifier, and by site where there are several of one; parts that are in order as they are.

    Args:
        parts: Parquet files; those of one identifier are in one part, or follow each other.
        scratch: an empty folder, for copies of the rows.
        bytes_per_row: about how large a row is in memory.
    """
    most = max(1, RANGE_BYTES // bytes_per_row)
    edges = _edges(parts, most)
    if edges is None:
        yield from map(pq.read_table, parts)
        return
    for path in _scattered(parts, edges, scratch, most):
        yield _sorted(path)


def _sorted(path: Path) -> pa.Table:
    """Return the rows of a range in order, and remove its file."""
    table = pa.concat_tables(_streams(path))
    path.unlink()
    return table.sort_by([(name, "ascending") for name in (ID, SITE) if name in table.column_names])


def _edges(parts: Sequence[Path], most: int) -> np.ndarray | None:
    """Return the first identifiers of all ranges but the first, so that few have more than `most` rows.

    None if the rows are in order already.
    """
    each, n_rows, last, in_order = max(1, _SAMPLED // len(parts)), 0, "", True
    sample: list[str] = []
    for number, part in enumerate(parts):
        ids = pq.read_table(part, columns=[ID])[ID].combine_chunks()
        names = ids.to_numpy(zero_copy_only=False)
        in_order = in_order and bool(last <= names[0] and pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py() is not False)
        last, n_rows = names[-1], n_rows + len(names)
        sample += np.random.default_rng(number).choice(names, min(each, len(names)), replace=False).tolist()
    if in_order:
        return None
    n_ranges = -(-n_rows // most)
    sample.sort()
    return np.array([sample[k * len(sample) // n_ranges] for k in range(1, n_ranges)], dtype=object)


def _scattered(parts: Sequence[Path], edges: np.ndarray, scratch: Path, most: int) -> Iterator[Path]:
    """Write each row into the file of its range; yield those files in order."""
    scratch.mkdir(parents=True, exist_ok=True)
    files = [scratch / f"range-{number:05d}.arrows" for number in range(len(edges) + 1)]
    for some in _gathered(parts, most):
        _scatter(pa.concat_tables(map(pq.read_table, some)), edges, files)
    return (file for file in files if file.exists())


def _scatter(table: pa.Table, edges: np.ndarray, files: Sequence[Path]) -> None:
    """Add each row to the file of its range."""
    ranges = np.searchsorted(edges, table[ID].to_numpy(), side="right") if len(edges) else np.zeros(len(table), int)
    for number in np.unique(ranges).tolist():
        rows = table.take(np.flatnonzero(ranges == number))
        with files[number].open("ab") as file, pa.ipc.new_stream(file, rows.schema) as stream:
            stream.write_table(rows.combine_chunks())


def _gathered(parts: Sequence[Path], most: int) -> Iterator[list[Path]]:
    """Yield parts that have about `most` rows together."""
    waiting, n_rows = list[Path](), 0
    for part in parts:
        waiting.append(part)
        n_rows += pq.read_metadata(part).num_rows
        if n_rows >= most:
            yield waiting
            waiting, n_rows = [], 0
    if waiting:
        yield waiting


def _streams(path: Path) -> list[pa.Table]:
    """Return the tables of streams that were written one behind the other."""
    tables = []
    with path.open("rb") as file:
        size = path.stat().st_size
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                tables.append(stream.read_all())
    return tables
