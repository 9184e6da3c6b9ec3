"""What a foreign file says about a structure besides its atoms: numbers that can be learned, names that can be kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from builders.structures.rejections import Unusable
from builders.structures.table import LARGEST_VALUE, OPTIONAL_COLUMNS, STRUCTURE_COLUMNS

BOOLEANS_AS_NUMBERS = "booleans_as_numbers"
VALUES_OUT_OF_RANGE = "values_out_of_range"
VALUES_NOT_NUMBERS = "values_not_numbers"

RESERVED = frozenset((*STRUCTURE_COLUMNS, *OPTIONAL_COLUMNS, "database", "functional"))
"""Columns of a structure table that no property may replace."""

LONGEST_NAME = 255
MOST_PROPERTIES = 1_000
"""The most properties of one structure, and of all structures of a batch together."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE | re.ASCII)


def read_number(text: str) -> float | None:
    """Return the number that a text spells, including NaN and infinity; None if it is not a number.

    Unlike ``float``, it accepts the exponents of Fortran, and no underscores.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text.replace("d", "e").replace("D", "e"))
    return float(text) if _NOT_FINITE.fullmatch(text) else None


def is_number(value: Any) -> bool:
    """Whether a value is a number or boolean, including those of NumPy."""
    return isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating)


def clean_properties(stated: Mapping[str, Any], others: Collection[str], notes: set[str]) -> dict[str, float | None]:
    """Return properties as numbers, None where unknown.

    True and false are 1.0 and 0.0. NaN is unknown. A number beyond `LARGEST_VALUE` and anything that is not a number
    is unknown too, and noted.

    Args:
        stated: name -> value.
        others: names of columns of text.
        notes: counts of what was done are added here.

    Raises:
        Unusable: a name cannot be kept, or belongs to another column; or there are too many.
    """
    if len(stated) > MOST_PROPERTIES:
        raise Unusable("too_large", f"{len(stated):,} properties; the limit is {MOST_PROPERTIES:,}")
    for name in stated:
        if name in RESERVED or name in others:
            raise Unusable(
                "reserved_name", f'a property is called "{name}", the name of a column that every structure has'
            )
        if fault := fault_of_name(name):
            raise Unusable("bad_name", f"the name of a property {fault}")
    return {name: _clean(value, notes) for name, value in stated.items()}


def _clean(value: Any, notes: set[str]) -> float | None:
    if value is None:
        return None
    if not is_number(value):
        notes.add(VALUES_NOT_NUMBERS)
        return None
    if isinstance(value, bool | np.bool_):
        notes.add(BOOLEANS_AS_NUMBERS)
    if value != value:
        return None
    if abs(value) > LARGEST_VALUE:
        notes.add(VALUES_OUT_OF_RANGE)
        return None
    return float(value)


def fault_of_name(name: str) -> str | None:
    """Return why a text cannot be an identifier or the name of a column; None if it can."""
    if not name.strip():
        return "is empty"
    if len(name) > LONGEST_NAME:
        return f"has {len(name):,} characters; the limit is {LONGEST_NAME}"
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        return "is not valid UTF-8"
    return None if name.isprintable() else "has characters that cannot be printed"
