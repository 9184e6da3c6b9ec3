"""Single cells of a table: which hold nothing, and which are numbers beyond doubt."""

from __future__ import annotations

import math
import re
from numbers import Real
from typing import Any

BLANK = frozenset(
    {"", "nan", "na", "n/a", "n.a.", "n.d.", "none", "null", "nat", "<na>", "-", "--", "\u2013", "\u2014", "?"}
    | {"#n/a", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!"}
)
"""Spellings of no value, in lower case; the last ones are a spreadsheet's."""

SODIUM = "Na"
"""Not blank, in this spelling: a formula, and the name of a class."""

MAX_LENGTH = 100
"""Longer cells are not numbers."""

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
PLAIN = re.compile(NUMBER)
MARKS = str.maketrans({"\u2212": "-", "\u2013": "-", "\ufe63": "-", "\xa0": " ", "\u2009": " ", "\u202f": " "})


def is_blank(cell: Any) -> bool:
    """Whether a cell holds no value."""
    text = "" if cell is None else str(cell).strip()
    return text != SODIUM and text.lower() in BLANK


def as_number(cell: Any) -> float:
    """Return a cell as a number if it is one beyond doubt, or NaN."""
    if isinstance(cell, Real):
        try:
            return float(cell)
        except OverflowError:  # an integer of more than 308 digits, as JSON may have
            return math.nan
    text = str(cell).strip().translate(MARKS)
    return float(text) if len(text) <= MAX_LENGTH and PLAIN.fullmatch(text) else math.nan
