"""Tables of measurements in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embeddings.bench.measurements import Measurements, SetAside, measurements
from embeddings.streaming.batches import Request, check_columns
from embeddings.streaming.readers import open_reader

_ROWS_AT_ONCE = 1 << 16


def read_table(
    path: str | Path,
    *,
    formula: str | None = None,
    target: str,
    time: str | None = None,
    fold: str | None = None,
    unit: str | None = None,
) -> Measurements:
    """Return the rows of a table that can be used; the others are set aside with line and reason.

    Args:
        path: a file with a header, or ``"-"`` for standard input.
        formula: column of formulas.
        target: column of what was measured.
        time: column of when it was measured.
        fold: column of the outer fold that each row is tested in.
        unit: of the target.

    Raises:
        ColumnNotFound: the table lacks a column; the message lists those that it has.
        InputInvalid: the table cannot be read, or too few of its rows can be used.
        TargetInvalid: the target cannot be learned.
    """
    path = Path(path)
    columns = [name for name in (formula or "formula", target, time, fold) if name]
    cells: dict[str, list[Any]] = {name: [] for name in columns}
    lines: list[int] = []
    aside: list[SetAside] = []
    for batch in open_reader(Request(path, columns[0], _ROWS_AT_ONCE, as_text=True)).batches():
        for name in columns:
            check_columns(Request(path, name, _ROWS_AT_ONCE), batch.table.column_names)
            cells[name] += batch.table[name].to_pylist()
        lines += batch.lines
        aside += [SetAside(row.line, row.reason) for row in batch.rejected]
    return measurements(
        cells[columns[0]],
        cells[target],
        target=target,
        unit=unit or "",
        lines=lines,
        order=cells[time] if time else None,
        folds=cells[fold] if fold else None,
        set_aside=aside,
    )
