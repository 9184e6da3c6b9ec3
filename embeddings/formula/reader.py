"""One pass over the tokens of a formula whose notation is settled, with a stack of open brackets and no recursion."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import did_you_mean
from embeddings.formula.refusal import Refusal, shown
from embeddings.formula.spelling import probable_spellings

MIN_AMOUNT, MAX_AMOUNT = 1e-9, 1e9
"""Bounds of the amount of one element in a formula unit."""

SEPARATOR = re.compile(r"·|\.(?=\s*[A-Z(\[{])")
"""What joins two parts: a middle dot, or a full stop before a capital letter or a bracket."""

OUT_OF_BOUNDS = f"is not between {MIN_AMOUNT:g} and {MAX_AMOUNT:g}"
ISOTOPES = {"D": "H", "T": "H"}

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(
    r"(?P<symbol>[A-Z][a-z]?)"
    r"|(?P<fraction>[0-9]+/[0-9]+|\(\s*[0-9]+/[0-9]+\s*\))"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-][0-9]{1,3})?)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<dot>" + SEPARATOR.pattern + r")"
    r"|(?P<space>\s+)"
)
_EXPONENT = re.compile(r"(?<=[0-9])[eE]\+?[0-9]+")


def read_amounts(text: str) -> dict[str, float]:
    """Return the amount of each element.

    Raises:
        Refusal: at the first token that does not fit.
    """
    return _Reader(text).read()


@dataclass
class _Group:
    """What an open bracket holds, or the whole formula: parts joined by dots, the last of them not complete."""

    opened: int = -1  # position of the bracket
    in_parts: bool = False  # a dot stands in it, so that a part may have a coefficient
    parts: dict[str, float] = field(default_factory=dict)  # amounts in the parts that are complete
    part: dict[str, float] = field(default_factory=dict)
    coefficient: float | None = None


class _Reader:
    """The state of the pass: the open groups, and the last symbol or group, which a number may multiply."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.with_dots = _brackets_with_dots(text)
        self.groups = [_Group(in_parts=-1 in self.with_dots)]
        self.unit: dict[str, float] | None = None

    def read(self) -> dict[str, float]:
        """Return the amounts, or raise at the first token that does not fit."""
        position = 0
        while position < len(self.text):
            token = _TOKEN.match(self.text, position)
            if token is None:
                raise _unexpected(self.text, position)
            getattr(self, f"_{token.lastgroup}")(token[0], position)
            position = token.end()
        if len(self.groups) > 1:
            opened = self.groups[-1].opened
            raise Refusal(opened, f'the bracket "{self.text[opened]}" is never closed')
        self._dot("", position)
        return self.groups[0].parts

    def _space(self, text: str, position: int) -> None:
        """White space separates words and means nothing else."""

    def _symbol(self, text: str, position: int) -> None:
        self._place_unit()
        self.unit = {element(text, position, self.text): 1.0}

    def _number(self, text: str, position: int) -> None:
        self._multiply(float(text), position)

    def _fraction(self, text: str, position: int) -> None:
        above, below = (float(part) for part in text.strip("() \t").split("/"))
        self._multiply(above / below if below else 0.0, position)

    def _multiply(self, number: float, position: int) -> None:
        """Apply a number to the symbol or group before it, or take it as the coefficient of a part."""
        group = self.groups[-1]
        if not MIN_AMOUNT <= number <= MAX_AMOUNT:
            raise Refusal(position, f"the amount {number:g} {OUT_OF_BOUNDS}")
        if self.unit is not None:
            _add(group.part, self.unit, number)
            self.unit = None
        elif not group.part and group.coefficient is None and group.in_parts:
            group.coefficient = number
        else:
            raise Refusal(position, "there is no element or bracket that this number could belong to")

    def _open(self, text: str, position: int) -> None:
        self._place_unit()
        self.groups.append(_Group(opened=position, in_parts=position in self.with_dots))

    def _close(self, text: str, position: int) -> None:
        if len(self.groups) == 1:
            raise Refusal(position, f'the bracket "{text}" was never opened')
        opened = self.groups[-1].opened
        if _CLOSING[self.text[opened]] != text:
            reason = f'"{text}" closes the bracket "{self.text[opened]}" opened at position {opened + 1}'
            raise Refusal(position, reason)
        if self.unit is None and not self.groups[-1].part and not self.groups[-1].parts:
            raise Refusal(opened, "the brackets hold nothing")
        self._dot(text, position)
        self.unit = self.groups.pop().parts

    def _dot(self, text: str, position: int) -> None:
        """Close a part at a dot, a bracket or the end, and start the next."""
        self._place_unit()
        group = self.groups[-1]
        if not group.part:
            raise Refusal(position, "an element is expected here")
        _add(group.parts, group.part, group.coefficient or 1.0)
        group.part, group.coefficient = {}, None

    def _place_unit(self) -> None:
        """Add the last symbol or group, which no number followed, to what surrounds it."""
        if self.unit is not None:
            _add(self.groups[-1].part, self.unit, 1.0)
            self.unit = None


def _brackets_with_dots(text: str) -> set[int]:
    """Return the positions of the brackets in which a dot joins parts; -1 stands for the whole formula."""
    stops = {match.start() for match in SEPARATOR.finditer(text)}
    found: set[int] = set()
    if not stops:
        return found
    opened = [-1]
    for position, character in enumerate(text):
        if character in "([{":
            opened.append(position)
        elif character in ")]}" and len(opened) > 1:
            opened.pop()
        elif position in stops:
            found.add(opened[-1])
    return found


def _add(into: dict[str, float], amounts: dict[str, float], factor: float) -> None:
    """Add ``factor`` times the amounts into a mapping."""
    for symbol, amount in amounts.items():
        into[symbol] = into.get(symbol, 0.0) + amount * factor


def element(name: str, position: int | None, formula: str | None) -> str:
    """Return the symbol that a name stands for, or say which was probably meant.

    Raises:
        Refusal: there is no such element.
    """
    symbol = ISOTOPES.get(name, name)
    if symbol in ATOMIC_NUMBERS:
        return symbol
    spellings = probable_spellings(formula) if formula is not None else []
    hint = did_you_mean(name, ATOMIC_NUMBERS).replace(" Did", "; did") if formula is None else ""
    raise Refusal(position, f"{shown(name)} is not an element{hint}", spellings, guessed=True)


def _unexpected(text: str, position: int) -> Refusal:
    """Say what is wrong with a character that begins no token."""
    character = text[position]
    exponent = _EXPONENT.match(text, position)
    if exponent:
        return Refusal(position, "scientific notation needs a sign in the exponent, such as 1e-05")
    if character.isascii() and character.islower():
        reason = f'"{character}" begins no element: symbols start with a capital letter'
        return Refusal(position, reason, probable_spellings(text), guessed=True)
    if character in "+-":
        return Refusal(
            position, f'"{character}" may only stand in a charge at the end; an amount such as 7-x needs a number'
        )
    name = unicodedata.name(character, "unnamed character")
    return Refusal(position, f"{shown(character)} (U+{ord(character):04X} {name}) has no meaning in a formula")
