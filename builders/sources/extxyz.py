"""Extended XYZ, frame by frame: a bad frame is named, and reading resumes at the next one.

Not read with ASE, whose reader stops at the first bad frame, does not know deuterium, and turns identifiers such as
``0012`` or ``1.10`` into numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from builders.sources.disorder import ISOTOPES, Site
from builders.sources.kinds import shares_in_json, sites_of_kinds
from builders.sources.structures import require_periodic
from builders.sources.units import require_angstrom
from builders.sources.values import read_number
from builders.structures.rejections import Unusable
from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import SourceError

MOST_ATOMS = 100_000
"""A frame with more atoms is not read."""

LONGEST_LINE = 10_000_000
"""Characters of a line; a longer one is not extended XYZ."""

_COUNT = re.compile(r"\s*\d{1,18}\s*", re.ASCII)
_PAIR = re.compile(
    r"""("(?:\\.|[^"\\])*"|[^\s="]+)        # a key
        (?:\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^}]*\}|\[[^\]]*\]|\S*))?   # its value""",
    re.VERBOSE,
)
_BOOLEANS = {"T": True, "F": False, "true": True, "false": False, "True": True, "False": False}
_BOOLEANS |= {"TRUE": True, "FALSE": False}
_SPELLED = {"lattice": "Lattice", "properties": "Properties", "pbc": "pbc"}
"""Keys of the cell and the columns, which mean the same in any case."""


@dataclass
class Frame:
    """Lines of one frame.

    Attributes:
        number: its place in the file, starting at 1.
        announced: number of atoms on its first line.
        comment: its second line.
        lines: those of the atoms, and those that begin with VEC.
        fault: reason and detail of a known fault.
    """

    number: int
    announced: int
    comment: str
    lines: list[str] = field(default_factory=list)
    fault: tuple[str, str] | None = None


@dataclass(frozen=True)
class XyzCrystal:
    """What a frame states.

    Attributes:
        lattice: (3, 3) rows a, b, c in angstrom.
        sites: what is on the place of each atom.
        positions: (n_atoms, 3) Cartesian, angstrom.
        stated: key -> number, boolean or text, except the keys that describe the cell and the columns.
        spelled: key -> its value as text.
    """

    lattice: np.ndarray
    sites: list[Site]
    positions: np.ndarray
    stated: dict[str, Any]
    spelled: dict[str, str]


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file; bad ones carry their fault.

    Raises:
        SourceError: it has no frame, or cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            yield from _frames(_Lines(file, path))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


