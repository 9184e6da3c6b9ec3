"""Tables of vectors as sealed Parquet files: one whose row groups suit lookups, or a folder whose suit many rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.embed.levels import LEVELS, ROWS_PER_GROUP
from builders.embed.sorting import ID, sorted_tables
from builders.runs.identity import identity_of
from embeddings.vectors.file import Footer, Level, vectors_of
from embeddings.vectors.folder import Share
from embeddings.vectors.names import file_name
from embeddings.vectors.numbers import SCALE, Dtype, scale_for, shortened
from embeddings.vectors.seal import blank_seal, seal

GROUP_BYTES = 128 << 20
"""Of a row group of a folder's files, before they are packed."""

ROWS_PER_FILE = 1_000_000
"""Of a folder's files, unless the user says otherwise."""

_BESIDE = 40
"""About the bytes of a row beside its vector."""


@dataclass(frozen=True)
class Layout:
    """How vectors are laid out.

    Attributes:
        dtype: of the numbers.
        rows_per_file: of a folder; None for a single file.
    """

    dtype: Dtype = "float32"
    rows_per_file: int | None = None

    def identity(self, identity: str) -> str:
        """Return the identity of vectors in this layout: of one file in float32, the one that they have themselves."""
        if self == Layout():
            return identity
        return identity_of(identity, self.dtype, self.rows_per_file, GROUP_BYTES, ROWS_PER_GROUP)


def write_file(path: Path, parts: Sequence[Path], footer: Footer, layout: Layout) -> None:
    """Write all parts as one file, in their order."""
    scale = _scale(parts, footer.level, layout.dtype)
    tables = (_cut(table, ROWS_PER_GROUP) for table in LEVELS[footer.level].tables(parts))
    _write(path, (group for groups in tables for group in groups), footer, {}, layout.dtype, scale)


def write_folder(folder: Path, parts: Sequence[Path], footer: Footer, layout: Layout, scratch: Path) -> None:
    """Write all parts as files into an empty folder, by identifier.

    Args:
        folder: that the files go to.
        parts: what there is to write.
        footer: of each file.
        layout: with the rows of a file.
        scratch: a folder that does not exist, for copies of the rows.
    """
    most, scale = layout.rows_per_file or ROWS_PER_FILE, _scale(parts, footer.level, layout.dtype)
    in_memory = 4 * footer.dim + _BESIDE
    if footer.level == "element":
        tables = list(LEVELS["element"].tables(parts))
        n_rows = sum(map(len, tables))
        rows = _Rows(tables)
    else:
        n_rows = sum(pq.read_metadata(part).num_rows for part in parts)
        rows = _Rows(sorted_tables(parts, scratch, bytes_per_row=in_memory))
    at_once = max(1, GROUP_BYTES // (np.dtype(layout.dtype).itemsize * footer.dim + _BESIDE))
    n_files = -(-n_rows // most)
    for number in range(n_files):
        groups = rows.take(min(most, n_rows - number * most), at_once)
        share = Share(number, n_files, n_rows).to_metadata()
        _write(folder / file_name(number), groups, footer, share, layout.dtype, scale)


class _Rows:
    """The rows of tables, handed out in pieces of any size."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables, self._rest = iter(tables), list[pa.Table]()

    def take(self, n_rows: int, at_once: int) -> Iterator[pa.Table]:
        """Yield the next rows, so many at once."""
        while n_rows:
            wanted = min(n_rows, at_once)
            while sum(map(len, self._rest)) < wanted:
                self._rest.append(next(self._tables))
            whole = pa.concat_tables(self._rest)
            self._rest = [whole.slice(wanted)]
            n_rows -= wanted
            yield whole.slice(0, wanted)


def _cut(table: pa.Table, n_rows: int) -> Iterator[pa.Table]:
    return (table.slice(start, n_rows) for start in range(0, len(table), n_rows))


def _scale(parts: Sequence[Path], level: Level, dtype: Dtype) -> float:
    """Return the scale of all vectors together."""
    if dtype == "float32":
        return 1.0
    tables = LEVELS[level].tables(parts)
    return scale_for(max(float(np.abs(vectors_of(table["vector"])).max()) for table in tables), dtype)


def _write(
    path: Path, groups: Iterator[pa.Table], footer: Footer, more: dict[bytes, bytes], dtype: Dtype, scale: float
) -> None:
    """Write a file, each table as a row group."""
    first = next(groups)
    schema = _schema(first.schema, dtype, scale)
    with pq.ParquetWriter(
        path,
        schema.with_metadata(footer.to_metadata() | more),
        compression="zstd",
        write_page_checksum=True,
        **_encodings(schema, dtype, is_sorted=bool(more)),
    ) as writer:
        n_groups = 0
        for table in _chained(first, groups):
            if dtype != "float32":
                place = table.schema.get_field_index("vector")
                table = table.set_column(place, "vector", shortened(table["vector"], dtype, scale)).cast(schema)
            writer.write_table(table, row_group_size=max(1, len(table)))
            n_groups += 1
        writer.add_key_value_metadata(blank_seal(n_groups, len(schema)))
    seal(path)


def _chained(first: pa.Table, others: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from others


def _schema(schema: pa.Schema, dtype: Dtype, scale: float) -> pa.Schema:
    """Return the schema with vectors of a dtype, whose column says the scale."""
    if dtype == "float32":
        return schema
    place = schema.get_field_index("vector")
    kind = pa.list_(pa.from_numpy_dtype(np.dtype(dtype)), schema.field(place).type.list_size)
    return schema.set(place, pa.field("vector", kind, nullable=False, metadata={SCALE: repr(scale).encode()}))


def _encodings(schema: pa.Schema, dtype: Dtype, *, is_sorted: bool) -> dict[str, object]:
    """Return how columns are encoded: few values and text by dictionary, sorted text by what is new in it."""
    texts = [field.name for field in schema if pa.types.is_string(field.type) and not (is_sorted and field.name == ID)]
    columns = {ID: "DELTA_BYTE_ARRAY"} if is_sorted and ID in schema.names else {}
    if dtype == "int8":
        return {"use_dictionary": [*texts, "vector.list.element"], "column_encoding": columns or None}
    return {"use_dictionary": texts, "column_encoding": columns | {"vector.list.element": "BYTE_STREAM_SPLIT"}}
