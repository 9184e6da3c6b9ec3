"""Keys of mappings: an element, with an oxidation state and a spin if need be, as pymatgen writes its species."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.formula.reader import ISOTOPES, element
from embeddings.formula.refusal import Refusal, shown

_STATE = r"[0-9]*(?:\.[0-9]+)?[+-]|[+-][0-9]+(?:\.[0-9]+)?"
_SPECIES = re.compile(
    rf"([A-Z][a-z]?)(?:\^?(?:{_STATE})|\^\{{(?:{_STATE})\}}|[⁰¹²³⁴⁵⁶⁷⁸⁹]*[⁺⁻]|\s*\([IV]+\)|\s*\((?:{_STATE})\))?"
    r"(?:,?\s*spin=[+-]?[0-9.]+)?"
)
_ION = re.compile(r"([A-Z][a-z]?)(?:[0-9]*(?:\.[0-9]+)?[+-](?:,spin=[+-]?[0-9.]+)?|,spin=[+-]?[0-9.]+)")
_DUMMY = re.compile(r"(X[a-z]{0,2}|Vac|Va|Dum|Q|M)(?=[0-9.]*[+-]|,|$)")


def ion(text: str) -> tuple[str, int] | None:
    """Return the symbol and its position where a string is one element with a charge or a spin, ``Fe2.67+``."""
    found = _ION.fullmatch(text.strip())
    return (found[1], text.index(found[1])) if found else None


def mapped_amounts(formula: Mapping[Any, Any]) -> dict[str, float]:
    """Read a mapping; keys that name the same element (``Fe2+`` and ``Fe3+``) add up.

    Raises:
        Refusal: a key is not an element, or an amount is not a number.
    """
    amounts: dict[str, float] = {}
    for key, given in formula.items():
        symbol = _symbol(str(key))
        amount = _amount(symbol, given)
        amounts[symbol] = amounts.get(symbol, 0.0) + amount
    return amounts


def _symbol(key: str) -> str:
    found = _SPECIES.fullmatch(key.strip())
    if found and (found[1] in ATOMIC_NUMBERS or found[1] in ISOTOPES):
        return element(found[1], None, None)
    if key.startswith("@"):
        raise Refusal(None, f"{shown(key)} is not an element; give the composition of this object (.composition)")
    if _DUMMY.match(key):
        raise Refusal(None, f"{shown(key)} is a dummy species, not an element; leave it out or name an element")
    return element(found[1] if found else key, None, None)


def _amount(symbol: str, given: Any) -> float:
    """Return an amount as a number; a negative one would hide in a sum."""
    try:
        amount = float(given)
    except (TypeError, ValueError):
        raise Refusal(None, f"the amount of {symbol} is {shown(given)}, not a number") from None
    except OverflowError:
        raise Refusal(None, f"the amount of {symbol} is too large for a number") from None
    if amount < 0:
        raise Refusal(None, f"the amount of {symbol}, {amount:g}, is negative")
    return amount
