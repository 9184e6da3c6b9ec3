"""The digit 0 in the place of the letter O: ``Fe203``, ``Ti02``, ``CuSO4·5H20``.

A 0 is questioned only where nobody would write the number that it stands in: at the start of a number, in a count of
three digits or more after small ones, and in water. ``C60``, ``Al20``, ``Cu108`` and ``Fe20Ni80`` stay what they are.
"""

from __future__ import annotations

import math
import re

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.formula.full_stops import balanced
from embeddings.formula.refusal import Refusal

WATER = 20
"""The amount of hydrogen that a formula of nothing else gives to water: ``H20``."""

_LEADING = re.compile(r"(?<=[A-Za-z])\s*(0)(?=[0-9])(?!0*\.)")
_ALONE = re.compile(r"(?<=[A-Za-z])\s*(0)(?![0-9./,])")
_END = r"(?=\s*(?:$|[·)\]}]|\.\s*[A-Z(\[{]))"
_START = r"(?:^|[·(\[{]|\.(?=\s*[A-Z]))\s*(?:[0-9]+(?:\.[0-9]+|/[0-9]+)?\s*)?"
_LAST = re.compile(
    rf"{_START}(?P<others>(?:[A-Z][a-z]?[0-9]*)*?)(?P<symbol>[A-Z][a-z]?)"
    rf"(?P<count>[1-9][0-9]*?)(?P<zero>0)(?P<oxygen>[1-9][0-9]*){_END}"
)
_HYDRATE = r"(?<=[OFSNrlI)\]}])[1-9][0-9]*\.[1-9][0-9]*"
_WATER = re.compile(rf"(?:{_START}|{_HYDRATE})[HD]2(0){_END}")
_ALKALI = re.compile(rf"(?:{_START})(?:Li|Na|K|Rb|Cs|Cu|Ag|Tl)2(0){_END}")
_UNIT = re.compile(r"([A-Z][a-z]?)([0-9]*)")
_STOP_OF_WATER = re.compile(r"(?<=[0-9])\.(?=[1-9][0-9]*[HD]2O)")
_MAX_COUNT, _MAX_OXYGEN = 20, 50
_DEFECTIVE = 0.9  # share of its oxygen with which a cuprate such as YBa2Cu3O7 has common charges
_MOLECULES = frozenset("H2O2 Li2O2 Na2O2 K2O2 N2O4 P4O6 P4O10 As4O6 Sb4O6".split())
"""Oxides whose amounts have a common divisor."""


def refuse_zeros(text: str) -> None:
    """Refuse a formula in which a digit 0 was probably meant as the letter O.

    Raises:
        Refusal: with the formula that has the letter, and a spelling of what was written.
    """
    if "0" not in text:
        return
    zeros = {found.start(1) for found in _LEADING.finditer(text)}
    known = _with_letter(text, zeros)
    zeros |= {found.start("zero") for found in _LAST.finditer(known) if _is_oxide(found)}
    zeros |= {found.start(1) for found in _WATER.finditer(known)}
    if zeros or "O" not in text:
        zeros |= {found.start(1) for found in _ALONE.finditer(known)}
    if zeros or "·" in text:
        zeros |= {found.start(1) for found in _ALKALI.finditer(known)}
    if zeros:
        meant = _STOP_OF_WATER.sub("·", _with_letter(text, zeros))
        raise Refusal(min(zeros), "the digit 0 may be the letter O", [meant, _as_written(text)])


def _with_letter(text: str, zeros: set[int]) -> str:
    """Return a formula with the letter O at these positions."""
    return "".join("O" if position in zeros else character for position, character in enumerate(text))


def _is_oxide(found: re.Match[str]) -> bool:
    """Whether a large count at the end, split at its 0, makes an oxide of small amounts whose charges add up."""
    others = [(symbol, int(count or 1)) for symbol, count in _UNIT.findall(found["others"])]
    written_ones = any(count == "1" for _, count in _UNIT.findall(found["others"]))
    if written_ones or len(found["count"]) > 2 or len(found["oxygen"]) > 2:
        return False
    amounts = {**dict(others), found["symbol"]: int(found["count"])}
    oxygen = int(found["oxygen"])
    small = max(amounts.values()) <= _MAX_COUNT and oxygen <= _MAX_OXYGEN
    if not small or found["count"] == "1" or "O" in amounts or not amounts.keys() <= ATOMIC_NUMBERS.keys():
        return False
    if len(amounts) > 1:
        return any(balanced({**amounts, "O": oxygen * share}) for share in (1, _DEFECTIVE))
    symbol, count = found["symbol"], int(found["count"])
    name = f"{symbol}{count}O{oxygen}"
    coprime = math.gcd(count, oxygen) == 1 and balanced({symbol: count, "O": oxygen})
    return name in _MOLECULES or (coprime and symbol != "C")  # C304 may be a fullerene


def _as_written(text: str) -> str:
    """Return a spelling of the digits as they stand: ``Ti2`` for ``Ti02``, ``Fe203.0`` for ``Fe203``."""
    plain = re.sub(r"(?<=[A-Za-z])(\s*)0+(?=[1-9])", r"\1", text)
    plain = re.sub(r"[A-Z][a-z]?\s*0+(?![0-9.])", "", plain)
    return re.sub(rf"(?<=[A-Za-z])([0-9]*0[0-9]*){_END}", r"\1.0", plain)
