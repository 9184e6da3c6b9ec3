"""Numbers, counts and lists as people read them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def listed(words: Iterable[str]) -> str:
    """Return words as ``"a, b and c"``."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def counted(n: int, noun: str, verb: str = "") -> str:
    """Return ``"1 row"`` or ``"2,000 rows"``; with the verb ``"is"``, ``"1 row is"`` or ``"2,000 rows are"``."""
    return _joined(f"{n:,}", noun if n == 1 else _plural(noun), verb if n == 1 else _of_many(verb))


def share_of(n: int, total: int, noun: str, verb: str) -> str:
    """Return ``"1 of 12 rows is"`` or ``"3 of 12 rows are"``."""
    return _joined(f"{n:,} of", counted(total, noun), verb if n == 1 else _of_many(verb))


def all_of(n: int, noun: str, which: str, verb: str) -> str:
    """Return ``"All 12 rows of a table are"``, or ``"The one row of a table is"``; the words behind may be none."""
    return _joined("The one", noun, which, verb) if n == 1 else _joined("All", counted(n, noun), which, _of_many(verb))


def none_of(n: int, noun: str, which: str, verb: str) -> str:
    """Return ``"None of the 12 rows of a table is"``, or ``"The one row of a table is not"``; also with ``"can"``."""
    if n == 1:
        return _joined("The one", noun, which, "cannot" if verb == "can" else f"{verb} not")
    return _joined(f"None of the {n:,}" if n else "No", _plural(noun) if n else noun, which, verb)


def agreeing(n: int, one: str, many: str) -> str:
    """Return the word that goes with a count: ``agreeing(n, "it", "they")``."""
    return one if n == 1 else many


def span_of(first: str, last: str) -> str:
    """Return ``"mp-1 to mp-9"``, or the one name that both are."""
    return first if first == last else f"{first} to {last}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("ss") else f"{noun}s"


def _of_many(verb: str) -> str:
    return {"is": "are", "was": "were", "has": "have", "does": "do"}.get(verb, verb.removesuffix("s"))


def _joined(*words: str) -> str:
    return " ".join(filter(None, words))


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
    """Return a share as whole percent; what is not nothing is never 0%."""
    whole = round(100 * share)
    return "less than 1%" if whole == 0 and share > 0 else f"{whole}%"


def signed(value: float, digits: int = 3, *, gap: str = "") -> str:
    """Return a number with its sign, and what stands between the two."""
    sign = "\u2212" if value < 0 else "+"
    return f"{sign}{gap}{number(abs(value), digits)}"
