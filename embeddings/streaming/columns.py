"""Columns of text files: which of them are numbers, and arrays of what stands in them.

A column of a CSV file is of numbers only if every value in the whole file comes back with the same letters when the
number is written again. ``007``, ``1.10``, ``1e5``, ``0x10``, ``NaN`` and an identifier of 23 digits are text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from embeddings.tables.objects import as_json

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"
_SHORT = r"^(0|-?[1-9][0-9]*|-?0\.[0-9]{0,3}[1-9][0-9]*|-?[1-9][0-9]*\.[0-9]+)$"  # repr() writes these with a point
_FEW = 256
_STYLES: dict[str, tuple[str, Callable[[str], str]]] = {
    "whole": (_WHOLE, lambda text: str(int(text)) if -(1 << 63) <= int(text) < 1 << 63 else ""),
    "bare": (r"[^0]$|^-?[0-9]*$", lambda text: "" if text == "-0" else _written(text).removesuffix(".0")),
    "pointed": (r"\.([0-9]*[1-9]|0)$", lambda text: _written(text)),
}


def number_columns(rows: Iterable[Sequence[str]], names: Sequence[str], *, n_rows: int) -> dict[str, pa.DataType]:
    """Return the type of every column whose values all come back from a number with the same letters.

    Args:
        rows: all rows of a file, with a field for each name; empty fields say nothing about a column.
        names: of the columns.
        n_rows: how many rows are looked at together.
    """
    import pyarrow as pa

    styles = {index: set(_STYLES) for index in range(len(names))}
    filled: set[int] = set()
    rows = iter(rows)
    while styles and (some := list(islice(rows, n_rows))):
        for index in list(styles):
            values = [row[index] for row in some if row[index]]
            if values:
                filled.add(index)
                styles[index] = {style for style in styles[index] if _all_come_back(values, style)}
            if not styles[index]:
                del styles[index]
    found = {names[index]: kinds for index, kinds in styles.items() if index in filled}
    return {name: pa.int64() if "whole" in kinds else pa.float64() for name, kinds in found.items()}


def float_type() -> pa.DataType:
    """Return the type of a column of numbers."""
    import pyarrow as pa

    return pa.float64()


def _all_come_back(values: list[str], style: str) -> bool:
    """Whether all values are written as this style writes them."""
    write = _STYLES[style][1]
    if not _comes_back(values[0], write):
        return False
    rest = values if len(values) < _FEW else _unclear(values, style)
    return all(_comes_back(text, write) for text in rest)


def _unclear(texts: list[str], style: str) -> list[str]:
    """Return the values that are not short enough to be judged by their form alone, many at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    form, values = _STYLES[style][0], pa.array(texts, pa.string())
    known = pc.match_substring_regex(values, form)
    if style != "whole":
        short = pc.and_(pc.less_equal(pc.utf8_length(values), 15), pc.match_substring_regex(values, _SHORT))
        known = pc.and_(known, short)
    return values.filter(pc.invert(known)).to_pylist()


def _comes_back(text: str, write: Callable[[str], str]) -> bool:
    try:
        return write(text) == text
    except ValueError:
        return False


def _written(text: str) -> str:
    """Return a finite number as Python writes it, and nothing for another."""
    number = float(text)
    return repr(number) if math.isfinite(number) else ""


def from_text(values: Sequence[str], wanted: pa.DataType) -> pa.Array:
    """Return the fields of a CSV column as an array; an empty field is missing, but in a column of text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(values, type=pa.string())
    if wanted == pa.string():
        return text
    return pc.cast(pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text), wanted)


class JsonColumn:
    """The values of one key, batch after batch: of the type that the first batch has, or JSON where it has several."""

    def __init__(self, *, is_formula: bool) -> None:
        self.type: pa.DataType | None = None
        self.dump: Callable[[Any], str] | None = _as_text if is_formula else None

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Return values as an array.

        Raises:
            OverflowError: a whole number of more than 64 bits.
            TypeError, ValueError: they do not fit what the first batch held.
        """
        import pyarrow as pa

        if self.dump is None:
            self._settle(values)
        if self.dump is not None:
            values = [None if value is None else self.dump(value) for value in values]
            return pa.array(values, type=pa.string())
        return pa.array(values, type=self.type)

    def _settle(self, values: Sequence[Any]) -> None:
        """Settle the type by the first batch, or how text is written by the first that has a value."""
        import pyarrow as pa

        if self.type is None:
            try:
                self.type = pa.array(values).type
                _refuse_empty_objects(self.type)
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                self.type, self.dump = pa.string(), as_json
            if pa.types.is_null(self.type):
                self.type = pa.string()
        if self.type == pa.string() and self.dump is None and any(value is not None for value in values):
            is_text = all(value is None or isinstance(value, str) for value in values)
            self.dump = _plain if is_text else as_json


def _refuse_empty_objects(kind: pa.DataType) -> None:
    """Refuse a type that holds objects without keys, which no format can store."""
    import pyarrow as pa

    if pa.types.is_struct(kind) and not kind.num_fields:
        raise pa.ArrowNotImplementedError("an object without keys")
    for index in range(kind.num_fields):
        _refuse_empty_objects(kind.field(index).type)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def _plain(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{as_json(value)[:60]} is not text")
    return value
