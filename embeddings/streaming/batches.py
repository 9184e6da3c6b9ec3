"""Batches: rows of a file gathered into columns, whose types the first batch settles for all that follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.errors import ColumnNotFound, InputInvalid, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used."""

    line: int
    formula: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, with all its columns."""

    table: pa.Table
    lines: list[int]  # line of the file on which each row starts, or its row number in a Parquet file; from 1
    formulas: list[Any]
    done: int  # bytes or rows of the file that have been read
    rejected: list[Rejected] = field(default_factory=list)  # rows that are not in the table


@dataclass(frozen=True)
class Request:
    """What to read."""

    path: Path
    column: str
    n_rows: int  # in a batch
    as_text: bool = False  # keep every column of a CSV file as text


def check_columns(request: Request, names: Sequence[str]) -> None:
    """Refuse a file without the column of formulas, or with two columns of one name.

    Raises:
        ColumnNotFound: the column of formulas is not there; the message lists those that are.
        InputInvalid: two columns have the same name.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InputInvalid(f'{request.path} has two columns "{twice[0]}".')
    if request.column not in names:
        there = ", ".join(names) or "no columns"
        hint = did_you_mean(request.column, names)
        raise ColumnNotFound(f'{request.path} has no column "{request.column}".{hint} It has: {there}.')


class Gatherer:
    """Rows of a text file, gathered one by one and handed out as batches."""

    def __init__(self, names: Sequence[str], request: Request, *, from_text: bool) -> None:
        self.names, self.request, self.from_text = list(names), request, from_text
        self.types: dict[str, Any] = {}
        self.n_batches = 0
        self._clear()

    def _clear(self) -> None:
        self.rows: list[Any] = []
        self.lines: list[int] = []
        self.rejected: list[Rejected] = []

    @property
    def full(self) -> bool:
        """Whether there are enough rows for a batch."""
        return len(self.rows) + len(self.rejected) >= self.request.n_rows

    @property
    def empty(self) -> bool:
        """Whether nothing has been added since the last batch."""
        return not self.rows and not self.rejected

    def add(self, line: int, fields: Sequence[Any]) -> None:
        """Add a row with a field for every column."""
        self.rows.append(fields)
        self.lines.append(line)

    def add_object(self, line: int, row: dict[str, Any]) -> None:
        """Add a row of keys and values; the first batch may bring new keys."""
        new = [name for name in row if name not in self.names]
        if new and self.n_batches:
            formula = str(row.get(self.request.column, ""))
            self.reject(line, formula, f'The key "{new[0]}" is not in the first {self.request.n_rows:,} rows.')
            return
        self.names += new
        self.rows.append(row)
        self.lines.append(line)

    def reject(self, line: int, formula: str, reason: str) -> None:
        """Set a row aside."""
        self.rejected.append(Rejected(line, formula, reason))

    def batch(self, done: int) -> Batch:
        """Return what was gathered, and start again."""
        import pyarrow as pa

        if not self.from_text:
            check_columns(self.request, self.names)
            self.rows = [[row.get(name) for name in self.names] for row in self.rows]
        values = dict(zip(self.names, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        formulas = list(values.get(self.request.column, ()))
        table = pa.table({name: self._typed(name, values.get(name, ())) for name in self.names})
        batch = Batch(table, self.lines, formulas, done, self.rejected)
        self.n_batches += 1
        self._clear()
        return batch

    def _typed(self, name: str, values: Sequence[Any]) -> pa.Array:
        """Return a column as an array of the type that its first batch had."""
        import pyarrow as pa

        is_formula = name == self.request.column
        convert = _from_text if self.from_text else _from_json
        wanted = pa.string() if is_formula or (self.from_text and self.request.as_text) else self.types.get(name)
        try:
            array = convert(values, wanted)
        except (pa.ArrowException, TypeError, ValueError) as error:
            advice = " Keep all columns as text (--text)." if self.from_text else ""
            where = f"lines {self.lines[0]} to {self.lines[-1]}"
            reason = f'the column "{name}" holds {wanted} at first, and then something else in {where}: {error}'
            raise InputInvalid(f"{self.request.path}: {reason}.{advice}") from error
        self.types[name] = array.type
        return array


def _from_text(values: Sequence[str], wanted: Any) -> pa.Array:
    """Return text as an array of a type, or of whole numbers, numbers or text, the first of these that fits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(values, type=pa.string())
    if wanted == pa.string():
        return text
    filled = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if wanted is not None:
        return pc.cast(filled, wanted)
    padded = pc.any(pc.match_substring_regex(filled, "^[+-]?0[0-9]")).as_py()
    for kind in () if padded or filled.null_count == len(filled) else (pa.int64(), pa.float64()):
        try:
            return pc.cast(filled, kind)
        except pa.ArrowInvalid:
            continue
    return text


def _from_json(values: Sequence[Any], wanted: Any) -> pa.Array:
    """Return JSON values as an array of a type, or of the type they have; what has none becomes JSON text."""
    import pyarrow as pa

    if wanted is None:
        try:
            array = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            array = pa.array([], type=pa.null())
        if not pa.types.is_null(array.type):
            return array
        wanted = pa.string()
    if wanted == pa.string():
        values = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
    return pa.array(values, type=wanted)
