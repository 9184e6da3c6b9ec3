"""Cells of a measured column: numbers or classes, and what is wrong with a cell that is neither.

A cell is a number only if it can be read in one way. ``1,234`` alone may be 1234 or 1.234; another cell of the column,
such as ``12,5`` or ``1,234,567``, tells which.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.tables.cells import MARKS, MAX_LENGTH, NUMBER, PLAIN, is_blank

YES = frozenset({"true", "yes", "t", "y", "1", "1.0"})
NO = frozenset({"false", "no", "f", "n", "0", "0.0"})

NONE = "none"
"""Blank, but in a column of texts, where it may be a class: no magnetism, no reaction."""

NONE_SHARE = 0.05
"""Of the rows of a column of texts that say so, from which on it is a class."""

FEW_NUMBERS = 6
"""A column of at most this many different whole numbers may be one of classes."""

MIN_GROUPED, MIN_WHOLE = 3, 100
"""Numbers such as 1.037, beside whole ones no smaller than this, may have a full stop between the thousands."""

_COMMA_NUMBER = r"[+-]?(?:\d+(?:,\d+)?|,\d+)(?:[eE][+-]?\d+)?"
_ANY = rf"(?:{NUMBER}|{_COMMA_NUMBER})"
_DECIMAL_COMMA = re.compile(_COMMA_NUMBER)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
_DOTTED_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:\.\d{3}){2,}|(?:\.\d{3})+,\d*)")
_COMMA_EITHER_WAY = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_POINT_EITHER_WAY = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_WITH_UNIT = re.compile(rf"({_ANY})(?:\s+([^\W\d_]\S*|[°%]\S*)|(%))")
_GLUED = re.compile(rf"({_ANY})(°?[^\W\d_]+(?:/[^\W\d_]+)*)")
_WHOLE = re.compile(r"[+-]?\d{1,3}")
_NOT_FINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)

_ODD: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_ANY}\s*(±|\+/-|\+-).*"), "is a value with an uncertainty; give the value alone"),
    (re.compile(r"[+-]?\d*[.,]?\d+\(\d+\).*"), "is a value with an uncertainty in brackets; give the value alone"),
    (re.compile(rf"([<>≤≥≲≳]|<=|>=)\s*{_ANY}.*"), "is a limit, not a value"),
    (
        re.compile(rf"([~≈\u223c]|ca\.?|about|approx\.?)\s*{_ANY}.*", re.IGNORECASE),
        "is an estimate; give a number alone",
    ),
    (re.compile(rf"{_ANY}\s*(-|to|\.\.\.?|…)\s*{_ANY}.*"), "is a range; give one value"),
    (re.compile(rf"{_ANY}\s*[;/|,]\s*{_ANY}.*"), "holds several numbers; give one"),
    (
        re.compile(rf"{_ANY}(?:\s*[x\u00d7*·]\s*10[\^+*-].*|[dD][+-]?\d+)"),
        "is a number in a notation that is not read; write it as 1.2e-3",
    ),
    (re.compile(r"[+-]?\d{1,3}( \d{3})+([.,]\d*)?"), "is a number with spaces in it; write it without"),
    (re.compile(r"[+-]?\d[\d_]*_[\d_]*\d"), "is a number with underscores in it; write it without"),
)
"""What looks like a number and is not clearly one, and what to say of it."""


@dataclass(frozen=True, eq=False)
class Values:
    """A column as it was read.

    Attributes:
        numbers: (n,) float64, for classes the number of the class; NaN where there is no value.
        classes: names of the classes in order; empty for numbers.
        reasons: row -> why it has no value.
        unit: that stands behind the numbers in their cells; empty if none does.
        notes: what was supposed, a sentence each.
    """

    numbers: np.ndarray
    classes: tuple[str, ...] = ()
    reasons: dict[int, str] = field(default_factory=dict)
    unit: str = ""
    notes: tuple[str, ...] = ()


def read_values(cells: Sequence[Any], name: str = "target", unit: str = "") -> Values:
    """Read the cells of a column: two words for yes and no, or text, are classes; anything else is numbers.

    Args:
        cells: n texts, numbers, truth values, or None.
        name: of the column, for what is said of it.
        unit: of the column, such as that of its head; a cell that has it is one of bare numbers.
    """
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    blank = {row: "the value is blank" for row, text in enumerate(texts) if is_blank(text)}
    there = _parted({row: text for row, text in enumerate(texts) if row not in blank})
    words = {text.lower() for text in there.values()}
    if words and words <= YES | NO:
        there = {row: text.removesuffix(".0") for row, text in there.items()}
        return _classes(len(cells), there, blank, name, lambda text: "no" if text.lower() in NO else "yes")
    if 2 * sum(_is_word(text) for text in there.values()) > len(there):
        nones = {row: text for row, text in enumerate(texts) if text.lower() == NONE}
        is_class = len(nones) >= NONE_SHARE * len(texts)
        if is_class:
            there, blank = there | nones, {row: why for row, why in blank.items() if row not in nones}
        made = _classes(len(cells), there, blank, name, str.casefold)
        return replace(made, notes=(*made.notes, *_of_none(name, nones, is_class=is_class)))
    return _numbers(cells, there, blank, name, unit)


def _parted(there: dict[int, str]) -> dict[int, str]:
    """Return the cells with a blank before a unit that most have right behind the number: ``300K`` is ``300 K``.

    Few different numbers, such as those of ``2D`` and ``3D``, are classes.
    """
    found = {row: _GLUED.fullmatch(text.translate(MARKS)) for row, text in there.items() if len(text) <= MAX_LENGTH}
    glued = {row: (match[1], match[2]) for row, match in found.items() if match}
    unit, n = Counter(unit for _, unit in glued.values()).most_common(1)[0] if glued else ("", 0)
    if 2 * n <= len(there) or len({number for number, its in glued.values() if its == unit}) <= FEW_NUMBERS:
        return there
    return {row: " ".join(glued[row]) if row in glued else text for row, text in there.items()}


def _of_none(name: str, nones: Mapping[int, str], *, is_class: bool) -> list[str]:
    """Say how "none" was read in a column of classes."""
    if not nones:
        return []
    if is_class:
        return [
            f'"{name}": "none" is read as a class ({counted(len(nones), "row")}); leave cells empty that have no value.'
        ]
    return [f'"{name}": "none" stands in so few rows ({len(nones):,}) that it is read as no value.']


def _classes(
    n_rows: int, there: dict[int, str], reasons: dict[int, str], name: str, key_of: Callable[[str], str]
) -> Values:
    """Number the classes in the order of their keys; each is named as it is spelled most often."""
    spelled: dict[str, Counter[str]] = {}
    for text in there.values():
        spelled.setdefault(key_of(text), Counter())[text] += 1
    order = {key: number for number, key in enumerate(sorted(spelled))}
    numbers = np.full(n_rows, np.nan)
    numbers[list(there)] = [order[key_of(text)] for text in there.values()]
    names = tuple(spelled[key].most_common(1)[0][0] for key in order)
    several = [sorted(spelled[key]) for key in order if len(spelled[key]) > 1]
    merged = ("; ".join(", ".join(f'"{shortened(one)}"' for one in some) for some in several[:3]),) if several else ()
    return Values(numbers, names, reasons, notes=tuple(f'"{name}": read as one class: {some}.' for some in merged))


def _numbers(cells: Sequence[Any], there: dict[int, str], reasons: dict[int, str], name: str, of_column: str) -> Values:
    """Read numbers; a cell that is not clearly one has a reason."""
    reasons, numbers = dict(reasons), np.full(len(cells), np.nan)
    bare, unit_of = _without_units(there)
    unit_of = {row: of_column if _is_short_for(of_column, unit) else unit for row, unit in unit_of.items()}
    unit = of_column if of_column in unit_of.values() else _common_unit(unit_of, len(there))
    other = (
        f"a unit other than {unit}, that of the column"
        if unit and unit == of_column
        else "a unit that most do not have"
    )
    is_another = bool(of_column and unit and unit != of_column)
    convention = _Convention.of([text for row, text in bare.items() if unit_of.get(row, unit) == unit])
    for row, text in bare.items():
        if unit_of.get(row, unit) != unit:
            reasons[row] = f'the value "{shortened(there[row])}" has {other}; give all in one unit'
            continue
        if is_another and row not in unit_of:
            reasons[row] = f'the value "{shortened(text)}" may be in {of_column}, and most are in {unit}'
            continue
        found = convention.read(text)
        if isinstance(found, str):
            reasons[row] = f'the value "{shortened(there[row])}" {found}'
        else:
            numbers[row] = found
    notes = [f'"{name}" is in {unit}, as its cells say, and not in {of_column}.'] if is_another else []
    return Values(numbers, (), reasons, unit, (*notes, *convention.notes(name), *_few_numbers(numbers, name)))


def _without_units(there: dict[int, str]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the cells without their units, and the unit of each cell that has one."""
    bare, unit_of = {}, {}
    for row, written in there.items():
        text = written.translate(MARKS)
        found = _WITH_UNIT.fullmatch(text) if len(text) <= MAX_LENGTH else None
        is_odd = found and any(pattern.fullmatch(text) for pattern, _ in _ODD)
        bare[row] = found[1] if found and not is_odd else text
        if found and not is_odd:
            unit_of[row] = found[2] or found[3]
    return bare, unit_of