class _Lines:
    """Lines of a file, with a look at the next two."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.path, self._file, self._ahead = path, file, list[str]()

    def peek(self, place: int = 0) -> str | None:
        """Return one of the next lines without consuming it, None after the end."""
        while len(self._ahead) <= place:
            line = self._file.readline(LONGEST_LINE)
            if len(line) == LONGEST_LINE:
                raise SourceError(f"{self.path} is not extended XYZ: a line has {LONGEST_LINE:,} characters or more.")
            if not line:
                return None
            self._ahead.append(line)
        return self._ahead[place]

    def take(self) -> str:
        """Return the next line and advance."""
        line = self.peek() or ""
        del self._ahead[:1]
        return line

    def begins_frame(self, *, surely: bool = False) -> bool:
        """True if a count and a comment come; ``surely`` if the comment has the form of extended XYZ."""
        count, comment = self.peek(), self.peek(1)
        if count is None or not _COUNT.fullmatch(count):
            return False
        return not surely or (comment is not None and "=" in comment)


def _frames(lines: _Lines) -> Iterator[Frame]:
    number, found_any = 0, False
    while lines.peek() is not None:
        if not (lines.peek() or "").strip():
            lines.take()
            continue
        number += 1
        if lines.begins_frame():
            found_any = True
            yield _frame(lines, number)
        else:
            fault = ("unreadable", f"{counted(_skip(lines), 'line')} without a number of atoms at the beginning")
            yield Frame(number, 0, "", fault=fault)
    if not found_any:
        raise SourceError(f"{lines.path} is not extended XYZ: no frame begins with a number of atoms.")


def _frame(lines: _Lines, number: int) -> Frame:
    frame = Frame(number, announced=int(lines.take()), comment=lines.take())
    n_atoms = 0
    while n_atoms < frame.announced and lines.peek() is not None and not lines.begins_frame(surely=True):
        line = lines.take()
        n_atoms += 1
        if frame.announced <= MOST_ATOMS:
            frame.lines.append(line)
    if n_atoms < frame.announced:
        frame.fault = (
            "wrong_count",
            f"{counted(frame.announced, 'atom', 'is')} announced, and {counted(n_atoms, 'atom', 'is')} there",
        )
    elif frame.announced > MOST_ATOMS:
        frame.fault = ("too_large", f"{frame.announced:,} atoms; the limit is {MOST_ATOMS:,}")
    while (lines.peek() or "").lstrip().startswith("VEC"):
        frame.lines.append(lines.take())
    n_more = _skip(lines)
    if n_more and not frame.fault:
        frame.fault = (
            "wrong_count",
            f"{counted(frame.announced, 'atom', 'is')} announced, and {counted(n_more, 'more line', 'follows')}",
        )
    return frame


def _skip(lines: _Lines) -> int:
    """Advance to the beginning of the next frame, and return how many lines that are not empty were skipped."""
    n_lines = 0
    while (line := lines.peek()) is not None and not lines.begins_frame(surely=n_lines > 0):
        n_lines += bool(line.strip())
        lines.take()
    return n_lines


def read_crystal(frame: Frame) -> XyzCrystal:
    """Read a frame.

    Raises:
        Unusable: it is bad, or not periodic in three directions.
    """
    if frame.fault:
        raise Unusable(*frame.fault)
    spelled = read_comment(frame.comment)
    require_angstrom(spelled)
    lattice = _lattice(spelled, frame)
    columns = _columns(spelled.pop("Properties", "species:S:1:pos:R:3"))
    rows = [line.split() for line in frame.lines[: frame.announced]]
    width = max(place.stop for place in columns.values())
    for place, row in enumerate(rows, start=1):
        if len(row) < width:
            raise Unusable("wrong_count", f"atom {place} has {counted(len(row), 'column')}, not {width}")
    positions = [
        _row_numbers(row[columns["pos"]], f"the position of atom {place}") for place, row in enumerate(rows, start=1)
    ]
    stated = {key: _value(text) for key, text in spelled.items()}
    return XyzCrystal(lattice, _sites(rows, columns, spelled), np.array(positions).reshape(-1, 3), stated, spelled)


def read_comment(line: str) -> dict[str, str]:
    """Return the keys of a comment line and the texts of their values; bare words are left out.

    Raises:
        Unusable: a key stands there twice, with values that differ.
    """
    pairs: dict[str, str] = {}
    for spelling, value in _PAIR.findall(line):
        if value:
            key = _unquoted(spelling)
            key, text = _SPELLED.get(key.lower(), key), _unquoted(value)
            if pairs.setdefault(key, text) != text:
                raise Unusable("unreadable", f'"{key[:40]}" stands there twice: {pairs[key][:40]}, {text[:40]}')
    return pairs


def _unquoted(text: str) -> str:
    is_quoted = len(text) >= 2 and (text[0] + text[-1]) in ('""', "''", "{}", "[]")
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if is_quoted else text


def _value(text: str) -> Any:
    number = read_number(text)
    return _BOOLEANS.get(text, text) if number is None else number


def _lattice(spelled: dict[str, str], frame: Frame) -> np.ndarray:
    vectors = [line.split()[1:4] for line in frame.lines[frame.announced :]]
    below = " ".join(word for vector in vectors for word in vector) if len(vectors) == 3 else ""
    words = spelled.pop("Lattice", below).replace(",", " ").split()
    flags = spelled.pop("pbc", "T T T").replace(",", " ").replace("1", "T").replace("0", "F").split()
    if not words:
        raise Unusable("no_cell", "it has no lattice")
    if len(words) not in (3, 9):
        raise Unusable("no_structure", f"its lattice has {counted(len(words), 'number')}, not nine")
    if len(flags) not in (1, 3) or not _BOOLEANS.keys() >= set(flags):
        raise Unusable("no_structure", f'its pbc "{" ".join(flags)[:40]}" is not three of T and F')
    require_periodic([_BOOLEANS[flag] for flag in (flags * 3)[:3]])
    numbers = _row_numbers(words, "its lattice")
    return np.diag(numbers) if len(numbers) == 3 else np.reshape(numbers, (3, 3))


def _columns(text: str) -> dict[str, slice]:
    """Return which columns hold what."""
    parts = text.split(":")
    columns: dict[str, slice] = {}
    at = 0
    for name, kind, n in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if kind not in ("S", "R", "I", "L") or not n.isdecimal() or len(n) > 6 or name in columns:
            raise Unusable("no_structure", f'its Properties "{text[:80]}" are not name:type:width and so on')
        columns[name] = slice(at, at + int(n))
        at += int(n)
    needed = columns.keys() & {"species", "Z"}
    if len(parts) % 3 or "pos" not in columns or not needed or columns["pos"].stop - columns["pos"].start != 3:
        raise Unusable("no_structure", f'its Properties "{text[:80]}" lack species:S:1 or pos:R:3')
    return columns


def _sites(rows: Sequence[Sequence[str]], columns: Mapping[str, slice], spelled: Mapping[str, str]) -> list[Site]:
    """Return what is on each place; ASE states the shares of disordered sites by their kinds."""
    symbols = _symbols(rows, columns)
    if "occupancy" in columns:
        shares = [_row_numbers(row[columns["occupancy"]], "an occupancy") for row in rows]
        return [{symbol: share[0]} for symbol, share in zip(symbols, shares, strict=True)]
    kinds = columns.get("spacegroup_kinds")
    return sites_of_kinds(
        symbols, None if kinds is None else [row[kinds.start] for row in rows], shares_in_json(spelled.get("occupancy"))
    )


def _symbols(rows: Sequence[Sequence[str]], columns: Mapping[str, slice]) -> list[str]:
    if "species" not in columns:
        return [_symbol_of(row[columns["Z"].start]) for row in rows]
    symbols = [row[columns["species"].start] for row in rows]
    if "Z" in columns:
        for place, (symbol, row) in enumerate(zip(symbols, rows, strict=True), start=1):
            other = _symbol_of(row[columns["Z"].start])
            if ISOTOPES.get(symbol, symbol) != other:
                raise Unusable("unreadable", f"atom {place} is {symbol[:20]} by its species, and {other} by its Z")
    return symbols


def _symbol_of(number: str) -> str:
    if not number.isdecimal() or not 1 <= int(number[:6]) <= len(SYMBOLS):
        raise Unusable("unknown_element", f'"{number[:20]}" is not an atomic number')
    return SYMBOLS[int(number) - 1]


def _row_numbers(words: Sequence[str], where: str) -> list[float]:
    numbers = [read_number(word) for word in words]
    if None in numbers:
        raise Unusable("unreadable", f'"{words[numbers.index(None)][:40]}" in {where} is not a number')
    return [number for number in numbers if number is not None]
