"""POSCAR files by the rules of VASP; a file that contradicts itself is refused.

Existing parsers were tried first: against values worked out by hand they fail or err for Cartesian positions with a
negative scale, three scale factors, files without a line of symbols, and counts that do not fit the symbols.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np

from builders.sources.structures import fractional
from builders.sources.values import read_number
from builders.structures.rejections import Unusable
from embeddings.display.numbers import counted
from embeddings.elements import ATOMIC_NUMBERS

SYMBOLS_FROM_COMMENT = "symbols_from_the_comment_line"
SYMBOLS_FROM_POSITIONS = "symbols_from_the_lines_of_positions"

LARGEST = 1e30
"""Scales and vectors beyond this do not make a lattice, and their products overflow."""

_SYMBOL = re.compile(r"([A-Za-z]+)(?:[_/].*)?")
"""A symbol as a POTCAR spells it, with or without its kind and hash: ``Fe``, ``Fe_pv``, ``Fe_pv/0a1b2c``."""

_COUNTED = re.compile(r"([A-Z][a-z]?)(\d*)")
_LABEL = re.compile(r"([A-Z][a-z]?)(?:\d*[+-])?")
_FRAME = re.compile(r"\s*direct\s+configuration\s*=", re.IGNORECASE)
"""What an XDATCAR has between the positions of two frames."""

_FLAGS = frozenset(("T", "F", ".TRUE.", ".FALSE."))
_ISOTOPES = frozenset("DT")


@dataclass(frozen=True)
class Poscar:
    """What a POSCAR file states.

    Attributes:
        lattice: (3, 3) rows a, b, c in angstrom.
        symbols: of each site, as written.
        frac_coords: (n_sites, 3).
        notes: where the symbols were found, if not in their own line.
    """

    lattice: np.ndarray
    symbols: list[str]
    frac_coords: np.ndarray
    notes: tuple[str, ...] = ()


def read_poscar(text: str) -> Poscar:
    """Read a POSCAR file.

    Raises:
        Unusable: it is not one, or contradicts itself.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lattice, factors = _lattice(lines)
    stated, counts, at = _species(lines)
    n_sites = sum(counts)
    is_selective = _first_letter(lines, at) == "S"
    at += is_selective
    mode = _first_letter(lines, at)
    if not mode.isalpha():
        raise _fault(at, f'"{_line(lines, at).strip()[:40]}" is not Direct or Cartesian')
    positions, labels = _positions(lines, at + 1, n_sites, is_selective)
    _require_end(lines, at + 1 + n_sites, n_sites)
    symbols, notes = _symbols(lines[0], stated, counts, labels)
    if mode not in "CK":
        return Poscar(lattice, symbols, positions, notes)
    return Poscar(lattice, symbols, fractional(lattice, positions * factors), notes)


