"""One column of formulas out of whatever a pipeline hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embeddings.errors import InputInvalid
from embeddings.formula.bulk import refuse_single


def formula_column(table: Any) -> Any:
    """Return the one column of formulas in a list, a Series, or a frame or array with a single column.

    Raises:
        InputInvalid: there are several columns, or none, or it is a single formula.
    """
    shape = getattr(table, "shape", None)
    if isinstance(table, str | bytes | Mapping):
        refuse_single(table)
    if shape is None or len(shape) == 1:
        return table
    names = getattr(table, "columns", None)
    if len(shape) != 2 or shape[1] != 1:
        listed = "" if names is None else f" ({', '.join(map(str, names))})"
        raise InputInvalid(
            f"One column of formulas is expected, but this {type(table).__name__} has shape {shape}{listed}. Select "
            'the column, for instance with ColumnTransformer([("formula", featurizer, "formula")]).'
        )
    return table[:, 0] if names is None else table[names[0]]
