"""Numbers, counts and lists as people read them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def listed(words: Iterable[str]) -> str:
    """Return words as ``"a, b and c"``."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def counted(n: int, noun: str) -> str:
    """Return ``"1 row"`` or ``"2,000 rows"``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("ss") else f"{noun}s"
    return f"{n:,} {noun if n == 1 else plural}"


def number(value: float, digits: int = 3) -> str:
    """Return a few significant digits, thousands separated; a dash for NaN."""
    if not np.isfinite(value):
        return "\u2013" if np.isnan(value) else "infinity"
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(value))))) if value else 0
    return f"{value:,.{decimals}f}"


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit; alone where the unit is ``"unknown"``."""
    return number if unit == "unknown" else f"{number} {unit}"


def percent(share: float) -> str:
    """Return a share as whole per cent; what is not nothing is never 0 %."""
    whole = round(100 * share)
    return "less than 1 %" if whole == 0 and share > 0 else f"{whole} %"


def signed(value: float, digits: int = 3, *, gap: str = "") -> str:
    """Return a number with its sign, and what stands between the two."""
    sign = "\u2212" if value < 0 else "+"
    return f"{sign}{gap}{number(abs(value), digits)}"
