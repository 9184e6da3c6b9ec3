"""The job: read a batch, pool its formulas, write it, and start again, until the whole file is done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid
from embeddings.formula.bulk import ReadColumn, read_column
from embeddings.loaders import as_catalogs
from embeddings.missing import Missing, check_policy
from embeddings.pooling import feature_names, pool, stand_ins
from embeddings.pooling.features import check_catalogs, is_pooled
from embeddings.pooling.statistics import DEFAULT_STATS, check_statistics
from embeddings.store.folders import replace_file, staged_folder
from embeddings.streaming.batches import Batch, Rejected
from embeddings.streaming.readers import Reader, open_reader
from embeddings.streaming.writers import RejectedWriter, TableWriter, check_output, open_writer, outputs_of
from embeddings.tables.files import STDIN, UNTYPED, TableFile, open_table

if TYPE_CHECKING:
    import pyarrow as pa

    from embeddings.pooling.features import Features
    from embeddings.protocols import CatalogLike

_VALUES_PER_BATCH = 1 << 22
_MAX_ROWS = 1 << 15
_MIN_ROWS = 1 << 10


@dataclass(frozen=True)
class FileSummary:
    """What was done to a file."""

    out: str
    rows: int
    features: int
    rejected: int
    rejected_file: str | None
    uncovered: dict[str, list[str]]  # catalog to symbols met in the file that it has no vector for
    imputed: dict[str, dict[str, str]]  # catalog to symbol to stand-in, under missing="impute"
    seconds: float
    column: str = "formula"  # of formulas
    stats: tuple[str, ...] = ()  # of catalogs of elements; empty where there is none
    notes: tuple[str, ...] = ()  # what was found and supposed in reading, a sentence each


def featurize_file(
    path: str | Path,
    out: str | Path,
    catalog: CatalogLike | Sequence[CatalogLike],
    *,
    column: str | None = None,
    stats: str | Sequence[str] = DEFAULT_STATS,
    missing: Missing = "raise",
    strict: bool = False,
    as_text: bool = False,
    numbers: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    spread: Spread | None = None,
) -> FileSummary:
    """Add composition vectors to a table in a file, of any size, in constant memory.

    Rows whose formula cannot be read, and broken rows, go to ``OUT.rejected.csv`` with line and reason. The output
    appears under its name when it is complete; after a failure there is nothing.

    Args:
        path: CSV, TSV or other separated text with a header, JSON Lines or Parquet, plain or as .gz, or .xlsx; ``"-"``
            for standard input.
        out: .parquet or .csv; all columns of the input, then the features in float32.
        catalog: one catalog or composition encoder, loaded or by name, or several.
        column: the column of formulas; one that is called ``formula``, or whose name or cells say so, if None.
        stats: names of statistics.
        missing: policy for elements without a vector, as in `embeddings.featurize`.
        strict: stop at the first row that would be rejected.
        as_text: keep all columns of text and of a workbook as text. Without it, those are numbers in a Parquet file of
            which every value comes back with the same letters; in a CSV file all columns stay as they are.
        numbers: such columns that are numbers in a Parquet file however they are written, such as 1.50.
        progress: called with how much of the file is done and how much there is.
        spread: makes what becomes of batches, in their order, where that is not done in this process.

    Raises:
        ColumnNotFound: the file has no such column, or none of formulas; the message lists those that are there.
        FormulaInvalid: a row cannot be used, and ``strict`` is set.
        ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        InputInvalid: the file or an option cannot be used, or no row can.
        OutputInvalid: the output cannot be written.
        MissingExtra: the file is .xlsx, and openpyxl is not installed.
    """
    out, started = Path(out), time.perf_counter()
    pooling = Pooling(check_catalogs(as_catalogs(catalog)), check_statistics(stats), check_policy(missing))
    check_output(out, None if str(path) == STDIN else Path(path))
    with open_table(path) as file:
        reader = _reader(file, out, column, pooling.rows_per_batch, as_text=as_text, numbers=tuple(numbers))
        output = _write(reader, file, out, pooling, strict=strict, progress=progress, spread=spread or _here)
    return FileSummary(
        out=str(out),
        rows=output.n_rows,
        features=len(pooling.names),
        rejected=output.rejected.n_rows,
        rejected_file=str(outputs_of(out)[1].path) if output.rejected.n_rows else None,
        uncovered=pooling.uncovered(),
        imputed=pooling.imputed(),
        seconds=round(time.perf_counter() - started, 3),
        column=reader.column,
        stats=pooling.stats if any(map(is_pooled, pooling.catalogs)) else (),
        notes=tuple(reader.notes),
    )


def _reader(
    file: TableFile, out: Path, column: str | None, n_rows: int, *, as_text: bool, numbers: tuple[str, ...]
) -> Reader:
    """Open the input; where the output is CSV, all that has no types stays text."""
    to_parquet = out.suffix.lower() == ".parquet"
    if numbers and not (to_parquet and file.kind in UNTYPED):
        raise InputInvalid(
            "Columns of numbers are named for a CSV or Excel file that becomes a Parquet file; leave them out."
        )
    return open_reader(file, column, n_rows, as_text=as_text or not to_parquet, numbers=numbers)


def _here(pooling: Pooling, batches: Iterable[Batch]) -> Iterator[Pooled]:
    """Pool every batch in this process."""
    return map(pooling.run, batches)


def _write(
    reader: Reader,
    file: TableFile,
    out: Path,
    pooling: Pooling,
    *,
    strict: bool,
    progress: Callable[[int, int], None],
    spread: Spread,
) -> _Output:
    """Write every batch with its features, and then put the output into its place."""
    rejected_out = outputs_of(out)[1].path
    empty = "" if file.kind in UNTYPED else '""'
    with staged_folder(out) as folder, _Output(folder, out.name, rejected_out.name, pooling, empty) as output:
        first: Rejected | None = None
        for pooled in spread(pooling, reader.batches()):
            first = first or next(iter(pooled.rejected), None)
            if strict and first:
                raise FormulaInvalid(f"{file.source}, line {first.line}: {first.reason}")
            pooling.seen |= pooled.elements
            output.write(pooled.table, pooled.rejected)
            progress(pooled.done, reader.total)
        if first and not output.n_rows:
            raise InputInvalid(
                f"{file.source}: none of its {counted(output.rejected.n_rows, 'row')} can be used, so nothing is "
                f"written. Line {first.line}: {first.reason}"
            )
        output.publish(out, rejected_out, pooling.metadata())
    return output


@dataclass(frozen=True)
class Pooled:
    """What becomes of a batch.

    Attributes:
        table: the rows that could be read, with their features.
        rejected: all that could not be used, by line.
        elements: atomic numbers that were met.
        done: bytes or rows of the file that have been read.
    """

    table: pa.Table
    rejected: list[Rejected]
    elements: frozenset[int]
    done: int


Spread = Callable[["Pooling", Iterable[Batch]], Iterable[Pooled]]
"""Makes what becomes of batches, in their order."""


class Pooling:
    """Batches of formulas to tables with features, and what was met on the way; it can be pickled."""

    def __init__(self, catalogs: tuple[Features, ...], stats: tuple[str, ...], missing: Missing) -> None:
        self.catalogs, self.stats, self.missing = catalogs, stats, missing
        self.names = feature_names(catalogs, stats, missing=missing)
        self.seen: set[int] = set()

    @property
    def rows_per_batch(self) -> int:
        """Rows that keep a batch at about 16 MB."""
        return min(_MAX_ROWS, max(_MIN_ROWS, _VALUES_PER_BATCH // len(self.names)))

    def run(self, batch: Batch) -> Pooled:
        """Return the rows that could be read with their features, and all that could not be used."""
        column = read_column(batch.formulas)
        unreadable = np.isin(column.codes, list(column.invalid))
        rejected = [
            Rejected(batch.lines[row], _text(batch.formulas[row]), str(column.invalid[int(column.codes[row])]))
            for row in np.flatnonzero(unreadable)
        ]
        features = self._features(batch, column, ~unreadable)
        table = batch.table.filter(~unreadable) if rejected else batch.table
        return Pooled(
            self._joined(table, features),
            sorted(rejected + batch.rejected, key=lambda row: row.line),
            frozenset(np.unique(column.distinct.atomic_numbers).tolist()),
            batch.done,
        )

    def _features(self, batch: Batch, column: ReadColumn, readable: np.ndarray) -> np.ndarray:
        """Pool the readable rows of a batch."""
        options: dict[str, Any] = {"stats": self.stats, "missing": self.missing}
        try:
            return pool(column.distinct, self.catalogs, rows=column.codes[readable], **options)
        except ElementNotCovered as error:
            raise ElementNotCovered(f"In lines {batch.lines[0]} to {batch.lines[-1]}: {error}") from error

    def _joined(self, table: pa.Table, features: np.ndarray) -> pa.Table:
        """Put the features beside the columns of the input."""
        import pyarrow as pa

        clash = sorted(set(table.column_names) & set(self.names))
        if clash:
            raise InputInvalid(
                f'The input already has a column "{clash[0]}", which is the name of a feature. Rename it.'
            )
        columns = [*table.columns, *map(pa.array, np.ascontiguousarray(features.T))]
        return pa.table(columns, names=[*table.column_names, *self.names])

    def uncovered(self) -> dict[str, list[str]]:
        """Return, for each catalog, the elements met so far that it has no vector for."""
        lacking = {one.name: self.seen.difference(one.atomic_numbers.tolist()) for one in self.catalogs}
        return {name: [SYMBOLS[z - 1] for z in sorted(numbers)] for name, numbers in lacking.items() if numbers}

    def imputed(self) -> dict[str, dict[str, str]]:
        """Return, for each catalog, the elements met so far for which another one stood in."""
        if self.missing != "impute":
            return {}
        uncovered = self.uncovered()
        tables = {one.name: stand_ins(one) for one in self.catalogs if one.name in uncovered}
        return {name: {symbol: table[symbol] for symbol in uncovered[name]} for name, table in tables.items()}

    def metadata(self) -> dict[str, str]:
        """Return what a reader of the output needs to know about its features, as JSON under one key."""
        about = {
            "catalogs": {one.name: one.version for one in self.catalogs},
            "stats": self.stats,
            "missing": self.missing,
            "imputed": self.imputed(),
        }
        return {"materials-embeddings": json.dumps(about)}


class _Output:
    """The files being written, in a temporary folder."""

    def __init__(self, folder: Path, name: str, rejected_name: str, pooling: Pooling, empty: str) -> None:
        self.path, self.rejected, self.n_rows = folder / name, RejectedWriter(folder / rejected_name), 0
        self.n_features, self.empty = len(pooling.names), empty
        self.writer: TableWriter | None = None

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let go of the file after a failure; an open one could not be removed on every system."""
        if kind is not None and self.writer is not None:
            self.writer.abandon()

    def write(self, table: pa.Table, rejected: list[Rejected]) -> None:
        """Append rows; the first table settles the columns."""
        if self.writer is None:
            self.writer = open_writer(self.path, table.schema, n_features=self.n_features, empty=self.empty)
        self.writer.write(table)
        self.rejected.write(rejected)
        self.n_rows += len(table)

    def publish(self, out: Path, rejected_out: Path, metadata: dict[str, str]) -> None:
        """Finish the files and move them into place; a list of rejected rows from an earlier run goes."""
        if self.writer is not None:
            self.writer.close(metadata)
        if self.rejected.n_rows:
            replace_file(self.rejected.path, rejected_out)
        else:
            rejected_out.unlink(missing_ok=True)
        replace_file(self.path, out)


def _text(formula: Any) -> str:
    """Return a formula as it may stand in a cell."""
    return "" if formula is None else str(formula)
