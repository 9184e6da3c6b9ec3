"""Names of alloys: ``Ti-6Al-4V`` counts grams and ``SS316`` counts nothing, where a formula counts atoms."""

from __future__ import annotations

import re

from embeddings.elements import SYMBOLS
from embeddings.formula.refusal import Refusal

_WEIGHTS = """
    1.00794 4.0026 6.941 9.01218 10.811 12.0107 14.0067 15.9994 18.9984 20.1797 22.9898 24.305 26.9815 28.0855 30.9738
    32.065 35.453 39.948 39.0983 40.078 44.9559 47.867 50.9415 51.9961 54.938 55.845 58.9332 58.6934 63.546 65.409
    69.723 72.64 74.9216 78.96 79.904 83.798 85.4678 87.62 88.9059 91.224 92.9064 95.94 98 101.07 102.906 106.42 107.868
    112.411 114.818 118.71 121.76 127.6 126.904 131.293 132.905 137.327 138.905 140.116 140.908 144.242 145 150.36
    151.964 157.25 158.925 162.5 164.93 167.259 168.934 173.04 174.967 178.49 180.948 183.84 186.207 190.23 192.217
    195.084 196.967 200.59 204.383 207.2 208.98 210 210 220 223 226 227 232.038 231.036 238.029
"""
ATOMIC_WEIGHTS = dict(zip(SYMBOLS, map(float, _WEIGHTS.split()), strict=False))
"""Standard atomic weights up to uranium, in grams per mole."""

_TITANIUM = re.compile(r"Ti6Al4V|Ti6Al7Nb|Ti3Al2\.5V|Ti5Al2\.5Sn|Ti6Al2Sn4Zr[26]Mo")
_CAST = re.compile(r"AlSi(?:7|10)Mg|AlSi12")
_GRADE = re.compile(
    r"(?:(?:SS|AISI|SAE|UNS|IN)[\s-]*[A-Z]?[0-9]{3,5}[A-Z]{0,2}|Al[\s-]*[1-8][0-9]{3}|Ti64|AA[\s-]*[1-8][0-9]{3}"
    r"|(?:3(?:04|10|16|21|47)|4(?:10|20|30|40))[LHN]{0,2}|A[ZMS][0-9]{2}[A-E]?|WE[0-9]{2})(?:-[A-Z0-9]+)?"
)
_WORD = re.compile(r"[A-Za-z]{5}")
_TRADE = re.compile(
    r"(?i)\b(?:inconel|hastelloy|monel|incoloy|waspaloy|nimonic|stellite|zircaloy|kovar|invar|nitinol|duralumin|"
    r"stainless|steel|brass|bronze|solder|alloy)(?![a-z])"
)
_BY_WEIGHT = re.compile(
    r"(?:[0-9.]+\s*%?\s*)?[A-Z][a-z]?(?:\s*-\s*(?:[0-9.]+\s*%?\s*)?[A-Z][a-z]?)+\s*(?:\(?wt\.?\s*%?\)?)?"
)
_PIECE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)?\s*%?\s*(?P<symbol>[A-Z][a-z]?)")
_PHASE_OF_ALLOY = re.compile(
    r"(?:[FB]CC|HCP|[FB]CT|DHCP)(?=[\s_-]+[A-Z])\s*[_-]?\s*|(?<=[A-Za-z0-9)\]])(?:[\s_-]+|\s*\()(?:[FB]CC|HCP|[FB]CT|DHCP)\)?$"
)
_CUPRATE = re.compile(r"(?P<metal>[A-Z][a-z]?)[\s-]?(?P<code>[1-3][0-4]{2,3})")
_CUPRATES = {
    "Y Nd Sm Eu Gd Dy Ho Er Yb": {"123": "{}Ba2Cu3O7", "124": "{}Ba2Cu4O8"},
    "Bi": {"2201": "Bi2Sr2CuO6", "2212": "Bi2Sr2CaCu2O8", "2223": "Bi2Sr2Ca2Cu3O10"},
    "Tl": {"2201": "Tl2Ba2CuO6", "2212": "Tl2Ba2CaCu2O8", "2223": "Tl2Ba2Ca2Cu3O10", "1223": "TlBa2Ca2Cu3O9"},
    "Hg": {"1201": "HgBa2CuO4", "1212": "HgBa2CaCu2O6", "1223": "HgBa2Ca2Cu3O8"},
    "La": {"214": "La2CuO4"},
    "Ba Sr Ca": {"122": "{}Fe2As2"},
}
"""Superconductors that are named by their first metal and the amounts of all but oxygen or arsenic."""

