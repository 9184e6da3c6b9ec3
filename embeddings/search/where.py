"""Conditions on the columns of a table, as they are typed: ``formula contains O and band_gap > 1``.

A condition is a column, an operator and a value; several are joined by ``and``. Nothing of it is run as code: it
becomes an expression of Arrow.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import ColumnNotFound, FormulaInvalid, InputInvalid, did_you_mean
from embeddings.formula.bulk import reduced_formulas
from embeddings.tables.cells import as_number

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc

FORMULA = "formula"
"""The column that holds formulas."""

SYNTAX = 'Write conditions like "formula contains O and band_gap > 1"'

_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(==|!=|<=|>=|=|<|>)|([^\s"'=<>!]+))""")
_OPERATORS = {"=": "eq", "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_CONTAINS = ("contains", "has")
_JOINS = ((False, "and"), (False, "AND"))
_ORDER = ("<", "<=", ">", ">=")


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        column: its name.
        operator: one of ``= == != < <= > >= contains has``.
        value: as typed.
    """

    column: str
    operator: str
    value: str


def parse_where(text: str) -> tuple[Condition, ...]:
    """Read conditions.

    Raises:
        InputInvalid: they cannot be read.
    """
    words = _words(text)
    conditions: list[Condition] = []
    while words:
        if conditions and words.pop(0) not in _JOINS:
            raise InputInvalid(f'Join conditions with "and", which is missing in {text!r}. {SYNTAX}.')
        if len(words) < 3 or words[1][0] or words[1][1].lower() not in (*_OPERATORS, *_CONTAINS):
            known = " ".join((*_OPERATORS, *_CONTAINS))
            raise InputInvalid(
                f"The condition {text!r} cannot be read: a column, one of {known}, and a value are needed. {SYNTAX}."
            )
        conditions.append(Condition(words[0][1], words[1][1].lower(), words[2][1]))
        words = words[3:]
    if not conditions:
        raise InputInvalid(f"There is no condition. {SYNTAX}.")
    return tuple(conditions)


def expression_of(where: str, schema: pa.Schema) -> pc.Expression:
    """Return conditions as an expression for a table of this schema; a missing value fulfills none.

    In the column ``formula``, ``contains`` looks for elements and ``=`` compares reduced formulas; in another column of
    text, ``contains`` looks for a part of it, and no number is above or below a text.

    Raises:
        InputInvalid: the conditions cannot be read, or do not fit the types of the columns.
        ColumnNotFound: there is no such column.
        FormulaInvalid: a formula cannot be read.
    """
    joined: Any = None
    for condition in parse_where(where):
        one = _expression(condition, schema)
        joined = one if joined is None else joined & one
    return joined


def columns_of(where: str) -> list[str]:
    """Return the columns that conditions name.

    Raises:
        InputInvalid: the conditions cannot be read.
    """
    return list(dict.fromkeys(condition.column for condition in parse_where(where)))


def _words(text: str) -> list[tuple[bool, str]]:
    """Return the words of a text, and whether each was quoted."""
    words, place = [], 0
    text = text.encode(errors="replace").decode()
    while text[place:].strip():
        match = _WORD.match(text, place)
        if match is None:
            raise InputInvalid(
                f"The condition {text!r} cannot be read from {text[place:].strip()[:20]!r} on. {SYNTAX}."
            )
        quoted = match[1] is not None or match[2] is not None
        words.append((quoted, next(part for part in match.groups() if part is not None)))
        place = match.end()
    return words


def _expression(condition: Condition, schema: pa.Schema) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    name = condition.column
    if name not in schema.names:
        raise ColumnNotFound(
            f'There is no column "{name}".{did_you_mean(name, schema.names)} There are: {", ".join(schema.names)}.'
        )
    kind, field = schema.field(name).type, pc.field(name)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return _of_formula(condition, field) if name == FORMULA else _of_text(condition, field)
    if condition.operator in _CONTAINS:
        raise InputInvalid(
            f'The column "{name}" holds {kind}, so "contains" means nothing there. Compare it with = < or >.'
        )
    value = _typed(condition, kind)
    compared = field.cast(value.type, safe=False) if pa.types.is_integer(kind) else field
    return _operation(condition)(compared, value)


def _of_formula(condition: Condition, field: Any) -> Any:
    if condition.operator in _ORDER:
        raise InputInvalid(f"Formulas have no order, so {condition.operator} cannot compare them. {SYNTAX}.")
    if condition.operator not in _CONTAINS:
        return _operation(condition)(field, _reduced(condition.value))
    import pyarrow.compute as pc

    joined: Any = None
    for symbol in re.split(r"[\s,-]+", condition.value.strip()):
        if symbol not in ATOMIC_NUMBERS:
            raise InputInvalid(f'"{symbol}" is not a chemical element.{did_you_mean(symbol, ATOMIC_NUMBERS)} {SYNTAX}.')
        one = pc.match_substring_regex(field, f"{symbol}([^a-z]|$)")
        joined = one if joined is None else joined & one
    return joined


def _of_text(condition: Condition, field: Any) -> Any:
    if condition.operator in _ORDER and not math.isnan(as_number(condition.value)):
        raise InputInvalid(
            f'The column "{condition.column}" holds text, in whose order 10 comes before 9, so it cannot be compared '
            f"with the number {condition.value}. Leave cells that are not numbers empty."
        )
    if condition.operator not in _CONTAINS:
        return _operation(condition)(field, condition.value)
    import pyarrow.compute as pc

    return pc.match_substring(field, condition.value)


def _reduced(formula: str) -> str:
    try:
        return reduced_formulas([formula])[0]
    except FormulaInvalid as error:
        raise FormulaInvalid(f"{error} {SYNTAX}.") from error


def _operation(condition: Condition) -> Callable[[Any, Any], Any]:
    found: Callable[[Any, Any], Any] = getattr(operator, _OPERATORS[condition.operator])
    return found


def _typed(condition: Condition, kind: pa.DataType) -> pa.Scalar:
    """Return a value as the type of its column; a fraction beside whole numbers stays one."""
    import pyarrow as pa

    wanted = pa.float64() if pa.types.is_integer(kind) and re.search(r"[.eE]", condition.value) else kind
    try:
        return pa.scalar(condition.value).cast(wanted)
    except (pa.ArrowException, ValueError) as error:
        raise InputInvalid(
            f'"{condition.value}" is not {kind}, which is what the column "{condition.column}" holds.'
        ) from error
