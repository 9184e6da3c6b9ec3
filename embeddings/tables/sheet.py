"""A table as it stands in a file: names of its columns, and rows that come one by one, each with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np

from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.tables.cells import as_number

Row = tuple[int, Sequence[Any]]
"""Line of the file, and cells."""

HEAD_ROWS = 1000
"""Rows that are looked at to see what the columns hold."""

HEAD_CELLS = 1 << 20
"""Cells of those rows, at most."""

MIN_HEAD_ROWS = 50

HEADER_ROWS = 30
"""Rows among which the names of the columns are looked for."""


@dataclass(frozen=True)
class SetAside:
    """A row that is not used.

    Attributes:
        line: of the file, or the row counted from 1.
        reason: what is wrong with it.
    """

    line: int
    reason: str


@dataclass(eq=False)
class Sheet:
    """A table whose rows can be read once.

    Attributes:
        source: the file, as it is spoken of.
        names: of the columns, as written; several may be the same.
        head: the first rows, with all cells.
        rows: places of columns -> every row, with the cells of these columns alone.
        set_aside: rows that cannot be read; those after the head are added as `rows` goes on.
        notes: what was supposed, a sentence each; added to as `rows` goes on.
    """

    source: str
    names: list[str]
    head: list[Row]
    rows: Callable[[Sequence[int]], Iterator[Row]]
    set_aside: list[SetAside] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def called(self, place: int) -> str:
        """Return what a column is called in a sentence."""
        return f'"{shortened(self.names[place])}"' if self.names[place] else f"column {place + 1}"


def n_head_rows(n_columns: int) -> int:
    """Return how many rows of so many columns are looked at."""
    return max(MIN_HEAD_ROWS, min(HEAD_ROWS, HEAD_CELLS // max(1, n_columns)))


def sheet_of(
    source: str,
    rows: Iterator[Row],
    set_aside: list[SetAside],
    notes: list[str],
    *,
    names: list[str] | None = None,
    may_be_short: bool = False,
) -> Sheet:
    """Return a sheet of rows that come one by one; the first of them may stand above the header.

    Args:
        source: the file.
        rows: with all cells; those without any are blank.
        set_aside: that `rows` adds to.
        notes: that `rows` adds to.
        names: of the columns; looked for in the first rows if None.
        may_be_short: whether a row may end with its last cell that is not blank.
    """
    if names is None:
        names, below = _names(list(islice(rows, HEADER_ROWS)), notes)
        rows = chain(below, rows)
    if may_be_short:
        rows = ((line, [*cells, *[None] * (len(names) - len(cells))]) for line, cells in rows)
    whole = _whole_rows(rows, len(names), set_aside)
    head = list(islice(whole, n_head_rows(len(names))))

    def chosen(places: Sequence[int]) -> Iterator[Row]:
        return ((line, [cells[place] for place in places]) for line, cells in chain(head, whole))

    return Sheet(source, names, head, chosen, set_aside, notes)


def _names(rows: list[Row], notes: list[str]) -> tuple[list[str], list[Row]]:
    """Return the names of the columns, and the rows below them.

    The names are the first row that is as long as most rows are; if it holds a number, the first with two cells, or the
    first that is not blank.
    """
    texts = [_without_blank_end(["" if cell is None else str(cell).strip() for cell in cells]) for _, cells in rows]
    widths = Counter(len(cells) for cells in texts if cells)
    usual = widths.most_common(1)[0][0] if widths else 0
    place = next((place for place, cells in enumerate(texts) if len(cells) >= max(usual, 2)), None)
    if place is None or any(np.isfinite(as_number(cell)) for cell in texts[place]):
        several = (place for place, cells in enumerate(texts) if sum(map(bool, cells)) >= 2)
        place = next(several, next((place for place, cells in enumerate(texts) if cells), None))
    if place is None:
        return [], []
    above = [line for (line, _), cells in zip(rows[:place], texts[:place], strict=True) if cells]
    if above:
        notes.append(f"What stands above the names of the columns, in line {rows[place][0]}, is left out.")
    return texts[place], rows[place + 1 :]


def _whole_rows(rows: Iterable[Row], n_columns: int, set_aside: list[SetAside]) -> Iterator[Row]:
    """Yield rows with a cell for every column; others are set aside, and blank ones at the end do not count."""
    blank: list[int] = []
    for line, cells in rows:
        if all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            blank.append(line)
            continue
        set_aside += [SetAside(place, "the row is blank") for place in blank]
        blank.clear()
        fitting = cells if len(cells) == n_columns else _fitted(cells, n_columns)
        if len(fitting) == n_columns:
            yield line, fitting
        else:
            reason = f"the row has {counted(len(fitting), 'cell')}, and the table {counted(n_columns, 'column')}"
            set_aside.append(SetAside(line, reason))


def _fitted(cells: Sequence[Any], n_columns: int) -> Sequence[Any]:
    """Return cells without blank ones beyond the last column."""
    return _without_blank_end(cells, n_columns) if len(cells) > n_columns else cells


def _without_blank_end(cells: Sequence[Any], at_least: int = 0) -> list[Any]:
    """Return cells up to the last that is not blank, but no fewer than a number of them."""
    end = len(cells)
    while end > at_least and (cells[end - 1] is None or not str(cells[end - 1]).strip()):
        end -= 1
    return list(cells[:end])
