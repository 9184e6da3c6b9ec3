"""A table as its file has it, and the rows of elements that come of it: symbols checked, each element once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embeddings.adopt.labels import numbers_alone
from embeddings.display.numbers import counted, share_of
from embeddings.display.text import shortened
from embeddings.elements import SYMBOLS, atomic_number
from embeddings.errors import ElementUnknown, InputInvalid
from embeddings.tables.cells import as_number, is_blank

WIDEST = 65_536
"""The most numbers of a vector."""

MOST_ROWS = 100_000
"""The most rows that a table of elements is looked through for."""

MOST_NUMBERS = 1 << 27
"""The most numbers of a table, 1 GiB of them."""

_SHOWN = 12


@dataclass(frozen=True, eq=False)
class RawTable:
    """Rows as they stand in a file.

    Attributes:
        source: the file, as it is spoken of.
        format: of the file, in words.
        keys: of the rows: symbols, or atomic numbers.
        values: (n_rows, dim) float64, NaN for an empty cell.
        columns: names of the numbers; empty where they have none but their place.
        notes: what was passed over or supposed, a sentence each.
    """

    source: str
    format: str
    keys: tuple[str | int, ...]
    values: np.ndarray
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ElementRows:
    """Rows of elements, in order of atomic number.

    Attributes:
        atomic_numbers: (n_elements,) int64, ascending.
        vectors: (n_elements, dim) float64; NaN where the table has an empty cell.
        columns: names of the numbers, or none.
        notes: what was passed over or supposed, a sentence each.
    """

    atomic_numbers: np.ndarray
    vectors: np.ndarray
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def symbols(self) -> list[str]:
        """Symbols of the rows."""
        return [SYMBOLS[z - 1] for z in self.atomic_numbers]


def raw_table(
    source: str,
    format: str,
    rows: Sequence[tuple[str | int, Sequence[Any]]],
    *,
    columns: Sequence[str] = (),
    notes: Iterable[str] = (),
) -> RawTable:
    """Return a table of rows of cells; an empty cell becomes NaN.

    Args:
        source: the file, for messages.
        format: of the file, in words.
        rows: key and cells of each.
        columns: names of the cells; those that only count are dropped, and so are columns that only name the rows.
        notes: what was passed over or supposed.

    Raises:
        InputInvalid: no rows, rows of different lengths, two columns of one name, a cell that is not a number, or too
            many.
    """
    check_shape(source, len(rows), len(rows[0][1]) if rows else 0)
    ragged = [(key, len(cells)) for key, cells in rows if len(cells) != len(rows[0][1])]
    if ragged:
        odd = _few([f"{key} has {n}" for key, n in ragged])
        raise InputInvalid(
            f"{source} is ragged: {rows[0][0]} has {counted(len(rows[0][1]), 'number')}, {odd}. Give every row the "
            "same number."
        )
    values = np.array([[_number(source, key, cell) for cell in cells] for key, cells in rows], dtype=np.float64)
    keys = tuple(key for key, _ in rows)
    alone = numbers_alone(source, keys, columns, values)
    repeated = [name for name, n in Counter(alone.names).items() if n > 1]
    if repeated:
        raise InputInvalid(f"{source} has several columns called {_few(repeated)}. Give each a name of its own.")
    return RawTable(source, format, keys, alone.values, alone.names, (*notes, *alone.notes))


def positional(
    source: str, format: str, values: np.ndarray, *, first: int | None, notes: Iterable[str] = ()
) -> RawTable:
    """Return a table whose rows have no keys but their places.

    Args:
        source: the file, for messages.
        format: of the file, in words.
        values: (n_rows, dim) numbers.
        first: atomic number of the first row; 0 for a row of padding above hydrogen. None to tell it from the number of
            rows: 118 begin with hydrogen, 119 with padding.
        notes: what was passed over or supposed.

    Raises:
        InputInvalid: not two-dimensional, or nothing says which element the first row is.
    """
    values = matrix(source, values)
    if first is None:
        first = {len(SYMBOLS): 1, len(SYMBOLS) + 1: 0}.get(len(values))
    if first is None:
        raise InputInvalid(
            f"{source} has {counted(len(values), 'row')} and no symbols, so nothing says which element a row belongs "
            "to. Give the atomic number of the first row: --first-row 1, or 0 for a row of padding above hydrogen."
        )
    said = f"Rows go by atomic number from {first}{' (padding, left out)' if first == 0 else ''}."
    keep = slice(1, None) if first == 0 else slice(None)
    numbers = tuple(range(max(first, 1), first + len(values)))
    return RawTable(source, format, numbers, values[keep], notes=(*notes, said))


def matrix(source: str, values: Any) -> np.ndarray:
    """Return numbers as (n_rows, dim) float64; one number for each row becomes a vector of one.

    Raises:
        InputInvalid: not numbers, not two-dimensional, or too many.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        raise InputInvalid(
            f"{source} holds {array.dtype} of shape {array.shape}; expected a row of numbers for each element."
        )
    array = array[:, None] if array.ndim == 1 else array
    check_shape(source, *array.shape)
    return array.astype(np.float64)


