"""Readers: tables of any kind as batches of rows whose column types never change on the way."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import IO, Any

from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.streaming.batches import Batch, Gatherer, Request, check_columns, rows_at_once
from embeddings.streaming.columns import float_type, number_columns
from embeddings.tables.columns import find_formulas
from embeddings.tables.delimited import MAX_LINE
from embeddings.tables.files import TableFile, sheet_in
from embeddings.tables.objects import object_of
from embeddings.tables.sheet import Sheet

FORMULA = "formula"
"""A column of this name holds the formulas, whatever its cells read as, unless another one is named."""


@dataclass(frozen=True)
class Reader:
    """A file that can be read, and how much there is of it."""

    total: int  # bytes or rows, in the unit of ``Batch.done``
    batches: Callable[[], Iterator[Batch]]
    column: str  # of formulas
    notes: list[str]  # what was found and supposed, a sentence each; added to as batches come


def open_reader(
    file: TableFile, column: str | None, n_rows: int, *, as_text: bool = False, numbers: tuple[str, ...] = ()
) -> Reader:
    """Find the column of formulas, and the reader for what is in a file.

    Args:
        file: any table.
        column: of formulas; one that is called `FORMULA` or reads as formulas if None.
        n_rows: at most so many are in a batch.
        as_text: keep every column of a file without types as text.
        numbers: columns of such a file that are numbers however they are written.

    Raises:
        ColumnNotFound: there is no such column, or none of formulas; the message lists those that there are.
        InputInvalid: the file cannot be read.
        MissingExtra: it is .xlsx, and openpyxl is not installed.
    """
    header = _plain_header(file)
    column, notes = _column(file, column, header)
    request = Request(file, column, n_rows, as_text, numbers)
    if file.kind == "parquet":
        return _parquet_reader(request, notes)
    if file.kind == "json":
        batches = partial(_json_batches, request)
    elif column in header:
        batches = partial(_csv_batches, request)
    else:
        batches = partial(_sheet_batches, request, notes)
    return Reader(file.n_bytes(), batches, column, notes)


def _column(file: TableFile, column: str | None, header: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the column of formulas, and how it was found."""
    if column is not None and (file.kind == "json" or column in header):
        return column, []
    if column is None and FORMULA in header:
        return FORMULA, []
    with file.open_sheet() as sheet:
        is_there = column is None and sheet.names.count(FORMULA) == 1
        place = find_formulas(sheet, FORMULA if is_there else column)
        return sheet.names[place], list(sheet.notes)


def _plain_header(file: TableFile) -> list[str]:
    """Return the first line of a file as the names of columns that commas separate; none if it is no such file."""
    if file.kind != "delimited":
        return []
    with file.open() as opened:
        lines = _Lines(opened, file.source)
        try:
            return next((fields for fields in csv.reader(lines, strict=True) if fields), [])
        except (InputInvalid, csv.Error):
            return []


def _parquet_reader(request: Request, notes: list[str]) -> Reader:
    """Open a Parquet file, which tells its columns and its number of rows at once."""
    import pyarrow as pa

    with _parquet_file(request) as file:
        schema, n_rows = file.schema_arrow, file.metadata.num_rows
    check_columns(request, schema.names)

    def batches() -> Iterator[Batch]:
        done = 0
        with _parquet_file(request) as file:
            for part in file.iter_batches(rows_at_once(request.n_rows, file.metadata.num_columns)):
                table = pa.Table.from_batches([part])
                lines = list(range(done + 1, done + len(table) + 1))
                done += len(table)
                yield Batch(table, lines, table[request.column].to_pylist(), done)
        if not done:
            yield Batch(schema.empty_table(), [], [], 0)

    return Reader(n_rows, batches, request.column, notes)


@contextmanager
def _parquet_file(request: Request) -> Iterator[Any]:
    """Give an opened Parquet file.

    Raises:
        InputInvalid: it is damaged, as is found when it is opened or as it is read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with request.file.open() as file:
        try:
            yield pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as error:
            raise InputInvalid(f"{request.file.source} is not a complete Parquet file: {error}.") from error


def _sheet_batches(request: Request, notes: list[str]) -> Iterator[Batch]:
    """Read a table whose cells have no types; rows that are set aside are rejected."""
    with request.file.open() as file:
        sheet = sheet_in(request.file, file)
        check_columns(request, sheet.names)
        for name in request.numbers:
            check_columns(replace(request, column=name), sheet.names)
        types = {} if request.as_text else _number_columns_of_sheet(request)
        gatherer = Gatherer(sheet.names, request, types | dict.fromkeys(request.numbers, float_type()))
        n_aside, n_bytes = 0, request.file.n_bytes()
        for line, fields in chain(_texts(sheet), [(0, None)]):
            for row in sheet.set_aside[n_aside:]:
                gatherer.reject(row.line, "", row.reason)
            n_aside = len(sheet.set_aside)
            if fields is not None:
                gatherer.add(line, fields)
            done = n_bytes if file.closed else file.tell()  # the last row closes it
            if gatherer.is_full(done):
                yield gatherer.batch(done)
        if gatherer.n_batches == 0 or not gatherer.empty:
            yield gatherer.batch(n_bytes)
        notes += [note for note in sheet.notes if note not in notes]


def _texts(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield all rows of a table, each with its line, with their cells as text."""
    for line, cells in sheet.rows(range(len(sheet.names))):
        yield line, ["" if cell is None else str(cell) for cell in cells]


