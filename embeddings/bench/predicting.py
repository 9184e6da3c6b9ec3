"""A table with formulas in, the same table with predictions out: in constant memory, and every row stays a row."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.joining import no_ids, without_structure
from embeddings.bench.learned import ROWS_AT_ONCE
from embeddings.bench.model import PropertyModel
from embeddings.bench.structures import StructureVectors
from embeddings.errors import ColumnNotFound, InputInvalid, OutputInvalid
from embeddings.formula.bulk import FractionMatrix, read_column
from embeddings.store.folders import staged_folder, sync
from embeddings.store.outputs import Output, check_outputs
from embeddings.streaming.writers import ENDINGS, TableWriter, open_writer
from embeddings.tables.cells import is_blank
from embeddings.tables.columns import find_formulas, find_ids
from embeddings.tables.files import STDIN, open_sheet
from embeddings.tables.sheet import Row, Sheet

if TYPE_CHECKING:
    import pyarrow as pa

FAR = 99.0
"""Percentile from which on a formula is noted to be unlike the training."""

Columns = dict[str, list[Any]]

Line = tuple[int, Sequence[Any] | None, str | None]
"""Line of the file, its cells, and why there are none that can be read."""


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
        notes: what was supposed in reading, a sentence each.
        seconds: that it took.
    """

    out: str
    rows: int
    predicted: int
    unreadable: int
    first_unreadable: tuple[int, str] | None
    unlike: int
    unseen: int
    notes: tuple[str, ...]
    seconds: float


def predict_file(
    model: PropertyModel,
    path: str | Path,
    out: str | Path,
    *,
    formula: str | None = None,
    ids: str | None = None,
    advance: Callable[[int], None] = lambda n_rows: None,
) -> PredictionSummary:
    """Predict for every row of a table in a file of any size.

    The columns of the input are kept. Those that follow them are ``prediction``; ``lower`` and ``upper``, or ``p_``
    with the name of each class; ``unlike``, see `Unlike.percentile`; ``unseen_elements``; and ``note``. A row that
    cannot be read has a note that says why, and no prediction; nor has one without a structure, where the model needs
    them. The output appears when it is complete.

    Args:
        model: fitted, with the structures of these rows if it needs them.
        path: any table that `embeddings.bench.tables.read_table` reads.
        out: .parquet or .csv.
        formula: the column of formulas; found by its name or its cells if None.
        ids: the column of identifiers of structures; the one that names most of them if None.
        advance: called with how many more rows are done.

    Raises:
        ColumnNotFound: the table has no such column; the message lists those that are there.
        InputInvalid: the table cannot be read, or has a column of the name of a new one; or the model needs structures
            and was given none.
        OutputInvalid: the output cannot be written.
    """
    out, started = Path(out), time.perf_counter()
    if out.suffix.lower() not in ENDINGS:
        raise OutputInvalid(f'{out} ends in "{out.suffix}"; predictions are written to {" or ".join(ENDINGS)}.')
    check_outputs([Output(out)], inputs=[None if str(path) == STDIN else path])
    with open_sheet(path) as sheet, staged_folder(out) as folder:
        job = _Job(model, sheet, find_formulas(sheet, formula), ids, as_text=out.suffix.lower() == ".csv")
        writer = _Writer(folder / out.name)
        try:
            for rows in _batches(sheet):
                writer.write(job.run(rows))
                advance(len(rows))
        except BaseException:
            writer.abandon()
            raise
        writer.publish(out)
    return job.summary(out, time.perf_counter() - started)


def count_rows(path: str | Path) -> int:
    """Return how many rows a table has, for a progress bar.

    Raises:
        InputInvalid: the table cannot be read.
    """
    with open_sheet(path) as sheet:
        return sum(1 for _ in sheet.rows([0])) + len(sheet.set_aside)


def _batches(sheet: Sheet) -> Iterator[list[Line]]:
    """Yield the rows in batches, in the order of the file."""
    rows, n_aside, n_batches = sheet.rows(range(len(sheet.names))), 0, 0
    while True:
        some: list[Row] = list(islice(rows, ROWS_AT_ONCE))
        broken = sheet.set_aside[n_aside:]
        n_aside += len(broken)
        if not some and not broken and n_batches:
            return
        whole: list[Line] = [(line, cells, None) for line, cells in some]
        yield sorted([*whole, *((row.line, None, row.reason) for row in broken)], key=lambda row: row[0])
        n_batches += 1


