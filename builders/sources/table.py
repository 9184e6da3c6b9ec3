"""Structures from Parquet files in the structure schema, with any numeric columns as properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.origins import Origin, origin_from_metadata
from builders.sources.table_files import ParquetTable, Tables, tables_at, tables_below
from builders.sources.values import VALUES_OUT_OF_RANGE
from builders.structures.cleaning import EVERYTHING, Selection
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import LARGEST_VALUE, Fault, StructureTable, read_rows
from embeddings.errors import InputInvalid, SourceError
from embeddings.formula.bulk import known_formulas

ROWS_PER_BATCH, VALUES_PER_BATCH = 20_000, 20_000_000
"""The most rows of a part of a snapshot."""


def table(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read Parquet files part by part: one, all of a folder, or all behind a URL.

    Raises:
        InputInvalid: no path is given.
        SourceError: there is no such file, none in the folder, or one that is not a readable Parquet file.
    """
    if options.url is not None:
        return ParquetStream(tables_at(options.url), options.origin)
    if options.path is None:
        raise InputInvalid("The source table reads Parquet files. Name them with --path FILE_FOLDER_OR_URL.")
    return ParquetStream(tables_below(options.path), options.origin)


class ParquetStream(Stream):
    """The rows of Parquet files, one file after the other; a cursor is the number of a row among all of them."""

    def __init__(self, tables: Tables, origin: Origin | None) -> None:
        self._tables, self._origin = tables, origin
        self.query = dict(tables.query)

    def plan(self) -> Plan:
        """Read the origin and the number of rows from the files.

        Raises:
            ColumnNotFound: a structure column is missing.
            SourceError: a column has a type that cannot be read, or another one than in the first file, or two have the
                same name.
        """
        first: pa.Schema | None = None
        n_rows = 0
        for each in self._tables.files:
            with each.opened() as file:
                schema, n_rows = file.schema_arrow, n_rows + file.metadata.num_rows
            read_rows(pa.Table.from_batches([], schema), origin=each.name)
            _check_alike(first or schema, schema, each.name)
            first = first or schema
        origin = self._origin or origin_from_metadata(first, name=self._tables.name)
        return Plan(origin, n_expected=n_rows)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Yield the rows, beginning at ``start``; those that are not structures are rejected."""
        row, begin = 0, start or 0
        for each in self._tables.files:
            with each.opened() as file:
                n_rows = file.metadata.num_rows
                if row + n_rows > begin:
                    yield from self._batches_of(file, each, row, begin, plan)
                row += n_rows

    def _batches_of(self, file: Any, each: ParquetTable, row: int, begin: int, plan: Plan) -> Iterator[Batch]:
        """Yield the rows of a file from a row on; `row` is the number of its first one among all."""
        place = each.name if len(self._tables.files) > 1 else ""
        offset = row
        for rows in file.iter_batches(batch_size=_rows_per_batch(file.metadata)):
            first, row = row, row + len(rows)
            if row > begin:
                part = _without_views(pa.Table.from_batches([rows], schema=file.schema_arrow))
                following = row if row < (plan.n_expected or 0) else None
                yield self._checked(part, first - offset, following, place)

    def _checked(self, part: pa.Table, first: int, following: Cursor, place: str) -> Batch:
        """Return some rows without those that are not structures; `first` is the number of the first in the file."""
        structures, good, faults = read_rows(part, origin=place or self._tables.name)
        agreed, others = _agreed(part["formula"].take(pa.array(good)), structures)
        faults += [Fault(int(good[k]), structures.material_ids[k], "formula_disagrees", why) for k, why in others]
        rejected = tuple(_rejected(fault, first + fault.row, place) for fault in faults)
        kept = {name: values[agreed] for name, values in structures.properties.items()}
        part, n_out_of_range = _within_range(part.take(pa.array(good[agreed])) if faults else part, kept)
        counts = {VALUES_OUT_OF_RANGE: n_out_of_range} if n_out_of_range else {}
        return Batch(part, next=following, rejected=rejected, counts=counts)


def _agreed(stated: pa.ChunkedArray, structures: StructureTable) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """Return the rows whose formula agrees with their atoms or cannot be read, and the faults of the others.

    One without atoms agrees: the cleaning says what it lacks.
    """
    if structures.occupancies is not None:
        return np.arange(len(structures)), []
    try:
        texts = stated.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        return np.arange(len(structures)), []
    found = reduced_formulas_of(structures)
    others = [
        (row, f"its formula is {text[:60]}, and its atoms are {atoms}")
        for row, (text, said, atoms) in enumerate(zip(texts, known_formulas(texts), found, strict=True))
        if atoms and said is not None and said != atoms
    ]
    return np.setdiff1d(np.arange(len(structures)), [row for row, _ in others]), others


def _without_views(part: pa.Table) -> pa.Table:
    """Return text and bytes as plain columns: PyArrow can do little with the views that DataFusion and others write."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in part.schema]
    return part.cast(pa.schema(fields, part.schema.metadata))


def _within_range(part: pa.Table, properties: Mapping[str, np.ndarray]) -> tuple[pa.Table, int]:
    """Return the rows with every number beyond `LARGEST_VALUE` made unknown, and how many rows had one."""
    absurd = np.zeros(len(part), dtype=bool)
    for name, values in properties.items():
        beyond = np.abs(values) > LARGEST_VALUE
        if beyond.any():
            absurd |= beyond
            known = pa.array(values, pa.float64(), mask=beyond | np.isnan(values))
            place = part.schema.get_field_index(name)
            part = part.set_column(place, part.schema.field(place).with_type(pa.float64()), known)
    return part, int(absurd.sum())


def _rejected(fault: Fault, row: int, place: str) -> Rejected:
    return Rejected(fault.material_id or f"row {row}", fault.reason, f"row {row}: {fault.detail}", place)


def _rows_per_batch(about: pq.FileMetaData) -> int:
    """Return the rows of a batch, fewer where they are large: a batch is in memory, with copies."""
    n_values = sum(
        about.row_group(group).column(column).num_values
        for group in range(about.num_row_groups)
        for column in range(about.num_columns)
    )
    return min(ROWS_PER_BATCH, max(1, VALUES_PER_BATCH * about.num_rows // max(n_values, 1)))


def _check_alike(first: pa.Schema, schema: pa.Schema, name: str) -> None:
    """Refuse a file whose columns could not be joined with those of the first one."""
    for column in schema:
        place = first.get_field_index(column.name)
        if place >= 0 and first.field(place).type != column.type:
            raise SourceError(
                f"The column {column.name} of {name} is {column.type}, and {first.field(place).type} in the first "
                "file. Write all files with the same types."
            )
