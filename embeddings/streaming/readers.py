"""Readers: CSV, Parquet and JSON Lines files as batches of rows whose column types never change on the way."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from embeddings.errors import InputInvalid
from embeddings.streaming.batches import Batch, Gatherer, Request, check_columns, rows_at_once
from embeddings.streaming.columns import float_type, number_columns
from embeddings.tables.delimited import MAX_LINE
from embeddings.tables.objects import object_of


@dataclass(frozen=True)
class Reader:
    """A file that can be read, and how much there is of it."""

    total: int  # bytes or rows, in the unit of ``Batch.done``
    batches: Callable[[], Iterator[Batch]]


def open_reader(request: Request) -> Reader:
    """Find the reader for a file by its ending: .csv, .parquet, .jsonl or .ndjson.

    Raises:
        InputInvalid: no such file, an ending without a reader, or a file that cannot be opened.
    """
    kinds = {".csv": _csv_batches, ".jsonl": _json_batches, ".ndjson": _json_batches}
    ending = request.path.suffix.lower()
    if ending not in (*kinds, ".parquet"):
        known = ", ".join([*kinds, ".parquet"])
        raise InputInvalid(f'{request.path} ends in "{ending}"; files with formulas end in one of {known}.')
    try:
        if not stat.S_ISREG(request.path.stat().st_mode):
            raise InputInvalid(f"{request.path} is not an ordinary file; a table in a file is needed.")
        request.path.open("rb").close()
    except FileNotFoundError:
        raise InputInvalid(f"There is no file {request.path}.") from None
    except OSError as error:
        raise InputInvalid(f"{request.path} cannot be read: {error}.") from error
    if ending == ".parquet":
        return _parquet_reader(request)
    return Reader(request.path.stat().st_size, lambda: kinds[ending](request))


def _parquet_reader(request: Request) -> Reader:
    """Open a Parquet file, which tells its columns and its number of rows at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(request.path)
    except (pa.ArrowException, OSError) as error:
        raise _broken(request, error) from error
    check_columns(request, file.schema_arrow.names)

    def batches() -> Iterator[Batch]:
        done = 0
        try:
            for part in file.iter_batches(rows_at_once(request.n_rows, file.metadata.num_columns)):
                table = pa.Table.from_batches([part])
                lines = list(range(done + 1, done + len(table) + 1))
                done += len(table)
                yield Batch(table, lines, table[request.column].to_pylist(), done)
        except (pa.ArrowException, OSError) as error:
            raise _broken(request, error) from error
        if not done:
            yield Batch(file.schema_arrow.empty_table(), [], [], 0)

    return Reader(file.metadata.num_rows, batches)


def _csv_batches(request: Request) -> Iterator[Batch]:
    """Read a CSV file; rows with too few or too many fields are rejected."""
    with request.path.open("rb") as file:
        lines = _Lines(file, request.path)
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
                gatherer.reject(line, formula, f"The row has {len(fields)} fields, and the header has {len(header)}.")
            if gatherer.is_full(lines.n_bytes):
                yield gatherer.batch(lines.n_bytes)
        if gatherer.n_batches == 0 or not gatherer.empty:
            yield gatherer.batch(lines.n_bytes)


def _number_columns(request: Request) -> dict[str, Any]:
    """Read a whole CSV file to find which of its columns are numbers."""
    with request.path.open("rb") as file:
        lines = _Lines(file, request.path)
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
            raise InputInvalid(f"{request.path}, line {start}: not CSV, {reason}.") from error
        if fields is None:
            return
        if fields:
            yield start, fields


def _json_batches(request: Request) -> Iterator[Batch]:
    """Read a JSON Lines file; a line that is not an object, or brings a new key after the first batch, is rejected."""
    with request.path.open("rb") as file:
        lines = _Lines(file, request.path)
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

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path, self.n_lines, self.n_bytes = file, path, 0, 0

    def __iter__(self) -> Iterator[str]:
        while raw := self.file.readline(MAX_LINE):
            self.n_lines += 1
            self.n_bytes += len(raw)
            if len(raw) == MAX_LINE:
                raise InputInvalid(f"{self.path}, line {self.n_lines} has {MAX_LINE:,} bytes or more: is it a table?")
            try:
                text = raw.decode("utf-8-sig" if self.n_lines == 1 else "utf-8")
            except UnicodeDecodeError as error:
                reason = f"byte {error.start + 1} is not UTF-8; save the file in that encoding"
                raise InputInvalid(f"{self.path}, line {self.n_lines}: {reason}.") from error
            yield text


def _broken(request: Request, error: Exception) -> InputInvalid:
    return InputInvalid(f"{request.path} is not a complete Parquet file: {error}.")
