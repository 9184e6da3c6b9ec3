"""Formulas in capitals alone: ``SIO2`` may be silica, or sulfur, iodine and oxygen.

A program that knows no small letters wrote ``CU2O``; letter by letter it is carbon, uranium and oxygen. Such a formula
is refused where two-letter symbols make a common compound of it: an anion and metals whose charges add up, or metals
alone. Molecules such as ``COS`` and ``KSCN`` stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product

from embeddings.formula.reader import read_amounts
from embeddings.formula.refusal import Refusal

_METALS = {
    "Bi": ("3", "OSNPF"),
    "Cd": ("2", "OSIF"),
    "Co": ("23", "O"),
    "Cs": ("1", "OSIF"),
    "Cu": ("12", "OSNPIF"),
    "Dy": ("3", "OSNF"),
    "Hf": ("4", "OSNC"),
    "In": ("3", "OSNPIF"),
    "Nb": ("2345", "OSNPC"),
    "Nd": ("3", "OSNF"),
    "Ni": ("23", "OSNPIF"),
    "Pb": ("24", "OSIF"),
    "Pd": ("2", "OS"),
    "Pt": ("24", "OS"),
    "Pu": ("34", "OSNC"),
    "Sb": ("35", "OSIF"),
    "Sc": ("3", "OSNF"),
    "Si": ("4", "OSNC"),
    "Sn": ("24", "OSF"),
    "Tb": ("34", "OSF"),
    "Th": ("4", "OSNC"),
    "Yb": ("3", "OSF"),
}
"""Symbols whose letters are symbols too: their charges, and the anions with which the letters make no molecule."""

_LETTERS = {"K": "1", "Y": "3", "V": "345", "W": "46", "U": "46", "B": "3"}
"""Charges of metals of one letter, and of boron in borates."""

_CHARGE = {"O": 2, "S": 2, "N": 3, "P": 3, "C": 4, "F": 1, "I": 1}
_MIXED = ("Co3O4", "Pb3O4")
PAIRS = tuple(symbol.upper() for symbol in _METALS)
"""Two letters that may be one symbol."""

_PAIR = re.compile("|".join(PAIRS))
_SMALL = re.compile("[a-z]")
_MAX_LENGTH, _MAX_READINGS = 40, 64


def refuse_capitals(text: str) -> None:
    """Refuse a formula without small letters that is a common compound with them.

    Raises:
        Refusal: with that compound, and the spelling of what was written.
    """
    if _SMALL.search(text) or len(text) > _MAX_LENGTH or not (found := _PAIR.search(text)):
        return
    compounds = [spelling for spelling in islice(_readings(text), _MAX_READINGS) if _is_compound(spelling)]
    if compounds:
        ones = re.sub(r"([A-Z])(?![0-9])", r"\g<1>1", text)
        reason = "in capitals alone it may have other elements"
        raise Refusal(found.start(), reason, [*compounds[:2], ones])


def _readings(text: str) -> Iterator[str]:
    """Yield the ways to write some of the pairs of letters as one symbol, most of them first."""
    found = _PAIR.search(text)
    if not found:
        yield text
        return
    start, end = found.span()
    for rest in _readings(text[end:]):
        yield text[: start + 1] + text[start + 1 : end].lower() + rest
    for rest in _readings(text[start + 1 :]):
        yield text[: start + 1] + rest


def _is_compound(spelling: str) -> bool:
    """Whether these are metals and one anion with charges that add up, or metals alone."""
    if spelling in _MIXED:
        return True
    try:
        amounts = read_amounts(spelling)
    except Refusal:
        return False
    if len(amounts) < 2:
        return False
    metals = amounts.keys() & _METALS.keys()
    if metals == amounts.keys():
        return "Yb" not in metals  # as in YBCO
    anions = [symbol for symbol in amounts if symbol not in _METALS and symbol not in _LETTERS]
    anion = anions[0] if len(anions) == 1 else ""
    if not metals or anion not in _CHARGE or any(anion not in _METALS[metal][1] for metal in metals):
        return False
    cations = [symbol for symbol in amounts if symbol != anion]
    charges = product(*(_METALS[symbol][0] if symbol in _METALS else _LETTERS[symbol] for symbol in cations))
    needed = _CHARGE[anion] * amounts[anion]
    is_neutral = any(
        sum(int(charge) * amounts[symbol] for symbol, charge in zip(cations, some, strict=True)) == needed
        for some in charges
    )
    return is_neutral and ("Sn" not in metals or len(cations) == 1)
