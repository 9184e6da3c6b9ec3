"""Columns that the files of a table write with different types: one type for all, where all mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from builders.sources.table_files import Head
from builders.structures.columns import column_of
from embeddings.errors import SourceError

_IDENTIFIER = "material_id"

_NUMBERS = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)

Types = dict[str, pa.DataType]
"""Column -> the type that all files are given; columns that have one type in all files are not in it."""


def check_units(heads: Iterable[Head]) -> None:
    """Refuse files that state different units for a column; one that states none says nothing.

    Raises:
        SourceError: two units differ.
    """
    units: dict[str, str] = {}
    for head in heads:
        for field in head.schema:
            unit = ((field.metadata or {}).get(b"unit") or b"").decode(errors="replace").strip()
            first = units.setdefault(field.name, unit) if unit else unit
            if unit != first:
                raise SourceError(
                    f"The column {field.name} of {head.name} is in {unit}, and in {first} in the first file that says "
                    "in which. Convert one of them, and state the same unit in both."
                )


def common_types(heads: Iterable[Head]) -> Types:
    """Return the types of columns that are not of one type: float64 for numbers and truth values, text, lists of these.

    Raises:
        SourceError: two types mean different things.
    """
    firsts, types = Types(), Types()
    for head in heads:
        for field in head.schema:
            first = firsts.setdefault(field.name, field.type)
            if field.type != first:
                types[field.name] = _common(field, types.get(field.name, first), head.name)
    return types


def as_common(part: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Return a table whose columns have the types that `common_types` gives."""
    for place, field in enumerate(part.schema):
        wanted = types.get(field.name)
        if wanted is not None and field.type != wanted:
            values = pc.cast(column_of(part, field.name), wanted, safe=False)
            part = part.set_column(place, field.with_type(wanted), values)
    return part


def _common(field: pa.Field, so_far: pa.DataType, file: str) -> pa.DataType:
    known = [kind for kind in (so_far, field.type) if not pa.types.is_null(kind)]
    if len(known) == 1:
        return known[0]
    wide = [_widest(kind) for kind in known]
    if field.name == _IDENTIFIER and all(kind in (pa.float64(), pa.large_string()) for kind in wide):
        return pa.large_string()
    if wide[0] is None or wide[0] != wide[1]:
        raise SourceError(
            f"The column {field.name} of {file} is {field.type}, and {so_far} in the first file that has it. Write "
            "all files with the same types, or leave the column out."
        )
    return wide[0]


def _widest(kind: pa.DataType) -> pa.DataType | None:
    """Return the type that holds whatever types of the same meaning hold; None where there is none."""
    if pa.types.is_dictionary(kind):
        return _widest(kind.value_type)
    if any(is_number(kind) for is_number in _NUMBERS):
        return pa.float64()
    if any(is_text(kind) for is_text in _TEXTS):
        return pa.large_string()
    if any(is_list(kind) for is_list in _LISTS):
        content = _widest(kind.value_type)
        return None if content is None else pa.large_list(content)
    return None
