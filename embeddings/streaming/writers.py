"""Writers: batches of rows into one Parquet or CSV file, and rejected rows into a CSV file beside it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.store.outputs import Output, check_outputs
from embeddings.streaming.batches import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".parquet", ".csv")
_NEEDS_QUOTES = '[",\r\n]'
_QUOTED = re.compile(_NEEDS_QUOTES)
_COLUMNS = ("line", "formula", "reason")
_HEADER = ",".join(_COLUMNS).encode()


class TableWriter(Protocol):
    """Writes tables of one schema, one after the other."""

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table."""

    def close(self, metadata: dict[str, str]) -> None:
        """Finish the file, with metadata where the format has a place for it."""

    def abandon(self) -> None:
        """Let go of a file that will not be used."""


def outputs_of(out: Path) -> tuple[Output, Output]:
    """Return both files that are written: the table, and the list of rejected rows beside it."""
    return Output(out), Output(out.parent / f"{out.stem}.rejected.csv", "the list of rejected rows")


def check_output(out: Path, source: Path | None) -> None:
    """Refuse an output that could never be written, or would cost something else, before any work is done.

    Raises:
        OutputInvalid: an ending without a writer, no such folder, the input itself, or a list of rejected rows in the
            place of a file that is none.
    """
    if out.suffix.lower() not in ENDINGS:
        raise OutputInvalid(f'{out} ends in "{out.suffix}"; features are written to {" or ".join(ENDINGS)}.')
    _, rejected = outputs = outputs_of(out)
    check_outputs(outputs, inputs=[source])
    if rejected.path.exists() and not _is_list_of_rejected(rejected.path):
        raise OutputInvalid(
            f"{rejected.path} is in the way: rejected rows would be listed there, but this file is not such a list. "
            "Move it, or choose another output."
        )


def _is_list_of_rejected(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(len(_HEADER) + 3).rstrip() == _HEADER


def open_writer(path: Path, schema: pa.Schema, *, n_features: int, empty: str = "") -> TableWriter:
    """Open the writer for a path by its ending.

    Args:
        path: the file to write.
        schema: columns that are carried along, then the features.
        n_features: how many of the columns are features.
        empty: what stands in a CSV file for text of no length; nothing stands for a missing value.

    Raises:
        InputInvalid: a column holds what the format has no place for.
    """
    if path.suffix.lower() == ".parquet":
        return _ParquetWriter(path, schema)
    return _CsvWriter(path, schema, n_features=n_features, empty=empty)


class _ParquetWriter:
    """Parquet, zstd; every batch is a row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        try:
            self.writer: Any = pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InputInvalid(f"A column holds values that a Parquet file cannot store: {error}.") from error

    def write(self, table: pa.Table) -> None:
        self.writer.write_table(table, row_group_size=max(1, len(table)))

    def close(self, metadata: dict[str, str]) -> None:
        self.writer.add_key_value_metadata(metadata)
        self.writer.close()

    def abandon(self) -> None:
        with suppress(OSError):
            self.writer.close()


class _CsvWriter:
    """CSV with a header; it has no place for metadata. Fields have quotes where they need them."""

    def __init__(self, path: Path, schema: pa.Schema, *, n_features: int, empty: str) -> None:
        self.file, self.empty = path.open("wb"), empty
        self.n_carried = len(schema) - n_features
        self.file.write(",".join(_quoted(schema.names)).encode() + b"\n")

    def write(self, table: pa.Table) -> None:
        columns = list(range(len(table.column_names)))
        carried, features = table.select(columns[: self.n_carried]), table.select(columns[self.n_carried :])
        texts = [_fields(name, carried[name], self.empty) for name in carried.column_names]
        rows = map(str.encode, map(",".join, zip(*texts, strict=True)))
        if features.num_columns:
            rows = map(b",".join, zip(rows, _lines(features), strict=True))
        self.file.writelines(row + b"\n" for row in rows)

    def close(self, metadata: dict[str, str]) -> None:
        self.file.close()

    def abandon(self) -> None:
        with suppress(OSError):
            self.file.close()


def _lines(numbers: pa.Table) -> list[bytes]:
    """Return rows of numbers as lines of a CSV file."""
    import pyarrow.csv

    text = io.BytesIO()
    pyarrow.csv.write_csv(numbers, text, pyarrow.csv.WriteOptions(include_header=False))
    return text.getvalue().splitlines()


def _fields(name: str, column: pa.ChunkedArray, empty: str) -> list[str]:
    """Return a column as the fields of a CSV file."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        text = pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise InputInvalid(
            f'The column "{name}" holds {column.type}, which a CSV file cannot store. Write a .parquet file.'
        ) from error
    fields = text.to_pylist()
    if pc.any(pc.match_substring_regex(text, _NEEDS_QUOTES)).as_py():
        fields = _quoted(fields)
    return ["" if field is None else field or empty for field in fields] if empty or text.null_count else fields


def _quoted(fields: Iterable[str]) -> list[str]:
    return ['"' + text.replace('"', '""') + '"' if text and _QUOTED.search(text) else text for text in fields]


class RejectedWriter:
    """A CSV file of line, formula and reason, which is made only when there is a row to write."""

    def __init__(self, path: Path) -> None:
        self.path, self.n_rows = path, 0

    def write(self, rejected: Iterable[Rejected]) -> None:
        """Append rejected rows."""
        rows = [(row.line, row.formula, row.reason) for row in rejected]
        if not rows:
            return
        with self.path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.writer(file)
            if not self.n_rows:
                writer.writerow(_COLUMNS)
            writer.writerows(rows)
        self.n_rows += len(rows)
