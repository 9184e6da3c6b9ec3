"""A table file as measurements: which column is which, its unit, and rows that are set aside with their line."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.bench.conditions import conditions
from embeddings.bench.leaks import leaking_columns
from embeddings.bench.measurements import Measurements, measurements
from embeddings.bench.values import NONE
from embeddings.tables.cells import as_number, is_blank
from embeddings.tables.columns import find_column, find_formulas, find_ids, split_unit
from embeddings.tables.files import open_sheet
from embeddings.tables.sheet import Row, SetAside, Sheet

MAX_ROWS = 20_000
"""Rows that are learned from; of more, so many are drawn at random."""

SEED = 0
"""Of that draw."""

LEAKS_SHOWN = 10


@dataclass(frozen=True, eq=False)
class FormulaColumn:
    """The formulas of a table, as its rows have them.

    Attributes:
        name: of the column.
        formulas: (n,) cells; not all need be formulas.
        lines: (n,) line of the file, or row counted from 1.
        set_aside: rows that could not be read.
        notes: what was supposed, a sentence each.
    """

    name: str
    formulas: list[Any]
    lines: list[int]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]


def read_table(
    path: str | Path,
    *,
    formula: str | None = None,
    target: str,
    time: str | None = None,
    fold: str | None = None,
    unit: str | None = None,
    ids: str | None = None,
    knows: Callable[[Any], bool] | None = None,
) -> Measurements:
    """Return the rows of a table that can be used; the others are set aside with line and reason.

    Columns are named as in the file; a unit in brackets at the end of a name may be left out. Of more than `MAX_ROWS`
    rows, so many are drawn at random, the same ones each time.

    Args:
        path: CSV, TSV or other separated text, or JSON Lines, also as .gz; .xlsx; Parquet; ``"-"`` for standard input.
        formula: column of formulas; found by its name or its cells if None.
        target: column of what was measured.
        time: column of when it was measured, numbers or ISO dates.
        fold: column of the outer fold that each row is tested in.
        unit: of the target; what stands in brackets in the name of the column if None.
        ids: column of what each row's material is called elsewhere, such as its structure.
        knows: whether a cell is such an identifier, to find the column where `ids` is None; None not to look for it.

    Raises:
        ColumnNotFound: the table lacks a column, or none holds formulas; the message lists those that there are.
        InputInvalid: the table cannot be read, or too few of its rows can be used.
        TargetInvalid: the target cannot be learned.
        MissingExtra: the file is .xlsx, and openpyxl is not installed.
    """
    with open_sheet(path) as sheet:
        measured = find_column(sheet, target, "--target")
        named = {"--time": time, "--fold": fold}
        others = {option: find_column(sheet, name, option) for option, name in named.items() if name is not None}
        column = find_formulas(sheet, formula, besides=(measured, *others.values()))
        named_by = find_ids(sheet, ids, knows, besides=(measured, *others.values()))
        places = [column, measured, *others.values()]
        rows = _drawn(sheet, _with_values(sheet, places if named_by is None else [*places, named_by], list(others)))
        name, in_name = split_unit(sheet.names[measured])
        sheet.notes += _leaks(sheet, measured, name)
        sheet.notes += _conditions(sheet, column, places, name)
    lines, cells = [line for line, _ in rows], {place: [row[k] for _, row in rows] for k, place in enumerate(places)}
    return measurements(
        cells[column],
        cells[measured],
        target=name,
        unit=unit or in_name,
        lines=lines,
        order=read_times(cells[others["--time"]]) if "--time" in others else None,
        folds=_labels(cells[others["--fold"]]) if "--fold" in others else None,
        ids=None if named_by is None else [row[-1] for _, row in rows],
        set_aside=sheet.set_aside,
        notes=sheet.notes,
    )


def read_formulas(path: str | Path, *, formula: str | None = None) -> FormulaColumn:
    """Return the column of formulas of a table, all rows of it.

    Args:
        path: as in `read_table`.
        formula: name of the column; found by its name or its cells if None.

    Raises:
        ColumnNotFound: the table lacks the column, or none holds formulas; the message lists those that there are.
        InputInvalid: the table cannot be read.
        MissingExtra: the file is .xlsx, and openpyxl is not installed.
    """
    with open_sheet(path) as sheet:
        place = find_formulas(sheet, formula)
        rows = list(sheet.rows([place]))
    formulas, lines = [cells[0] for _, cells in rows], [line for line, _ in rows]
    return FormulaColumn(sheet.names[place], formulas, lines, tuple(sheet.set_aside), tuple(sheet.notes))


def read_times(cells: Sequence[Any]) -> np.ndarray:
    """Return times as numbers, dates as days since 1970, (n,) float64; NaN for what is neither, or not as most are."""
    numbers, days = (np.array([read(cell) for cell in cells], dtype=np.float64) for read in (as_number, _as_days))
    return days if np.isfinite(days).sum() > np.isfinite(numbers).sum() else numbers


def _as_days(cell: Any) -> float:
    text = cell.isoformat() if isinstance(cell, date) else str(cell).strip()
    if np.isfinite(as_number(text)):
        return float("nan")
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError:
        return float("nan")
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() / 86400


_MONTH = re.compile(r"\d{4}-\d{2}")


def _with_values(sheet: Sheet, places: Sequence[int], options: Iterable[str]) -> Iterator[Row]:
    """Yield rows with all that was asked for; those with a blank cell are set aside, by the option that names it.

    Cells beyond formula, value and options may be blank.
    """
    what = ("formula", "value", *(f"cell of {option}" for option in options))
    for line, cells in sheet.rows(places):
        is_none = isinstance(cells[1], str) and cells[1].strip().lower() == NONE  # perhaps a class
        named = zip(what, cells, strict=False)
        blank = next((name for name, cell in named if is_blank(cell) and not (name == "value" and is_none)), None)
        if blank is None:
            yield line, cells
        else:
            sheet.set_aside.append(SetAside(line, f"the {blank} is blank"))


def _drawn(sheet: Sheet, rows: Iterable[Row]) -> list[Row]:
    """Return rows in their order; at most `MAX_ROWS` of them, drawn by reservoir sampling."""
    kept: list[Row] = []
    n_rows, draw = 0, random.Random(SEED)
    for n_rows, row in enumerate(rows, start=1):
        if n_rows <= MAX_ROWS:
            kept.append(row)
        elif (place := draw.randrange(n_rows)) < MAX_ROWS:
            kept[place] = row
    if n_rows > MAX_ROWS:
        sheet.notes.append(f"Of {n_rows:,} rows, {MAX_ROWS:,} are used, drawn at random (seed {SEED}).")
    return sorted(kept, key=lambda row: row[0])


def _labels(cells: Sequence[Any]) -> np.ndarray:
    """Return the names of folds, as numbers if all are, (n,)."""
    numbers = np.array([as_number(cell) for cell in cells])
    return numbers if np.isfinite(numbers).all() else np.array([str(cell).strip() for cell in cells], dtype=object)


def _conditions(sheet: Sheet, formula: int, places: Sequence[int], name: str) -> list[str]:
    """Point at columns, such as one of temperatures, that a model of formulas cannot tell apart."""
    found = conditions([cells for _, cells in sheet.head], formula, places)[:LEAKS_SHOWN]
    if not found:
        return []
    return [
        f"Rows of one formula differ in {', '.join(map(sheet.called, found))}, which a model of formulas does not see: "
        f'it gives one "{name}" for all of them. Keep the rows of one condition, or train one model for each.'
    ]


def _leaks(sheet: Sheet, measured: int, name: str) -> list[str]:
    """Point at columns from which the target can be told without knowing anything."""
    found = leaking_columns([cells for _, cells in sheet.head], measured)
    if not found:
        return []
    shown = ", ".join(sheet.called(place) for place in found[:LEAKS_SHOWN])
    more = f" and {len(found) - LEAKS_SHOWN:,} more" if len(found) > LEAKS_SHOWN else ""
    tells = f'{"tells" if len(found) == 1 else "each tell"} "{name}" exactly in the first {len(sheet.head):,} rows'
    why = "the same measurement, or made from it, or the order of the rows"
    return [f"{shown}{more} {tells}: {why}. Only formulas are learned from."]