def _is_short_for(of_column: str, unit: str) -> bool:
    """Whether the unit of a cell leaves out what that of its column says: eV of eV/atom, % of wt%."""
    return of_column.startswith(f"{unit}/") or (unit == "%" and of_column.endswith("%"))


def _common_unit(unit_of: dict[int, str], n_there: int) -> str:
    """Return the unit that stands in more than half of the cells, or an empty text."""
    unit, n = Counter(unit_of.values()).most_common(1)[0] if unit_of else ("", 0)
    return unit if 2 * n > n_there else ""


@dataclass(frozen=True)
class _Convention:
    """How the numbers of a column are written: how many cells tell it beyond doubt, by what they tell."""

    points: int  # 1.5
    commas: int  # 1,5
    thousands: int  # 1,234,567 or 1,234.5
    dotted: int  # 1.234.567 or 1.234,5
    is_doubtful: bool = False  # 963 and 1.037, which may be 1037

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Convention:
        clear = [
            t for t in texts if len(t) <= MAX_LENGTH and ("," in t or "." in t) and not _COMMA_EITHER_WAY.fullmatch(t)
        ]
        kinds = (PLAIN, _DECIMAL_COMMA, _THOUSANDS, _DOTTED_THOUSANDS)
        first = Counter(next((k for k, kind in enumerate(kinds) if kind.fullmatch(text)), None) for text in clear)
        points, commas, thousands, dotted = (first[k] for k in range(len(kinds)))
        if dotted:  # then 1.234 is one of them
            points -= sum(1 for text in clear if _POINT_EITHER_WAY.fullmatch(text))
        pointed = [text for text in clear if "." in text]
        grouped = {text for text in pointed if _POINT_EITHER_WAY.fullmatch(text)}
        whole = [abs(int(text)) for text in texts if _WHOLE.fullmatch(text)]
        is_doubtful = len(grouped) >= MIN_GROUPED and len(pointed) == sum(text in grouped for text in pointed)
        is_doubtful &= bool(whole) and min(whole) >= MIN_WHOLE
        return cls(points, commas, thousands, dotted, is_doubtful)

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma stands before the decimals."""
        return self.commas + self.dotted > self.points + self.thousands

    def read(self, text: str) -> float | str:
        """Return a number, or what is wrong with it, as the end of a sentence that begins with the cell."""
        if len(text) > MAX_LENGTH:
            return "is not a number"
        if _NOT_FINITE.fullmatch(text):
            return "is not finite"
        found = self._with_commas(text) if self.decimal_comma else self._with_points(text)
        if found is not None:
            return found if isinstance(found, str) or math.isfinite(found) else "is not finite"
        return next((what for pattern, what in _ODD if pattern.fullmatch(text)), "is not a number")

    def _with_points(self, text: str) -> float | str | None:
        if self.is_doubtful and _POINT_EITHER_WAY.fullmatch(text):
            return _two_ways(text, ".")
        if PLAIN.fullmatch(text):
            return float(text)
        if self.thousands and _THOUSANDS.fullmatch(text):
            return float(text.replace(",", ""))
        if _COMMA_EITHER_WAY.fullmatch(text):
            return _two_ways(text, ",")
        is_other = _DECIMAL_COMMA.fullmatch(text) or _DOTTED_THOUSANDS.fullmatch(text)
        return "has a decimal comma, and most have decimal points" if is_other else None

    def _with_commas(self, text: str) -> float | str | None:
        if _DECIMAL_COMMA.fullmatch(text):
            return float(text.replace(",", "."))
        if _DOTTED_THOUSANDS.fullmatch(text) or (self.dotted and _POINT_EITHER_WAY.fullmatch(text)):
            return float(text.replace(".", "").replace(",", "."))
        if _POINT_EITHER_WAY.fullmatch(text):
            return _two_ways(text, ".")
        is_other = PLAIN.fullmatch(text) or _THOUSANDS.fullmatch(text)
        return "has a decimal point, and most have decimal commas" if is_other else None

    def notes(self, name: str) -> list[str]:
        """Say how commas were read."""
        if self.decimal_comma:
            return [f'"{name}" is written with decimal commas.']
        return [f'"{name}" is written with commas between the thousands.'] if self.thousands else []


def _two_ways(text: str, mark: str) -> str:
    return f'may be {text.replace(mark, "")} or {text.replace(mark, ".")}; write it without "{mark}"'


def _is_word(text: str) -> bool:
    """Whether a text does not even look like a number."""
    text = text.translate(MARKS)
    if len(text) > MAX_LENGTH:
        return True
    looks = (PLAIN, _DECIMAL_COMMA, _THOUSANDS, _DOTTED_THOUSANDS, _WITH_UNIT, _NOT_FINITE)
    return not any(pattern.fullmatch(text) for pattern in (*looks, *(pattern for pattern, _ in _ODD)))


def _few_numbers(numbers: np.ndarray, name: str) -> list[str]:
    """Say that a column of few whole numbers might be one of classes."""
    there = numbers[np.isfinite(numbers)]
    distinct = np.unique(there)
    is_few = 1 < len(distinct) <= FEW_NUMBERS and len(there) >= 5 * len(distinct)
    if not is_few or (distinct != np.round(distinct)).any():
        return []
    shown = ", ".join(f"{number:g}" for number in distinct)
    return [f'"{name}" holds only {shown}, read as numbers; if they are classes, write them as text.']