class _Writer:
    """The file being written, opened when the first table settles its columns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: TableWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self.writer is None:
            self.writer = open_writer(self.path, table.schema, n_features=0)
        self.writer.write(table)

    def abandon(self) -> None:
        if self.writer is not None:
            self.writer.abandon()

    def publish(self, out: Path) -> None:
        if self.writer is not None:
            self.writer.close({})
            sync(self.path)
            os.replace(self.path, out)
            sync(out.parent)


class _Job:
    """Batches of rows to tables with predictions, and what was counted on the way."""

    def __init__(self, model: PropertyModel, sheet: Sheet, place: int, ids: str | None, *, as_text: bool) -> None:
        self.model, self.sheet, self.place, self.as_text = model, sheet, place, as_text
        self.n_rows = self.n_predicted = self.n_unlike = self.n_unseen = 0
        self.first: tuple[int, str] | None = None
        self.types: dict[str, Any] = {}
        self.crystals = model.needed_structures()
        self.place_of_ids = None if self.crystals is None else _place_of_ids(sheet, ids, self.crystals)
        self._check_names()

    def run(self, rows: Sequence[Line]) -> pa.Table:
        """Return rows with predictions and notes."""
        lines, notes = [line for line, _, _ in rows], [note for _, _, note in rows]
        formulas = [None if cells is None else cells[self.place] for _, cells, _ in rows]
        read = read_column([str(formula) for formula in formulas])
        for row, code in enumerate(read.codes.tolist()):
            if notes[row] is None and is_blank(formulas[row]):
                notes[row] = "the formula is blank"
            elif notes[row] is None and code in read.invalid:
                notes[row] = str(read.invalid[code])
        structures = self._structures(rows, notes)
        readable = np.array([row for row, note in enumerate(notes) if note is None], dtype=np.int64)
        made = self._predicted(
            read.distinct.take(read.codes[readable]), None if structures is None else structures[readable]
        )
        columns = {name: _spread(values, readable, len(rows)) for name, values in made.items()}
        self._count(lines, notes, columns)
        columns["note"] = [
            note or ("unlike the training" if value is not None and value >= FAR else None)
            for note, value in zip(notes, columns["unlike"], strict=True)
        ]
        return self._joined(rows, columns)

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
            notes=tuple(self.sheet.notes),
            seconds=round(seconds, 3),
        )

    def _structures(self, rows: Sequence[Line], notes: list[str | None]) -> np.ndarray | None:
        """Return the vectors of the structures of rows, if the model needs them; note where there is none."""
        crystals, place = self.crystals, self.place_of_ids
        if crystals is None or place is None:
            return None
        cells = [None if cells is None else cells[place] for _, cells, _ in rows]
        places = crystals.places(cells)
        for row in np.flatnonzero(places < 0).tolist():
            notes[row] = notes[row] or without_structure(cells[row], crystals)
        return crystals.vectors[places]

    def _check_names(self) -> None:
        names = self.sheet.names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputInvalid(f'{self.sheet.source} has two columns "{twice}"; rename one.')
        clash = [name for name in self._new_names() if name in names]
        if clash:
            raise InputInvalid(
                f'{self.sheet.source} already has a column "{clash[0]}", which is the name of an added column; rename '
                "it."
            )

    def _new_names(self) -> list[str]:
        none = None if self.crystals is None else self.crystals.vectors[:0]
        return [*self._predicted(read_column([]).distinct, none), "note"]

    def _predicted(self, matrix: FractionMatrix, structures: np.ndarray | None) -> Columns:
        """Return the new columns of readable rows."""
        learned, classes = self.model.learned_, self.model.learned_.training.classes
        made = learned.predict(matrix, structures)
        if classes:
            labels = list(map(str, self.model.classes_))
            columns: Columns = {"prediction": [labels[k] for k in made.argmax(axis=1)]}
            columns |= {f"p_{label}": made[:, k].tolist() for k, label in enumerate(labels)}
        else:
            values, halves = made[:, 0], learned.halfwidths(matrix)
            columns = {
                "prediction": values.tolist(),
                "lower": (values - halves).tolist(),
                "upper": (values + halves).tolist(),
            }
        columns["unlike"] = learned.percentiles(matrix).round(1).tolist()
        return columns | {"unseen_elements": [" ".join(symbols) or None for symbols in learned.unseen(matrix)]}

    def _count(self, lines: Sequence[int], notes: Sequence[str | None], columns: Columns) -> None:
        self.n_rows += len(notes)
        self.n_predicted += sum(note is None for note in notes)
        self.n_unlike += sum(value is not None and value >= FAR for value in columns["unlike"])
        self.n_unseen += sum(value is not None for value in columns["unseen_elements"])
        if self.first is None:
            self.first = next(((line, note) for line, note in zip(lines, notes, strict=True) if note), None)

    def _joined(self, rows: Sequence[Line], columns: Columns) -> pa.Table:
        """Put the new columns beside those of the input."""
        import pyarrow as pa

        names = self.sheet.names
        carried = [[None if cells is None else cells[k] for _, cells, _ in rows] for k in range(len(names))]
        arrays = [self._array(name, values) for name, values in zip(names, carried, strict=True)]
        texts = {"unseen_elements", "note"} | ({"prediction"} if self.model.learned_.training.classes else set())
        arrays += [pa.array(values, pa.string() if name in texts else pa.float64()) for name, values in columns.items()]
        return pa.table(arrays, names=[*names, *columns])

    def _array(self, name: str, values: Sequence[Any]) -> pa.Array:
        """Return a column of the input: text for a CSV file; else of the type that it has in the first rows."""
        import pyarrow as pa

        if self.as_text:
            return pa.array([None if value is None else str(value) for value in values], pa.string())
        try:
            array = pa.array(values, self.types.get(name))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            if name in self.types and self.types[name] != pa.string():
                raise InputInvalid(
                    f'{self.sheet.source}: the column "{name}" holds {self.types[name]} at first, and later something '
                    "else. Write a .csv file."
                ) from None
            array = pa.array([None if value is None else str(value) for value in values], pa.string())
        self.types.setdefault(name, pa.string() if pa.types.is_null(array.type) else array.type)
        return array.cast(self.types[name])


def _place_of_ids(sheet: Sheet, name: str | None, crystals: StructureVectors) -> int:
    place = find_ids(sheet, name, crystals.knows)
    if place is None:
        raise ColumnNotFound(no_ids(crystals, sheet.source))
    return place


def _spread(values: Sequence[Any], rows: np.ndarray, n_rows: int) -> list[Any]:
    """Return a column of all rows; nothing stands in those that are not among `rows`."""
    out: list[Any] = [None] * n_rows
    for row, value in zip(rows.tolist(), values, strict=True):
        out[row] = value
    return out