_NO_FORMULA = "it is the name of an alloy, not its composition; write its elements with atomic amounts"


def refuse_alloys(text: str) -> None:
    """Refuse the names of alloys, also those that read as a formula.

    Raises:
        Refusal: with the atomic amounts of an alloy by weight.
    """
    name = text.strip()
    if _TITANIUM.fullmatch(name):
        raise _by_weight(name, _ones(name))
    if _CAST.fullmatch(name):
        raise Refusal(0, "it names an alloy by weight; to count atoms, write the ones too", [_ones(name)])
    _refuse_superconductors(name)
    if found := _PHASE_OF_ALLOY.search(name):
        reason = "the name of a phase is not part of a formula"
        raise Refusal(found.start(), reason, [name[: found.start()] + name[found.end() :]])
    if _GRADE.fullmatch(name) or (_WORD.search(name) and _TRADE.search(name)):
        raise Refusal(None, _NO_FORMULA, final=True)
    if "-" in name and _BY_WEIGHT.fullmatch(name):
        raise _by_weight(name, None) if re.search("[0-9]", name) else _system(name)


def _refuse_superconductors(name: str) -> None:
    """Refuse ``Y123`` and ``Bi-2212``, which are not a metal alone."""
    found = _CUPRATE.fullmatch(name)
    metal, code = (found["metal"], found["code"]) if found else ("", "")
    meant = next((named[code] for metals, named in _CUPRATES.items() if metal in metals.split() and code in named), "")
    if meant:
        raise Refusal(
            0, f"{name} is also the short name of a superconductor", [meant.format(metal), f"{metal}{code}.0"]
        )


def _by_weight(name: str, as_written: str | None) -> Refusal:
    """Say that an alloy is named by weight, and write it by atoms, and as it would be if atoms were meant."""
    percent = _weight_percent(name)
    reason = "it names an alloy, as a rule by weight percent, and a formula counts atoms"
    if not percent or not percent.keys() <= ATOMIC_WEIGHTS.keys():
        return Refusal(0, reason, [] if as_written is None else [as_written])
    moles = {symbol: share / ATOMIC_WEIGHTS[symbol] for symbol, share in percent.items()}
    total = sum(moles.values())
    by_atoms = "".join(f"{symbol}{amount / total:.4f}" for symbol, amount in moles.items())
    atomic = "".join(f"{symbol}{share:g}" for symbol, share in percent.items())
    return Refusal(0, f"{reason}; by weight or by atoms", [by_atoms, as_written or atomic])


def _weight_percent(name: str) -> dict[str, float]:
    """Return the percent of each element, the one without a number as the rest; nothing where they do not add up."""
    pieces = [(found["symbol"], found["number"]) for found in _PIECE.finditer(name)]
    given = {symbol: float(number) for symbol, number in pieces if number}
    rest = [symbol for symbol, number in pieces if not number]
    total = sum(given.values())
    fits = len({symbol for symbol, _ in pieces}) == len(pieces) and len(rest) <= 1
    if not fits or (total >= 100 if rest else abs(total - 100) > 1e-6):
        return {}
    return {symbol: given.get(symbol, 100 - total) for symbol, _ in pieces}


def _system(name: str) -> Refusal:
    """Say that a chemical system has no amounts."""
    symbols = re.split(r"\s*-\s*", name)
    example = "".join(symbol + f"{1 / len(symbols):.2g}" for symbol in symbols)
    return Refusal(0, "it lists elements without amounts, which may be equal", [example])


def _ones(name: str) -> str:
    """Return a formula with the amounts of one written out."""
    return re.sub(r"([A-Z][a-z]?)(?![a-z0-9])", r"\g<1>1", name)
