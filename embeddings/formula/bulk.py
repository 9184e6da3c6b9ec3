"""A column of formulas at once: every distinct one is read once, into a sparse matrix of element fractions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import FormulaInvalid
from embeddings.formula.canonical import canonical_spelling
from embeddings.formula.column import formula_column, items_of
from embeddings.formula.grammar import MAX_LENGTH, parse_formula
from embeddings.formula.reader import read_amounts
from embeddings.formula.scan import scan

_ROWS_PER_SCAN = 16_384


@dataclass(frozen=True)
class FractionMatrix:
    """Amounts and fractions of the elements of many formulas, row after row, with only the elements that are there.

    Row ``i`` holds the entries ``offsets[i]`` to ``offsets[i + 1]``.
    """

    offsets: np.ndarray  # (n_rows + 1,) int64
    atomic_numbers: np.ndarray  # (n_entries,) uint8, distinct within a row
    amounts: np.ndarray  # (n_entries,) float64, per formula unit as written

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def n_elements(self) -> np.ndarray:
        """Number of elements of each row: (n_rows,) int64."""
        return np.diff(self.offsets)

    @cached_property
    def totals(self) -> np.ndarray:
        """Atoms per formula unit as written: (n_rows,) float64."""
        rows = np.repeat(np.arange(len(self)), self.n_elements)
        return np.bincount(rows, weights=self.amounts, minlength=len(self))

    @cached_property
    def fractions(self) -> np.ndarray:
        """Atomic fraction of each entry, one in sum over a row: (n_entries,) float64."""
        return self.amounts / np.repeat(self.totals, self.n_elements)

    def take(self, rows: np.ndarray) -> FractionMatrix:
        """Return the matrix of the chosen rows, in the order chosen."""
        counts = self.n_elements[rows]
        offsets = _offsets(counts)
        entries = np.repeat(self.offsets[rows] - offsets[:-1], counts) + np.arange(offsets[-1])
        return FractionMatrix(offsets, self.atomic_numbers[entries], self.amounts[entries])


@dataclass(frozen=True)
class ReadColumn:
    """A column as it was read: the distinct formulas, where each stands, and what could not be read."""

    distinct: FractionMatrix  # an unreadable formula has a row without entries
    codes: np.ndarray  # (n_rows,) int64: row of ``distinct`` for each row of the column
    invalid: dict[int, FormulaInvalid]  # by row of ``distinct``

    def raise_invalid(self) -> None:
        """Raise if a formula could not be read, with the first row (counted from 0) and how many there are."""
        if not self.invalid:
            return
        rows = np.flatnonzero(np.isin(self.codes, list(self.invalid)))
        rest = f" ({len(rows):,} rows of {len(self.codes):,} cannot be read.)" if len(rows) > 1 else ""
        raise FormulaInvalid(f"Row {rows[0]} (counted from 0): {self.invalid[int(self.codes[rows[0]])]}{rest}")


def fraction_matrix(column: Iterable[Any]) -> FractionMatrix:
    """Read a column of formulas into element fractions.

    Args:
        column: a list, numpy array, pandas or polars Series or pyarrow array of anything that
            :func:`embeddings.formula.parse_formula` reads; or a table with this one column.

    Raises:
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        InputInvalid: the column is a single string or not a column at all.
    """
    read = read_column(column)
    read.raise_invalid()
    return read.distinct.take(read.codes)


def canonical_matrix(formulas: Sequence[str]) -> FractionMatrix:
    """Read canonical reduced formulas, also those that look like a name and are otherwise refused, such as OAr."""
    try:
        return fraction_matrix(formulas)
    except FormulaInvalid:
        return fraction_matrix([read_amounts(formula) for formula in formulas])


def reduced_formulas(column: Iterable[Any]) -> list[str]:
    """Return the canonical reduced formula of each row of a column; each distinct formula is read once.

    Raises:
        FormulaInvalid: a formula cannot be read; the message names the first row, counted from 0.
        InputInvalid: the column is a single string or not a column at all.
    """
    read = read_column(column)
    read.raise_invalid()
    spelled = _spellings(read.distinct)
    return [spelled[code] for code in read.codes.tolist()]


def known_formulas(column: Iterable[Any]) -> list[str | None]:
    """Return the canonical reduced formula of each row of a column; None where there is none that can be read.

    Raises:
        InputInvalid: the column is a single string or not a column at all.
    """
    read = read_column(column)
    spelled = [None if code in read.invalid else spelling for code, spelling in enumerate(_spellings(read.distinct))]
    return [spelled[code] for code in read.codes.tolist()]


def _spellings(matrix: FractionMatrix) -> list[str]:
    """Return the canonical reduced formula of each row of a matrix; a row without entries has an empty one."""
    symbols = [SYMBOLS[number - 1] for number in matrix.atomic_numbers.tolist()]
    amounts = matrix.amounts.tolist()
    edges = matrix.offsets.tolist()
    return [
        canonical_spelling(dict(zip(symbols[start:stop], amounts[start:stop], strict=True))) if stop > start else ""
        for start, stop in pairwise(edges)
    ]


def read_column(column: Iterable[Any]) -> ReadColumn:
    """Read a column of formulas, keeping the errors instead of raising them.

    Raises:
        InputInvalid: the column is a single string or not a column at all.
    """
    distinct, codes = _distinct(column)
    starts = range(0, len(distinct), _ROWS_PER_SCAN)
    blocks = [_read_block(distinct[start : start + _ROWS_PER_SCAN]) for start in starts]
    invalid = {start + row: e for start, (_, errors) in zip(starts, blocks, strict=True) for row, e in errors.items()}
    return ReadColumn(_stacked([matrix for matrix, _ in blocks]), codes, invalid)


def _distinct(column: Any) -> tuple[list[Any], np.ndarray]:
    """Return the distinct entries of a column and, for each row, which of them it holds."""
    column = formula_column(column)
    if hasattr(column, "dictionary_encode") and str(column.type) in ("string", "large_string"):
        encoded = column.dictionary_encode(null_encoding="encode")
        encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
        return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
    items = items_of(column)
    keys = items if _all_strings(items) else [item if isinstance(item, str) else id(item) for item in items]
    entries = dict(zip(keys, items, strict=True))
    if len(entries) == len(items):
        return items, np.arange(len(items))
    order = dict(zip(entries, range(len(entries)), strict=True))
    return list(entries.values()), np.fromiter(map(order.__getitem__, keys), dtype=np.int64, count=len(items))


def _all_strings(items: list[Any]) -> bool:
    return set(map(type, items)) == {str}


def _read_block(items: list[Any]) -> tuple[FractionMatrix, dict[int, FormulaInvalid]]:
    """Read some distinct entries: the plain strings in one scan, the others one by one."""
    scanned = scan(_lines(items))
    counts = np.bincount(scanned.rows, minlength=len(items))
    exact: dict[int, dict[str, float]] = {}
    invalid: dict[int, FormulaInvalid] = {}
    for row in np.flatnonzero(~scanned.plain).tolist():
        try:
            exact[row] = parse_formula(items[row])
            counts[row] = len(exact[row])
        except FormulaInvalid as error:
            invalid[row] = error
    offsets = _offsets(counts)
    numbers, amounts = np.empty(offsets[-1], dtype=np.uint8), np.empty(offsets[-1])
    from_scan = np.repeat(scanned.plain, counts)
    numbers[from_scan], amounts[from_scan] = scanned.atomic_numbers, scanned.amounts
    numbers[~from_scan] = [ATOMIC_NUMBERS[symbol] for parsed in exact.values() for symbol in parsed]
    amounts[~from_scan] = [amount for parsed in exact.values() for amount in parsed.values()]
    return FractionMatrix(offsets, numbers, amounts), invalid


def _lines(items: list[Any]) -> list[str]:
    """Return the strings that may go into the scan, short and on one line, and empty ones for all others."""
    if _all_strings(items) and max(map(len, items)) <= MAX_LENGTH and "\n" not in "".join(items):
        return items
    return [i if isinstance(i, str) and len(i) <= MAX_LENGTH and "\n" not in i else "" for i in items]


def _offsets(counts: np.ndarray) -> np.ndarray:
    """Return where each row starts and the last one ends: (n_rows + 1,) int64."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _stacked(blocks: list[FractionMatrix]) -> FractionMatrix:
    """Return blocks of rows as one matrix."""
    blocks = blocks or [_EMPTY]
    return FractionMatrix(
        _offsets(np.concatenate([block.n_elements for block in blocks])),
        np.concatenate([block.atomic_numbers for block in blocks]),
        np.concatenate([block.amounts for block in blocks]),
    )


_EMPTY = FractionMatrix(_offsets(np.empty(0, dtype=np.int64)), np.empty(0, dtype=np.uint8), np.empty(0))
