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
from embeddings.vectors.file import vectors_of
from embeddings.vectors.folder import Share
from embeddings.vectors.footer import Footer, Level
from embeddings.vectors.names import file_name
from embeddings.vectors.numbers import SCALE, Dtype, dtype_of, scale_for, shortened
from embeddings.vectors.seal import blank_seal, seal

GROUP_BYTES = 128 << 20
"""Of a row group of a folder's files, before they are packed."""

ROWS_PER_FILE = 1_000_000
"""Of a folder's files, unless the user says otherwise."""

PIECE_BYTES = 8 << 20
"""Of vectors in float32 that are given to the writer together."""

_LOOK = 1024
"""Numbers after which the writer of Arrow looks whether a page is full."""

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
    numbers = _numbers(parts, footer.level, layout.dtype)
    tables = (_cut(numbers.stored(table), ROWS_PER_GROUP) for table in LEVELS[footer.level].tables(parts))
    _write(path, (group for groups in tables for group in groups), footer, {})


def write_folder(folder: Path, parts: Sequence[Path], footer: Footer, layout: Layout, scratch: Path) -> None:
    """Write all parts as files into an empty folder, by identifier.

    Args:
        folder: that the files go to.
        parts: what there is to write.
        footer: of each file.
        layout: with the rows of a file.
        scratch: a folder that does not exist, for copies of the rows.
    """
    most, numbers = layout.rows_per_file or ROWS_PER_FILE, _numbers(parts, footer.level, layout.dtype)
    in_memory = 4 * footer.dim + _BESIDE
    tables: Iterator[pa.Table]
    if footer.level == "element":
        (whole,) = LEVELS["element"].tables(parts)
        n_rows, tables = len(whole), iter([whole])
    else:
        n_rows = sum(pq.read_metadata(part).num_rows for part in parts)
        tables = sorted_tables(parts, scratch, bytes_per_row=in_memory)
    rows = _Rows(map(numbers.stored, tables))
    at_once = max(1, GROUP_BYTES // (np.dtype(layout.dtype).itemsize * footer.dim + _BESIDE))
    n_files = -(-n_rows // most)
    for number in range(n_files):
        groups = rows.take(min(most, n_rows - number * most), at_once)
        _write(folder / file_name(number), groups, footer, Share(number, n_files, n_rows).to_metadata())


class _Rows:
    """The rows of tables, handed out in pieces of any size; what was handed out is not kept."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables, self._rest = iter(tables), list[pa.Table]()

    def take(self, n_rows: int, at_once: int) -> Iterator[pa.Table]:
        """Yield the next rows, so many at once."""
        for start in range(0, n_rows, at_once):
            yield self._next(min(at_once, n_rows - start))

    def _next(self, n_rows: int) -> pa.Table:
        while sum(map(len, self._rest)) < n_rows:
            self._rest.append(next(self._tables))
        whole = pa.concat_tables(self._rest)
        self._rest = [whole.slice(n_rows)]
        return whole.slice(0, n_rows)


@dataclass(frozen=True)
class _Numbers:
    """How the numbers of vectors are stored.

    Attributes:
        dtype: of them.
        scale: that they are divided by.
    """

    dtype: Dtype
    scale: float

    def stored(self, table: pa.Table) -> pa.Table:
        """Return a table of vectors in float32 with vectors of the dtype, whose column says the scale."""
        if self.dtype == "float32":
            return table
        column, stated = shortened(table["vector"], self.dtype, self.scale), {SCALE: repr(self.scale).encode()}
        field = pa.field("vector", column.type, nullable=False, metadata=stated)
        return table.set_column(table.schema.get_field_index("vector"), field, column)


def _numbers(parts: Sequence[Path], level: Level, dtype: Dtype) -> _Numbers:
    """Return how numbers are stored: with one scale for all vectors together."""
    if dtype == "float32":
        return _Numbers(dtype, 1.0)
    tables = LEVELS[level].tables(parts)
    return _Numbers(dtype, scale_for(max(float(np.abs(vectors_of(table["vector"])).max()) for table in tables), dtype))


def _cut(table: pa.Table, n_rows: int) -> Iterator[pa.Table]:
    return (table.slice(start, n_rows) for start in range(0, len(table), n_rows))


def _write(path: Path, groups: Iterator[pa.Table], footer: Footer, more: dict[bytes, bytes]) -> None:
    """Write a file, each table as a row group; one of them is in memory at a time."""
    table, n_groups = next(groups), 0
    schema = table.schema
    with pq.ParquetWriter(
        path,
        schema.with_metadata(footer.to_metadata() | more),
        compression="zstd",
        write_page_checksum=True,
        **_encodings(schema, is_sorted=bool(more)),
    ) as writer:
        while table is not None:
            writer.write_table(_in_pieces(table), row_group_size=max(1, len(table)))
            n_groups += 1
            table = None  # it goes before the next one comes
            table = next(groups, None)
        writer.add_key_value_metadata(blank_seal(n_groups, len(schema)))
    seal(path)


def _in_pieces(table: pa.Table) -> pa.Table:
    """Return a table with its vectors in small pieces: beside a piece, the writer holds several numbers for each of it.

    Pieces end where the writer looks whether a page is full, behind the row that makes `_LOOK` numbers whole, so that
    they become the same pages. Shortened vectors are as one.
    """
    place = table.schema.get_field_index("vector")
    column, dim = table.column(place), table.schema.field(place).type.list_size
    unit = -(-_LOOK // dim)
    most = unit * max(1, PIECE_BYTES // (4 * dim * unit))
    runs = [pa.chunked_array([chunk]) for chunk in column.chunks] if dtype_of(column.type) == "float32" else [column]
    pieces = [_whole(run.slice(start, most)) for run in runs for start in range(0, len(run), most)]
    return table.set_column(place, table.schema.field(place), pa.chunked_array(pieces, column.type))


def _whole(piece: pa.ChunkedArray) -> pa.Array:
    return piece.chunk(0) if piece.num_chunks == 1 else piece.combine_chunks()


def _encodings(schema: pa.Schema, *, is_sorted: bool) -> dict[str, object]:
    """Return how columns are encoded: few values and text by dictionary, sorted text by what is new in it."""
    texts = [field.name for field in schema if pa.types.is_string(field.type) and not (is_sorted and field.name == ID)]
    columns = {ID: "DELTA_BYTE_ARRAY"} if is_sorted and ID in schema.names else {}
    if dtype_of(schema.field("vector").type) == "int8":
        return {"use_dictionary": [*texts, "vector.list.element"], "column_encoding": columns or None}
    return {"use_dictionary": texts, "column_encoding": columns | {"vector.list.element": "BYTE_STREAM_SPLIT"}}
