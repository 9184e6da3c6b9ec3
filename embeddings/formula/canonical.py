"""One spelling for one composition: the canonical reduced formula.

The spelling is that of pymatgen's ``reduced_formula`` for whole amounts: elements by Pauling electronegativity,
divided by the greatest common divisor, an anion group in brackets, and ``O2 N2 H2 F2 Cl2`` and the peroxides
``Li2O2 Na2O2 K2O2 Rb2O2 Cs2O2 H2O2`` in full. Amounts that are not whole are made whole, so that ``Ho0.5Pt0.5``
is ``HoPt`` and ``Al0.333Nd0.667`` is ``AlNd2``: see :func:`whole_amounts`. A spelling that would be refused, as it is
the short name of something else, has its ones written: ``O1Ar1``; one without ones, such as ``Y3Al5012``, which may
be a garnet with a zero for its O, has its elements turned about. So every canonical formula can be read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from embeddings.elements import SYMBOLS
from embeddings.formula.grammar import is_readable, parse_formula

MAX_UNIT = 20
"""Atoms in the largest formula unit that rounded amounts are taken to mean."""
UNIT_TOLERANCE = 0.005
"""Atoms by which every element of such a unit may differ from a whole number."""
PARTS = 1_000_000
"""Amounts that no small unit explains are kept exactly up to this many atoms, then to parts per million."""

_NOISE = 1e-8
_NONE = math.inf
_PAULING = """
    2.20 -
    0.98 1.57 2.04 2.55 3.04 3.44 3.98 -
    0.93 1.31 1.61 1.90 2.19 2.58 3.16 -
    0.82 1.00 1.36 1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.90 1.65 1.81 2.01 2.18 2.55 2.96 3.00
    0.82 0.95 1.22 1.33 1.60 2.16 1.90 2.20 2.28 2.20 1.93 1.69 1.78 1.96 2.05 2.10 2.66 2.60
    0.79 0.89 1.10 1.12 1.13 1.14 1.13 1.17 1.20 1.20 1.10 1.22 1.23 1.24 1.25 1.10 1.27
    1.30 1.50 2.36 1.90 2.20 2.20 2.28 2.54 2.00 1.62 2.33 2.02 2.00 2.20 2.20
    0.70 0.90 1.10 1.30 1.50 1.38 1.36 1.28 1.30 1.30 1.30 1.30 1.30 1.30 1.30 1.30 1.30
    - - - - - - - - - - - - - - -
"""
ELECTRONEGATIVITY: dict[str, float] = {
    symbol: _NONE if value == "-" else float(value) for symbol, value in zip(SYMBOLS, _PAULING.split(), strict=True)
}
"""Pauling's electronegativity by symbol; infinite where none is known, so that those elements come last."""

_ANION_GAP = 1.65
_MAY_BE_SHORTHAND = re.compile(r"Ac|Ar|Pr|Ts|[A-Z]{3}|VI|^[^a-z]*$|[A-Z]{2}[0-9]{3}|[0-9]0+[1-9][0-9]*$")
_DOUBLED = {"O", "N", "F", "Cl", "H", "LiO", "NaO", "KO", "RbO", "CsO", "HO"}


def reduced_formula(formula: Any) -> str:
    """Return the canonical reduced formula: equal for two formulas when they mean one composition.

    Args:
        formula: anything that :func:`embeddings.formula.parse_formula` reads.

    Raises:
        FormulaInvalid: the formula cannot be read.
    """
    return canonical_spelling(parse_formula(formula))


def canonical_spelling(amounts: Mapping[str, float]) -> str:
    """Write the canonical reduced formula of symbol-to-amount."""
    whole = whole_amounts(amounts)
    symbols = sorted(whole, key=lambda symbol: (ELECTRONEGATIVITY[symbol], symbol))
    spelling = _spelled(symbols, whole)
    if spelling in _DOUBLED:
        return _spelled(symbols, dict.fromkeys(symbols, 2))
    if _MAY_BE_SHORTHAND.search(spelling) and not is_readable(spelling):
        with_ones = _spelled(symbols, whole, one="1")
        return with_ones if is_readable(with_ones) else _spelled(symbols[::-1], whole)
    return spelling


def whole_amounts(amounts: Mapping[str, float]) -> dict[str, int]:
    """Return the amounts as whole numbers without a common divisor.

    Whole amounts stay what they are. Otherwise the smallest formula unit of up to 20 atoms is taken in which
    every element lies within 0.005 atoms of a whole number, at least one; this undoes rounding to three decimals.
    Failing that the amounts are taken exactly as written if that makes at most a million atoms, else rounded to
    parts per million, with at least one part of every element.
    """
    whole = {symbol: round(amount) for symbol, amount in amounts.items()}
    if any(abs(amount - whole[symbol]) > _NOISE or not whole[symbol] for symbol, amount in amounts.items()):
        total = sum(amounts.values())
        fractions = {symbol: amount / total for symbol, amount in amounts.items()}
        whole = _small_unit(fractions) or _exact_unit(amounts) or _parts(fractions)
    divisor = math.gcd(*whole.values())
    return {symbol: amount // divisor for symbol, amount in whole.items()}


def _small_unit(fractions: Mapping[str, float]) -> dict[str, int] | None:
    """Return the smallest unit of up to 20 atoms that the fractions round to, if there is one."""
    for n_atoms in range(len(fractions), MAX_UNIT + 1):
        unit = {}
        for symbol, fraction in fractions.items():
            unit[symbol] = round(fraction * n_atoms)
            if not unit[symbol] or abs(fraction * n_atoms - unit[symbol]) > UNIT_TOLERANCE + _NOISE:
                break
        else:
            return unit
    return None


def _exact_unit(amounts: Mapping[str, float]) -> dict[str, int] | None:
    """Return the unit that holds the amounts exactly, if it has at most a million atoms."""
    exact = {symbol: Fraction(amount).limit_denominator(PARTS) for symbol, amount in amounts.items()}
    scale = math.lcm(*(amount.denominator for amount in exact.values()))
    unit = {symbol: int(amount * scale) for symbol, amount in exact.items()}
    divisor = math.gcd(*unit.values())
    fits = all(unit.values()) and sum(unit.values()) // divisor <= PARTS
    return unit if fits else None


def _parts(fractions: Mapping[str, float]) -> dict[str, int]:
    """Return the fractions in parts per million, at least one part of each."""
    return {symbol: max(1, round(fraction * PARTS)) for symbol, fraction in fractions.items()}


def _spelled(symbols: list[str], whole: Mapping[str, int], one: str = "") -> str:
    """Write symbols and amounts in the order given, the last two in brackets if they form an anion group."""
    group = ""
    if len(symbols) >= 3 and ELECTRONEGATIVITY[symbols[-1]] - ELECTRONEGATIVITY[symbols[-2]] < _ANION_GAP:
        times = math.gcd(whole[symbols[-1]], whole[symbols[-2]])
        if times > 1:
            anion = {symbol: whole[symbol] // times for symbol in symbols[-2:]}
            group, symbols = f"({_spelled(symbols[-2:], anion, one)}){times}", symbols[:-2]
    return "".join(symbol + (one if whole[symbol] == 1 else str(whole[symbol])) for symbol in symbols) + group
