"""Writers: batches of rows into one Parquet or CSV file, and rejected rows into a CSV file beside it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from embeddings.errors import OutputInvalid
from embeddings.outputs import Output, check_outputs
from embeddings.streaming.batches import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".parquet", ".csv")
_COLUMNS = ("line", "formula", "reason")
_HEADER = ",".join(_COLUMNS).encode()


class TableWriter(Protocol):
    """Writes tables of one schema, one after the other."""

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table."""

    def close(self, metadata: dict[str, str]) -> None:
        """Finish the file, with metadata where the format has a place for it."""


def outputs_of(out: Path) -> tuple[Output, Output]:
    """Return both files that are written: the table, and the list of rejected rows beside it."""
    return Output(out), Output(out.with_suffix(".rejected.csv"), "the list of rejected rows")


def check_output(out: Path, source: Path) -> None:
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
            f"{rejected.path} is in the way: rejected rows are listed there, and it is no such list. "
            "Move it, or choose another output."
        )


def _is_list_of_rejected(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(len(_HEADER) + 3).rstrip() == _HEADER


def open_writer(path: Path, schema: pa.Schema) -> TableWriter:
    """Open the writer for a path by its ending."""
    return _ParquetWriter(path, schema) if path.suffix.lower() == ".parquet" else _CsvWriter(path, schema)


class _ParquetWriter:
    """Parquet, zstd; every batch is a row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        self.writer: Any = pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts)

    def write(self, table: pa.Table) -> None:
        self.writer.write_table(table, row_group_size=max(1, len(table)))

    def close(self, metadata: dict[str, str]) -> None:
        self.writer.add_key_value_metadata(metadata)
        self.writer.close()


class _CsvWriter:
    """CSV with a header; it has no place for metadata."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.csv

        self.writer: Any = pyarrow.csv.CSVWriter(path, schema)

    def write(self, table: pa.Table) -> None:
        self.writer.write_table(table)

    def close(self, metadata: dict[str, str]) -> None:
        self.writer.close()


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