def _lattice(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lattice in angstrom, and the factors for x, y and z of Cartesian positions."""
    scale = _numbers(lines, 1)
    vectors = np.array([_numbers(lines, at, 3)[:3] for at in (2, 3, 4)])
    if len(scale) not in (1, 3) or 0 in scale or (len(scale) == 3 and min(scale) < 0):
        raise _fault(1, f'"{lines[1].strip()[:40]}" is not a scale: one number, or three above zero')
    if max(map(abs, (*scale, *vectors.ravel()))) > LARGEST:
        raise Unusable("not_finite", f"a number of its lattice is beyond {LARGEST:g}")
    if scale[0] > 0:
        return vectors * np.array(scale), np.broadcast_to(scale, 3)
    volume = abs(np.linalg.det(vectors))
    if not volume:
        raise Unusable("no_volume", "its lattice vectors lie in one plane")
    factor = (-scale[0] / volume) ** (1 / 3)
    return vectors * factor, np.full(3, factor)


def _species(lines: list[str]) -> tuple[list[str] | None, list[int], int]:
    """Return the line of symbols (None in files of version 4), the counts, and the number of the next line."""
    words = _words(lines, 5)
    if words and all(word.isdecimal() for word in words):
        return None, [int(word) for word in words], 6
    counts = _words(lines, 6)
    if not counts or not all(word.isdecimal() for word in counts):
        raise _fault(6, f'"{_line(lines, 6).strip()[:40]}" is not the number of atoms of each element')
    if len(words) != len(counts):
        raise Unusable(
            "wrong_count",
            f"{counted(len(words), 'element')} ({' '.join(words)[:40]}) and {counted(len(counts), 'count')}",
        )
    return words, [int(word) for word in counts], 7


def _positions(lines: list[str], start: int, n_sites: int, is_selective: bool) -> tuple[np.ndarray, list[str | None]]:
    if n_sites > len(lines) - start:
        raise Unusable(
            "wrong_count",
            f"{counted(n_sites, 'atom', 'is')} announced, and {counted(len(lines) - start, 'line', 'is')} left",
        )
    positions, labels = np.empty((n_sites, 3)), list[str | None]()
    for place in range(n_sites):
        if not _line(lines, start + place).strip():
            raise Unusable(
                "wrong_count", f"{counted(n_sites, 'atom', 'is')} announced, with {counted(place, 'position')}"
            )
        positions[place] = _numbers(lines, start + place, 3)[:3]
        rest = _line(lines, start + place).split()[3:]
        if is_selective or (len(rest) >= 3 and _FLAGS.issuperset(word.upper() for word in rest[:3])):
            rest = rest[3:]
        label = _LABEL.fullmatch(rest[0]) if rest else None
        labels.append(label[1] if label and _is_element(label[1]) else None)
    return positions, labels


def _require_end(lines: list[str], at: int, n_sites: int) -> None:
    """Check that no further atom or crystal follows; velocities below a blank line or a heading may."""
    words = _words(lines, at) if at < len(lines) else []
    if len(words) >= 3 and all(read_number(word) is not None for word in words[:3]):
        raise Unusable("wrong_count", f"{counted(n_sites, 'atom', 'is')} announced, and more have a position")
    following = next((k for k in range(at, len(lines)) if lines[k].strip()), len(lines))
    if following < len(lines) and (_FRAME.match(lines[following]) or _begins_another(lines[following:])):
        raise Unusable("several_crystals", f"another one begins at line {following + 1}")


def _begins_another(lines: list[str]) -> bool:
    """True if lines are a scale and three vectors with the counts of atoms behind them."""
    try:
        return bool(np.linalg.det(_lattice(lines)[0])) and sum(_species(lines)[1]) > 0
    except Unusable:
        return False


def _symbols(
    comment: str, stated: list[str] | None, counts: list[int], labels: Sequence[str | None]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the symbol of each site, and a note on where it was found if not in its own line."""
    notes: tuple[str, ...] = ()
    if stated is not None:
        kinds = [_symbol(word) for word in stated]
    elif commented := _commented(comment, counts):
        kinds, notes = commented, (SYMBOLS_FROM_COMMENT,)
    elif labels and all(labels):
        return [label for label in labels if label], (SYMBOLS_FROM_POSITIONS,)
    else:
        raise Unusable("unreadable", "it names no elements: line 6 has the counts, line 1 is not a list of symbols")
    symbols = list(chain.from_iterable(map(repeat, kinds, counts)))
    if stated is None and labels != symbols and Counter(labels) == Counter(symbols):
        return [label for label in labels if label], (SYMBOLS_FROM_POSITIONS,)  # the comment is a sorted formula
    for place, (symbol, label) in enumerate(zip(symbols, labels, strict=True), start=1):
        if label not in (None, symbol):
            raise Unusable("unreadable", f"atom {place} is {symbol} by the counts, and {label} by its own line")
    return symbols, notes


def _symbol(word: str) -> str:
    found = _SYMBOL.fullmatch(word)
    return found[1] if found else word


def _commented(comment: str, counts: list[int]) -> list[str] | None:
    """Return the elements that a comment names, one for each count: ``Na Cl``, or ``Na4 Cl4`` with these counts."""
    found = [_COUNTED.fullmatch(word) for word in comment.split()]
    if len(found) != len(counts):
        return None
    fits = (
        word is not None and _is_element(word[1]) and word[2] in ("", str(count))
        for word, count in zip(found, counts, strict=True)
    )
    return [word[1] for word in found if word] if all(fits) else None


def _is_element(symbol: str) -> bool:
    return symbol in ATOMIC_NUMBERS or symbol in _ISOTOPES


def _numbers(lines: list[str], at: int, least: int = 1) -> list[float]:
    """Return the numbers at the beginning of a line."""
    numbers = []
    for word in _words(lines, at):
        if (number := read_number(word)) is None:
            break
        numbers.append(number)
    if len(numbers) < least:
        raise _fault(at, f'"{_line(lines, at).strip()[:40]}" does not begin with {counted(least, "number")}')
    if not np.isfinite(numbers).all():
        raise Unusable("not_finite", f'line {at + 1}: "{_line(lines, at).strip()[:40]}" is not finite')
    return numbers


def _words(lines: list[str], at: int) -> list[str]:
    return re.split("[!#]", _line(lines, at))[0].split()


def _first_letter(lines: list[str], at: int) -> str:
    return _line(lines, at).strip()[:1].upper()


def _line(lines: list[str], at: int) -> str:
    if at >= len(lines):
        raise Unusable("unreadable", f"it ends before line {at + 1}")
    return lines[at]


def _fault(at: int, what: str) -> Unusable:
    return Unusable("unreadable", f"line {at + 1}: {what}")
