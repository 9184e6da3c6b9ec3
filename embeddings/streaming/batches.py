"""Batches: rows of a file gathered into columns, as many at once as fit into bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from embeddings.display.numbers import counted
from embeddings.errors import ColumnNotFound, InputInvalid, did_you_mean
from embeddings.streaming.columns import JsonColumn, from_text

if TYPE_CHECKING:
    import pyarrow as pa

    from embeddings.tables.files import TableFile


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

    file: TableFile
    column: str  # of formulas
    n_rows: int  # in a batch
    as_text: bool = False  # keep every column of a file without types as text
    numbers: tuple[str, ...] = ()  # but these, which are numbers however they are written


_CELLS = 1 << 22
_BYTES = 1 << 26
_SHOWN = 20


def check_columns(request: Request, names: Collection[str]) -> None:
    """Refuse a file without the column of formulas, or with two columns of one name.

    Raises:
        ColumnNotFound: the column of formulas is not there; the message lists those that are.
        InputInvalid: two columns have the same name.
    """
    twice = sorted(name for name, n in Counter(iter(names)).items() if n > 1)
    if twice:
        raise InputInvalid(f'{request.file.source} has two columns "{twice[0]}".')
    if request.column not in names:
        some = list(islice(names, 1000))
        there = ", ".join(some[:_SHOWN]) or "no columns"
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        hint = did_you_mean(request.column, some)
        raise ColumnNotFound(f'{request.file.source} has no column "{request.column}".{hint} It has: {there}{more}.')


def rows_at_once(n_rows: int, n_columns: int) -> int:
    """Return how many rows of so many columns are in memory together."""
    return max(1, min(n_rows, _CELLS // max(1, n_columns)))


class Gatherer:
    """Rows of a text file, gathered one by one and handed out as batches of bounded size.

    Args:
        names: of the columns; those of JSON objects are added as they come.
        request: what is read.
        types: of the columns of a CSV file; text if not given. None for JSON.
    """

    def __init__(self, names: Iterable[str], request: Request, types: dict[str, Any] | None = None) -> None:
        self.names, self.request, self.types = dict.fromkeys(names), request, types
        self.columns: dict[str, JsonColumn] = {}
        self.n_batches = self.n_first = self.n_bytes = 0
        self._clear()

    def _clear(self) -> None:
        self.rows: list[Any] = []
        self.lines: list[int] = []
        self.rejected: list[Rejected] = []

    def is_full(self, n_bytes: int) -> bool:
        """Whether there is enough for a batch, with so many bytes of the file read."""
        n_rows = len(self.rows) + len(self.rejected)
        limit = rows_at_once(self.request.n_rows, len(self.names))
        return n_rows >= limit or (n_rows > 0 and n_bytes - self.n_bytes >= _BYTES)

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
        if not self.n_batches:
            self.names.update(dict.fromkeys(row))
        elif new := row.keys() - self.names.keys():
            formula = str(row.get(self.request.column, ""))
            self.reject(line, formula, f'The key "{min(new)}" is not in the first {counted(self.n_first, "row")}.')
            return
        self.rows.append(row)
        self.lines.append(line)

    def reject(self, line: int, formula: str, reason: str) -> None:
        """Set a row aside."""
        self.rejected.append(Rejected(line, formula, reason))

    def batch(self, done: int) -> Batch:
        """Return what was gathered, with so many bytes of the file read, and start again."""
        import pyarrow as pa

        if self.types is None:
            check_columns(self.request, self.names)
            self.rows = [[row.get(name) for name in self.names] for row in self.rows]
        values = dict(zip(self.names, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        formulas = list(values.get(self.request.column, ()))
        table = pa.table({name: self._typed(name, values.get(name, ())) for name in self.names})
        batch = Batch(table, self.lines, formulas, done, self.rejected)
        self.n_first = self.n_first or len(self.rows)
        self.n_batches, self.n_bytes = self.n_batches + 1, done
        self._clear()
        return batch

    def _typed(self, name: str, values: Sequence[Any]) -> pa.Array:
        """Return a column as an array of the type that it has in the whole file, or had in the first batch."""
        import pyarrow as pa

        is_formula = name == self.request.column
        try:
            if self.types is not None:
                return from_text(values, pa.string() if is_formula else self.types.get(name, pa.string()))
            column = self.columns.setdefault(name, JsonColumn(is_formula=is_formula))
            return column.array(values)
        except OverflowError as error:
            reason = f'"{name}" holds a whole number of more than 64 bits in {self._where}; write it as text, in quotes'
            raise InputInvalid(f"{self.request.file.source}: {reason}.") from error
        except pa.ArrowNotImplementedError as error:
            raise InputInvalid(
                f'{self.request.file.source}: "{name}" holds empty objects, for which there is no type.'
            ) from error
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise InputInvalid(f"{self.request.file.source}: {self._conflict(name)}: {error}.") from error

    @property
    def _where(self) -> str:
        return f"lines {self.lines[0]} to {self.lines[-1]}"

    def _conflict(self, name: str) -> str:
        if self.types is not None:
            return f'the column "{name}" is not of numbers in {self._where}'
        kind = self.columns[name].type
        return f'the key "{name}" holds {kind} at first, and then something else in {self._where}'
