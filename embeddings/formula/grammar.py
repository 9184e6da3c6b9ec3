"""The exact reader: one formula in, the amount of every element out, or a reason at a position.

The grammar (docs/formulas.md tells it with examples)::

    formula  = part { dot part } [ charge ]        dot is one of · • ∙ ⋅ ・ *, or a full stop before an element
    part     = [ number ] unit { unit }            a leading number only where there is a dot
    unit     = ( symbol | "(" unit { unit } ")" ) [ number ]        also [ ] and { }
    number   = 2 | 0.5 | 2/3 | (2/3)

D and T count as hydrogen. White space may stand between the words, subscript digits are digits, and a charge
changes nothing. What can be read in two ways is refused, and both readings are named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import FormulaInvalid, did_you_mean
from embeddings.formula.spelling import probable_spellings

MAX_LENGTH = 1000
"""Characters in the longest formula that is read."""
MIN_AMOUNT, MAX_AMOUNT = 1e-9, 1e9
"""Bounds of the amount of one element in a formula unit."""

_OUT_OF_BOUNDS = f"is not between {MIN_AMOUNT:g} and {MAX_AMOUNT:g}"
_ISOTOPES = {"D": "H", "T": "H"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉•∙⋅・*\u2212\u2013", "0123456789·····--")
_TOKEN = re.compile(
    r"(?P<symbol>[A-Z][a-z]?)"
    r"|(?P<fraction>[0-9]+/[0-9]+|\(\s*[0-9]+/[0-9]+\s*\))"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<dot>·|\.(?=\s*[A-Z(\[{]))"
    r"|(?P<space>\s+)"
)
_SEPARATOR = re.compile(r"·|\.(?=\s*[A-Z(\[{])")
_ION = re.compile(r"([A-Z][a-z]?)[0-9]*[+-]")
_CHARGE = re.compile(r"(?:\^(?:\{[0-9]*[+-]\}|[0-9]*[+-]|[+-][0-9]+)|[⁰¹²³⁴⁵⁶⁷⁸⁹]*[⁺⁻]|\s[0-9]*[+-]|\++|-+)$")
_TWO_CHARGES = re.compile(r"(?:[)\]}][0-9]|[0-9.][0-9])[0-9]*[+-]+$")
_TWO_HYDRATES = re.compile(r"\.([1-9][0-9]*)\s*((?:H2O|D2O|NH3|[(\[](?:H2O|D2O|NH3)[)\]]))\s*$")
_BARE_POINT = re.compile(r"(?<![0-9])\.(?=[0-9])")


def parse_formula(formula: Any) -> dict[str, float]:
    """Read one formula into the amount of each element per formula unit.

    Args:
        formula: a string (``"Ca(OH)2"``), a mapping (``{"Ca": 1, "O": 2, "H": 2}``; keys may carry an oxidation
            state, ``"Fe3+"``), a pymatgen ``Composition``, or anything with an ``as_dict`` of that kind.

    Returns:
        Symbol to amount, in order of first appearance; all amounts are positive and finite.

    Raises:
        FormulaInvalid: the formula cannot be read, or can be read in two ways; the message holds the formula
            (shortened), the position counted from 1, and the reason.
    """
    if isinstance(formula, str):
        return _checked(formula, _read(formula))
    if not isinstance(formula, Mapping) and hasattr(formula, "as_dict"):
        formula = formula.as_dict()
    if isinstance(formula, Mapping):
        return _checked(formula, _from_mapping(formula))
    raise FormulaInvalid(
        f"{_shown(formula)} of type {type(formula).__name__} is not a formula; "
        "give a string such as Fe2O3, a mapping of symbols to amounts, or a Composition."
    )


def element_fractions(formula: Any) -> dict[str, float]:
    """Read one formula into atomic fractions: symbol to amount over the sum of amounts.

    Raises:
        FormulaInvalid: as :func:`parse_formula`.
    """
    amounts = parse_formula(formula)
    total = sum(amounts.values())
    return {symbol: amount / total for symbol, amount in amounts.items()}


def _read(formula: str) -> dict[str, float]:
    """Read a string: settle the charge and what reads two ways, then walk the tokens."""
    if len(formula) > MAX_LENGTH:
        raise _invalid(formula, None, f"it has {len(formula):,} characters, and at most {MAX_LENGTH:,} are read")
    if not formula.strip():
        raise _invalid(formula, None, "it is empty")
    text = formula.translate(_PLAIN).rstrip()
    ion = _ION.fullmatch(text.strip())
    if ion:
        return {_element(formula, ion[1], text.index(ion[1])): 1.0}
    _refuse_two_readings(formula, text)
    text = _CHARGE.sub("", text)
    return _Reader(formula, text).read()


def _refuse_two_readings(formula: str, text: str) -> None:
    """Refuse a charge, a hydrate or a decimal point that can be understood in two ways."""
    charge = _TWO_CHARGES.search(text)
    if charge and "^" not in text:
        body, digits, sign = re.fullmatch(r"(.*?)([0-9.]+)([+-]+)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        one = f"{body}{digits[:-1]} with charge {digits[-1]}{sign}"
        reason = f"it has two readings, {one}, and {body}{digits} with charge {sign}; write the charge as ^2-"
        raise _invalid(formula, charge.start() + 1, reason)
    hydrate = _TWO_HYDRATES.search(text)
    if hydrate and not re.search(r"(?<![0-9.])0$", text[: hydrate.start()]):
        before, count, water = text[: hydrate.start()], hydrate[1], hydrate[2]
        separate, decimal = f"{before}·{count}{water}", f"({before}.{count}){water}"
        if not before[-1:].isdigit():
            decimal = f"({before}0.{count}){water}"
        raise _invalid(formula, hydrate.start() + 1, f'it has two readings; write "{separate}" or "{decimal}"')
    point = _BARE_POINT.search(text)
    if point:
        reason = "a decimal point without a digit before it may also separate two parts; write 0. or a middle dot (·)"
        raise _invalid(formula, point.start(), reason)


class _Reader:
    """One pass over the tokens of a formula, with a stack of open brackets and no recursion."""

    def __init__(self, formula: str, text: str) -> None:
        self.formula, self.text = formula, text
        self.in_parts = bool(_SEPARATOR.search(text))
        self.amounts: dict[str, float] = {}  # of the parts that are complete
        self.coefficient: float | None = None  # of the part being read
        self.groups: list[dict[str, float]] = [{}]  # the part, then one group for each open bracket
        self.brackets: list[int] = []  # positions of the open brackets
        self.unit: dict[str, float] | None = None  # the last symbol or group, which a number may multiply

    def read(self) -> dict[str, float]:
        """Return the amounts, or raise at the first token that does not fit."""
        position = 0
        while position < len(self.text):
            token = _TOKEN.match(self.text, position)
            if token is None:
                raise _invalid(self.formula, position, _unexpected(self.formula, self.text, position))
            getattr(self, f"_{token.lastgroup}")(token[0], position)
            position = token.end()
        self._finish_part(position)
        return self.amounts

    def _space(self, text: str, position: int) -> None:
        """White space separates words and means nothing else."""

    def _symbol(self, text: str, position: int) -> None:
        self._place_unit()
        self.unit = {_element(self.formula, text, position): 1.0}

    def _number(self, text: str, position: int) -> None:
        self._multiply(float(text), position)

    def _fraction(self, text: str, position: int) -> None:
        above, below = (float(part) for part in text.strip("() \t").split("/"))
        self._multiply(above / below if below else 0.0, position)

    def _multiply(self, number: float, position: int) -> None:
        """Apply a number to the symbol or group before it, or take it as the coefficient of a part."""
        if not MIN_AMOUNT <= number <= MAX_AMOUNT:
            raise _invalid(self.formula, position, f"the amount {number:g} {_OUT_OF_BOUNDS}")
        if self.unit is not None:
            self.groups[-1] = _added(self.groups[-1], self.unit, number)
            self.unit = None
        elif self.groups == [{}] and self.coefficient is None and self.in_parts:
            self.coefficient = number
        else:
            raise _invalid(self.formula, position, "there is no element or bracket that this number could belong to")

    def _open(self, text: str, position: int) -> None:
        self._place_unit()
        self.groups.append({})
        self.brackets.append(position)

    def _close(self, text: str, position: int) -> None:
        self._place_unit()
        if not self.brackets:
            raise _invalid(self.formula, position, f'the bracket "{text}" was never opened')
        opened = self.brackets.pop()
        if _CLOSING[self.text[opened]] != text:
            reason = f'"{text}" closes the bracket "{self.text[opened]}" opened at position {opened + 1}'
            raise _invalid(self.formula, position, reason)
        self.unit = self.groups.pop()
        if not self.unit:
            raise _invalid(self.formula, opened, "the brackets hold nothing")

    def _dot(self, text: str, position: int) -> None:
        self._finish_part(position)

    def _place_unit(self) -> None:
        """Add the last symbol or group, which no number followed, to what surrounds it."""
        if self.unit is not None:
            self.groups[-1] = _added(self.groups[-1], self.unit, 1.0)
            self.unit = None

    def _finish_part(self, position: int) -> None:
        """Close a part at a dot or at the end, and start the next."""
        self._place_unit()
        if self.brackets:
            opened = self.brackets[-1]
            raise _invalid(self.formula, opened, f'the bracket "{self.text[opened]}" is never closed')
        if not self.groups[0]:
            raise _invalid(self.formula, position, "an element is expected here")
        self.amounts = _added(self.amounts, self.groups[0], self.coefficient or 1.0)
        self.groups, self.coefficient = [{}], None


def _added(into: dict[str, float], amounts: dict[str, float], factor: float) -> dict[str, float]:
    """Add ``factor`` times the amounts into a mapping and return it."""
    for symbol, amount in amounts.items():
        into[symbol] = into.get(symbol, 0.0) + amount * factor
    return into


def _from_mapping(formula: Mapping[Any, Any]) -> dict[str, float]:
    """Read a mapping; keys that name the same element (``Fe2+`` and ``Fe3+``) add up."""
    amounts: dict[str, float] = {}
    for key, amount in formula.items():
        ion = _ION.fullmatch(str(key))
        symbol = _element(formula, ion[1] if ion else str(key), None)
        try:
            amounts[symbol] = amounts.get(symbol, 0.0) + float(amount)
        except (TypeError, ValueError):
            raise _invalid(formula, None, f"the amount of {symbol} is {_shown(amount)}, not a number") from None
    return amounts


def _checked(formula: Any, amounts: dict[str, float]) -> dict[str, float]:
    """Return the amounts if there are any and all are within bounds."""
    if not amounts:
        raise _invalid(formula, None, "it is empty")
    for symbol, amount in amounts.items():
        if not MIN_AMOUNT <= amount <= MAX_AMOUNT:
            raise _invalid(formula, None, f"the amount of {symbol}, {amount:g}, {_OUT_OF_BOUNDS}")
    return amounts


def _element(formula: Any, name: str, position: int | None) -> str:
    """Return the symbol that a name stands for, or say which was probably meant."""
    symbol = _ISOTOPES.get(name, name)
    if symbol in ATOMIC_NUMBERS:
        return symbol
    hint = probable_spellings(formula) if isinstance(formula, str) else ""
    raise _invalid(formula, position, f'"{name}" is not an element{hint or did_you_mean(name, ATOMIC_NUMBERS)}')


def _unexpected(formula: str, text: str, position: int) -> str:
    """Say what is wrong with a character that begins no token."""
    character = text[position]
    if character.isascii() and character.islower():
        return f'"{character}" begins no element: symbols start with a capital letter{probable_spellings(formula)}'
    if character in "+-":
        return f'"{character}" may only stand in a charge at the end; an amount such as 7-x needs a number'
    name = unicodedata.name(character, "unnamed character")
    return f"{_shown(character)} (U+{ord(character):04X} {name}) has no meaning in a formula"


def _shown(value: Any) -> str:
    """Return a value as it may stand in a message: escaped, on one line, at most 60 characters."""
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])
    return text if len(text) <= 60 else f"{text[:44]} ... {text[-10:]}"


def _invalid(formula: Any, position: int | None, reason: str) -> FormulaInvalid:
    """Return the error for a formula; the position is counted from 0 here and from 1 in the message."""
    where = "" if position is None else f" at position {position + 1}"
    stop = "" if reason.endswith("?") else "."
    return FormulaInvalid(f"Formula {_shown(formula)} cannot be read{where}: {reason}{stop}")
