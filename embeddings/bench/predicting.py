"""A table with formulas in, the same table with predictions out: in constant memory, and every row stays a row."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.learned import ROWS_AT_ONCE
from embeddings.bench.model import PropertyModel
from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.formula.bulk import FractionMatrix, read_column
from embeddings.store.folders import staged_folder, sync
from embeddings.store.outputs import Output, check_outputs
from embeddings.streaming.batches import Batch, Request
from embeddings.streaming.readers import open_reader
from embeddings.streaming.writers import ENDINGS, TableWriter, open_writer

if TYPE_CHECKING:
    import pyarrow as pa

FAR = 99.0
"""Percentile from which on a formula is noted to be unlike the training."""


@dataclass(frozen=True)
class PredictionSummary:
    """What was predicted.

    Attributes:
        out: the output.
        rows: of the input.
        predicted: rows with a prediction.
        unreadable: rows without one.
        first_unreadable: the line of the first of them, and why; None if there is none.
        unlike: rows that are farther from the training than `FAR` percent of its formulas are from each other.
        unseen: rows with an element that the training lacks.
        seconds: that it took.
    """

    out: str
    rows: int
    predicted: int
    unreadable: int
    first_unreadable: tuple[int, str] | None
    unlike: int
    unseen: int
    seconds: float


def predict_file(
    model: PropertyModel,
    path: str | Path,
    out: str | Path,
    *,
    formula: str = "formula",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PredictionSummary:
    """Predict for every row of a table in a file of any size.

    The columns of the input are kept. Those that follow them are ``prediction``; ``lower`` and ``upper``, or ``p_``
    with the name of each class; ``unlike``, see `Unlike.percentile`; ``unseen_elements``; and ``note``. A row that
    cannot be read has a note that says why, and nothing else. The output appears when it is complete.

    Args:
        model: fitted.
        path: .csv, .parquet, .jsonl or .ndjson.
        out: .parquet or .csv.
        formula: the column of formulas.
        progress: called with how much of the file is done and how much there is.

    Raises:
        ColumnNotFound: the file has no such column; the message lists those that are there.
        InputInvalid: the file cannot be read, or has a column of the name of a new one.
        OutputInvalid: the output cannot be written.
    """
    path, out, started = Path(path), Path(out), time.perf_counter()
    if out.suffix.lower() not in ENDINGS:
        raise OutputInvalid(f'{out} ends in "{out.suffix}"; predictions are written to {" or ".join(ENDINGS)}.')
    check_outputs([Output(out)], inputs=[path])
    job = _Job(model, path, formula)
    reader = open_reader(Request(path, formula, ROWS_AT_ONCE, as_text=out.suffix.lower() != ".parquet"))
    with staged_folder(out) as folder:
        writer: TableWriter | None = None
        try:
            for batch in reader.batches():
                table = job.run(batch)
                writer = writer or open_writer(folder / out.name, table.schema, n_features=0)
                writer.write(table)
                progress(batch.done, reader.total)
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        if writer is not None:
            writer.close({})
            sync(folder / out.name)
            os.replace(folder / out.name, out)
            sync(out.parent)
    return job.summary(out, time.perf_counter() - started)


class _Job:
    """Batches of rows to tables with predictions, and what was counted on the way."""

    def __init__(self, model: PropertyModel, path: Path, column: str) -> None:
        self.model, self.path, self.column = model, path, column
        self.n_rows = self.n_predicted = self.n_unlike = self.n_unseen = 0
        self.first: tuple[int, str] | None = None

    def run(self, batch: Batch) -> pa.Table:
        """Return the rows of a batch in the order of the file, with predictions and notes."""
        batch, notes = self._with_rejected(batch)
        read = read_column(batch.formulas)
        for row, code in enumerate(read.codes.tolist()):
            if notes[row] is None and code in read.invalid:
                notes[row] = str(read.invalid[code])
        rows = np.array([row for row, note in enumerate(notes) if note is None], dtype=np.int64)
        matrix = read.distinct.take(read.codes[rows])
        columns = self._spread(self._columns(matrix), rows, len(notes))
        self._count(batch.lines, notes, columns)
        return self._joined(batch.table, columns | {"note": self._notes(notes, columns["unlike"])})

    def summary(self, out: Path, seconds: float) -> PredictionSummary:
        """Return what was counted."""
        return PredictionSummary(
            out=str(out),
            rows=self.n_rows,
            predicted=self.n_predicted,
            unreadable=self.n_rows - self.n_predicted,
            first_unreadable=self.first,
            unlike=self.n_unlike,
            unseen=self.n_unseen,
            seconds=round(seconds, 3),
        )

    def _with_rejected(self, batch: Batch) -> tuple[Batch, list[str | None]]:
        """Put rows that the reader rejected back where they stood, with nothing but their formula."""
        import pyarrow as pa

        n_whole = len(batch.lines)
        if not batch.rejected:
            return batch, [None] * n_whole
        broken = {
            name: pa.nulls(len(batch.rejected), batch.table.schema.field(name).type)
            for name in batch.table.column_names
        }
        broken |= {self.column: pa.array([row.formula for row in batch.rejected], pa.string())}
        table = pa.concat_tables([batch.table, pa.table(broken)], promote_options="permissive")
        lines = batch.lines + [row.line for row in batch.rejected]
        notes = [None] * n_whole + [row.reason for row in batch.rejected]
        order = np.argsort(lines, kind="stable").tolist()
        formulas = [*batch.formulas, *(row.formula for row in batch.rejected)]
        taken = Batch(table.take(order), [lines[k] for k in order], [formulas[k] for k in order], batch.done)
        return taken, [notes[k] for k in order]

    def _columns(self, matrix: FractionMatrix) -> dict[str, list[Any]]:
        """Return the new columns of readable rows."""
        learned = self.model.learned_
        made = learned.predict(matrix)
        if learned.training.classes:
            columns: dict[str, list[Any]] = {"prediction": list(map(str, self.model.classes_[made.argmax(axis=1)]))}
            columns |= {f"p_{name}": made[:, k].tolist() for k, name in enumerate(map(str, self.model.classes_))}
        else:
            halves = learned.halfwidths(matrix)
            columns = {
                "prediction": made[:, 0].tolist(),
                "lower": (made[:, 0] - halves).tolist(),
                "upper": (made[:, 0] + halves).tolist(),
            }
        columns["unlike"] = learned.percentiles(matrix).round(1).tolist()
        return columns | {"unseen_elements": [" ".join(symbols) or None for symbols in learned.unseen(matrix)]}

    def _spread(self, columns: dict[str, list[Any]], rows: np.ndarray, n: int) -> dict[str, list[Any]]:
        """Return columns of all rows; nothing stands in those that could not be read."""
        out = {name: [None] * n for name in columns}
        for name, values in columns.items():
            for row, value in zip(rows.tolist(), values, strict=True):
                out[name][row] = value
        return out

    def _count(self, lines: Sequence[int], notes: Sequence[str | None], columns: dict[str, list[Any]]) -> None:
        self.n_rows += len(notes)
        self.n_predicted += sum(note is None for note in notes)
        self.n_unlike += sum(value is not None and value >= FAR for value in columns["unlike"])
        self.n_unseen += sum(value is not None for value in columns["unseen_elements"])
        if self.first is None:
            self.first = next(((line, note) for line, note in zip(lines, notes, strict=True) if note), None)

    def _notes(self, notes: Sequence[str | None], unlike: Sequence[float | None]) -> list[str | None]:
        return [
            note or ("unlike the training" if value is not None and value >= FAR else None)
            for note, value in zip(notes, unlike, strict=True)
        ]

    def _joined(self, table: pa.Table, columns: dict[str, list[Any]]) -> pa.Table:
        """Put the new columns beside those of the input."""
        import pyarrow as pa

        clash = [name for name in columns if name in table.column_names]
        if clash:
            raise InputInvalid(f'{self.path} has a column "{clash[0]}" already, the name of a new one. Rename it.')
        texts = {"unseen_elements", "note"} | ({"prediction"} if self.model.learned_.training.classes else set())
        added = [pa.array(values, pa.string() if name in texts else pa.float64()) for name, values in columns.items()]
        return pa.table([*table.columns, *added], names=[*table.column_names, *columns])