def _number_columns_of_sheet(request: Request) -> dict[str, Any]:
    """Read a whole table to find which of its columns are numbers."""
    with request.file.open_sheet() as sheet:
        rows = (fields for _, fields in _texts(sheet))
        return number_columns(rows, sheet.names, n_rows=rows_at_once(request.n_rows, len(sheet.names)))


def _csv_batches(request: Request) -> Iterator[Batch]:
    """Read a CSV file; rows with too few or too many fields are rejected."""
    with request.file.open() as file:
        lines = _Lines(file, request.file.source)
        rows = _csv_rows(csv.reader(lines, strict=True), request, lines)
        _, header = next(rows, (0, []))
        check_columns(request, header)
        for name in request.numbers:
            check_columns(replace(request, column=name), header)
        types = {} if request.as_text else _number_columns(request)
        gatherer = Gatherer(header, request, types | dict.fromkeys(request.numbers, float_type()))
        for line, fields in rows:
            if len(fields) == len(header):
                gatherer.add(line, fields)
            else:
                formula = fields[header.index(request.column)] if len(fields) > header.index(request.column) else ""
                gatherer.reject(
                    line, formula, f"The row has {counted(len(fields), 'field')}, and the header has {len(header)}."
                )
            if gatherer.is_full(lines.n_bytes):
                yield gatherer.batch(lines.n_bytes)
        if gatherer.n_batches == 0 or not gatherer.empty:
            yield gatherer.batch(lines.n_bytes)


def _number_columns(request: Request) -> dict[str, Any]:
    """Read a whole CSV file to find which of its columns are numbers."""
    with request.file.open() as file:
        lines = _Lines(file, request.file.source)
        rows = _csv_rows(csv.reader(lines, strict=True), request, lines)
        _, header = next(rows)
        whole = (fields for _, fields in rows if len(fields) == len(header))
        return number_columns(whole, header, n_rows=rows_at_once(request.n_rows, len(header)))


def _csv_rows(reader: Any, request: Request, lines: _Lines) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it starts."""
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            is_return = "new-line character" in str(error)
            reason = "a carriage return without quotes; end the lines with line feeds" if is_return else error
            raise InputInvalid(f"{request.file.source}, line {start}: not CSV, {reason}.") from error
        if fields is None:
            return
        if fields:
            yield start, fields


def _json_batches(request: Request) -> Iterator[Batch]:
    """Read a JSON Lines file; a line that is not an object, or brings a new key after the first batch, is rejected."""
    with request.file.open() as file:
        lines = _Lines(file, request.file.source)
        gatherer = Gatherer([], request)
        for text in lines:
            row = object_of(text)
            if isinstance(row, str):
                gatherer.reject(lines.n_lines, text.strip()[:60], row)
            elif row:
                gatherer.add_object(lines.n_lines, row)
            if gatherer.is_full(lines.n_bytes):
                yield gatherer.batch(lines.n_bytes)
        if gatherer.n_batches == 0 or not gatherer.empty:
            yield gatherer.batch(lines.n_bytes)


class _Lines:
    """The lines of a text file, decoded one by one, so that an error can name its line."""

    def __init__(self, file: IO[bytes], source: str) -> None:
        self.file, self.source, self.n_lines, self.n_bytes = file, source, 0, 0

    def __iter__(self) -> Iterator[str]:
        while raw := self._next():
            self.n_lines += 1
            self.n_bytes += len(raw)
            if len(raw) == MAX_LINE:
                raise InputInvalid(f"{self.source}, line {self.n_lines} has {MAX_LINE:,} bytes or more: is it a table?")
            try:
                text = raw.decode("utf-8-sig" if self.n_lines == 1 else "utf-8")
            except UnicodeDecodeError as error:
                reason = f"byte {error.start + 1} is not UTF-8; save the file in that encoding"
                raise InputInvalid(f"{self.source}, line {self.n_lines}: {reason}.") from error
            yield text

    def _next(self) -> bytes:
        try:
            return self.file.readline(MAX_LINE)
        except (OSError, EOFError, zlib.error) as error:  # a cut or damaged .gz
            raise InputInvalid(
                f"{self.source} cannot be read after line {self.n_lines}: {error}. Copy it again."
            ) from error
