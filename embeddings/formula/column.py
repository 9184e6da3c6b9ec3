"""One column of formulas out of whatever holds it: a list, an array, a Series, or a table with a single column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import InputInvalid
from embeddings.formula.grammar import NOT_CRYSTALS
from embeddings.protocols import is_structure


def items_of(column: Any) -> list[Any]:
    """Return a column as a list.

    Raises:
        InputInvalid: it is no column, or a table of several.
    """
    column = formula_column(column)
    refuse_single(column)
    for method in ("to_list", "tolist", "to_pylist"):
        if hasattr(column, method):
            return getattr(column, method)()
    return list(column)


def formula_column(table: Any) -> Any:
    """Return the one column of formulas in a list, a Series, or a table or array with a single column.

    A table is never gone through as it is: that would yield the names of its columns, which may be elements.

    Raises:
        InputInvalid: there are several columns, or none, or it is a single formula.
    """
    shape = getattr(table, "shape", None)
    if isinstance(table, str | bytes | Mapping):
        refuse_single(table)
    if shape is None or len(shape) == 1:
        return table
    names = _column_names(table)
    if len(shape) != 2 or shape[1] != 1:
        listed = "" if names is None else f" ({', '.join(map(str, names))})"
        raise InputInvalid(
            f"One column of formulas is expected, but this {type(table).__name__} has shape {shape}{listed}. "
            f"{_advice(names)}"
        )
    return table[:, 0] if names is None else table[names[0]]


def refuse_single(column: Any) -> None:
    """Refuse what is no column.

    Raises:
        InputInvalid: it is a single formula, whose letters or elements are no column, or a structure.
    """
    if is_structure(column):
        raise InputInvalid(f"A column of formulas is expected, not one {type(column).__name__}. {NOT_CRYSTALS}")
    if isinstance(column, str | bytes) or not isinstance(column, Iterable) or isinstance(column, Mapping):
        raise InputInvalid(
            f"A column of formulas is expected, such as a list, not one {type(column).__name__}. For one: [formula]."
        )


def _column_names(table: Any) -> Sequence[Any] | None:
    """Return the names of the columns of a pandas, polars or Arrow table; None for an array."""
    names = getattr(table, "column_names", None)  # Arrow's `columns` are the columns themselves
    names = getattr(table, "columns", None) if names is None else names
    return None if names is None else list(names)


def _advice(names: Sequence[Any] | None) -> str:
    if names and all(name in ATOMIC_NUMBERS for name in names):
        return (
            "Columns of amounts become formulas by [{name: x for name, x in row.items() if x > 0} for row in "
            "frame.to_dict('records')], in polars of to_dicts() and in Arrow of to_pylist()."
        )
    return 'Select the column, for instance with ColumnTransformer([("formula", featurizer, "formula")]).'
