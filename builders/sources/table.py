"""Structures from Parquet files in the structure schema, with any numeric columns as properties."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.sources import Batch, Cursor, Plan, Rejected, SourceOptions, Stream
from builders.sources.origins import Origin, origin_from_metadata
from builders.sources.table_claims import claims_of, contradicted
from builders.sources.table_files import Head, ParquetTable, Tables, tables_at, tables_below
from builders.sources.table_types import Types, as_common, check_units, common_types
from builders.sources.values import VALUES_OUT_OF_RANGE
from builders.structures.cleaning import EVERYTHING, Selection
from builders.structures.table import LARGEST_VALUE, Fault, read_rows
from embeddings.errors import InputInvalid, SourceError

_ROW_NUMBERS = re.compile(r"__index_level_\d+__")
"""What pandas calls the numbers of rows that it writes beside a table."""

_NEARLY_OCCUPANCIES = ("occupancy", "occupation", "occupations", "occ", "occs", "occupancies")
"""What a column of the shares of sites may be called, in small letters; the last is its name."""

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
            SourceError: a column has a type that cannot be read, or one that means something else than in another
                file, or another unit; or two have the same name.
        """
        for head in self._heads:
            read_rows(pa.Table.from_batches([], head.schema), origin=head.name)
            _check_occupancies(head.schema, head.name)
        check_units(self._heads)
        origin = self._origin or origin_from_metadata(self._heads[0].schema, name=self._tables.name)
        facts = {"joined_columns": {name: str(kind) for name, kind in self._types.items()}} if self._types else {}
        return Plan(origin, n_expected=sum(head.n_rows for head in self._heads), facts=facts)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Yield the rows, beginning at ``start``; those that are not structures are rejected."""
        row, begin = 0, start or 0
        for each in self._tables.files:
            with each.opened() as file:
                n_rows = file.metadata.num_rows
                if row + n_rows > begin:
                    yield from self._batches_of(file, each, row, begin, plan)
                row += n_rows

    @cached_property
    def _heads(self) -> list[Head]:
        return [each.head() for each in self._tables.files]

    @cached_property
    def _types(self) -> Types:
        return common_types(self._heads)

    def _batches_of(self, file: Any, each: ParquetTable, row: int, begin: int, plan: Plan) -> Iterator[Batch]:
        """Yield the rows of a file from a row on; `row` is the number of its first one among all."""
        place = each.name if len(self._tables.files) > 1 else ""
        offset = row
        for rows in file.iter_batches(batch_size=_rows_per_batch(file.metadata)):
            first, row = row, row + len(rows)
            if row > begin:
                part = self._alike(pa.Table.from_batches([rows], schema=file.schema_arrow))
                following = row if row < (plan.n_expected or 0) else None
                yield self._checked(part, first - offset, following, place)

    def _alike(self, part: pa.Table) -> pa.Table:
        """Return some rows in the types of all files, without the numbers of rows that pandas wrote beside them."""
        part = part.drop_columns([name for name in part.column_names if _ROW_NUMBERS.fullmatch(name)])
        return as_common(_without_views(part), self._types)

    def _checked(self, part: pa.Table, first: int, following: Cursor, place: str) -> Batch:
        """Return some rows without those that are not structures; `first` is the number of the first in the file."""
        structures, good, faults = read_rows(part, origin=place or self._tables.name)
        wrong = contradicted(claims_of(part).take(pa.array(good)), structures)
        faults += [Fault(int(good[k]), structures.material_ids[k], *why) for k, why in wrong.items()]
        agreed = np.setdiff1d(np.arange(len(good)), list(wrong))
        rejected = tuple(_rejected(fault, first + fault.row, place) for fault in faults)
        kept = {name: values[agreed] for name, values in structures.properties.items()}
        part, n_out_of_range = _within_range(part.take(pa.array(good[agreed])) if faults else part, kept)
        counts = {VALUES_OUT_OF_RANGE: n_out_of_range} if n_out_of_range else {}
        return Batch(part, next=following, rejected=rejected, counts=counts)


def _check_occupancies(schema: pa.Schema, origin: str) -> None:
    """Refuse a column of lists that is nearly called like the shares of sites, which would all count as full.

    Raises:
        SourceError: there is one.
    """
    *_, name = _NEARLY_OCCUPANCIES
    for field in schema:
        if field.name != name and field.name.lower() in _NEARLY_OCCUPANCIES and pa.types.is_nested(field.type):
            raise SourceError(
                f'{origin}: column "{field.name}" holds lists. If they are the shares of sites, name it "{name}"; if '
                "they are not, leave it out."
            )


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
            place = part.schema.get_field_index(name)
            known = part[name].take(pa.array(np.arange(len(part)), mask=beyond))
            part = part.set_column(place, part.schema.field(place), known)
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