def check_shape(source: str, n_rows: int, dim: int) -> None:
    """Refuse a table that is empty or larger than any of elements.

    Raises:
        InputInvalid: it is.
    """
    if n_rows < 1 or dim < 1:
        raise InputInvalid(
            f"{source} has {counted(n_rows, 'row')} of {counted(dim, 'number')}; there is nothing to import."
        )
    if n_rows > MOST_ROWS or dim > WIDEST or n_rows * dim > MOST_NUMBERS:
        raise InputInvalid(
            f"{source} has {counted(n_rows, 'row')} of {counted(dim, 'number')}, which no table of elements has (at "
            f"most {MOST_ROWS:,} rows, {WIDEST:,} numbers each, {MOST_NUMBERS:,} in all)."
        )


def element_rows(table: RawTable, *, skip_unknown: bool = False) -> ElementRows:
    """Return the rows of elements, in order of atomic number.

    Args:
        table: as its file has it.
        skip_unknown: leave out rows whose key is not an element, with a note; an error otherwise.

    Raises:
        ElementUnknown: a key is not that of an element, and `skip_unknown` is off; the message names all of them.
        InputInvalid: an element has several rows, or no row is that of an element.
    """
    number_of, unknown, first = {}, [], None
    for row, key in enumerate(table.keys):
        try:
            number_of[row] = atomic_number(_key(key))
        except ElementUnknown as error:
            unknown.append(str(key))
            first = first or error
    if unknown and not skip_unknown:
        raise ElementUnknown(
            f"In {table.source}, {share_of(len(unknown), len(table.keys), 'row', 'is')} not of an element: "
            f"{_few(unknown)}. {first} Correct them, or leave these rows out with --skip-unknown."
        )
    repeated = [z for z, n in Counter(number_of.values()).items() if n > 1]
    if repeated:
        names = _few([SYMBOLS[z - 1] for z in sorted(repeated)])
        raise InputInvalid(f"{table.source} has several rows for {names}. Keep one of each.")
    if not number_of:
        raise InputInvalid(f"{table.source} has no row of an element among its {len(table.keys)}.")
    rows = sorted(number_of, key=number_of.__getitem__)
    said = [f"Not elements, so left out: {_few(unknown)}."] if unknown else []
    numbers = np.array([number_of[row] for row in rows])
    return ElementRows(numbers, table.values[rows], table.columns, (*table.notes, *said))


def with_notes(table: RawTable, *notes: str) -> RawTable:
    """Return a table with further notes."""
    return replace(table, notes=(*table.notes, *notes))


def _key(key: str | int) -> str | int:
    if not isinstance(key, str):
        return key
    text = key.strip()
    return int(text) if text.isdecimal() and len(text) <= 3 else text


def _number(source: str, key: str | int, cell: Any) -> float:
    if is_blank(cell):
        return float("nan")
    number = float(cell) if isinstance(cell, bool) else as_number(cell)
    if np.isnan(number) and not isinstance(cell, float):
        shown = shortened(str(cell))
        raise InputInvalid(
            f'{source}: "{shown}" in the row of {shortened(str(key))} is not a number. Turn it into one, or leave the '
            "column out with --drop-column."
        )
    return number


def _few(names: Sequence[str]) -> str:
    shown = [shortened(name) for name in names[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
