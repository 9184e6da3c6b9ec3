"""The fast reader: many plain formulas at once, vectorized over the bytes of their text.

Plain means element symbols, amounts such as ``2`` and ``0.25``, and round brackets that are not nested. Whatever is
not plain, not valid, or in doubt is only marked; :mod:`embeddings.formula.grammar` then has the last word on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.formula.capitals import PAIRS
from embeddings.formula.reader import MAX_AMOUNT, MIN_AMOUNT
from embeddings.formula.shorthand import METALS
from embeddings.formula.zeros import WATER

_OTHER, _END, _UPPER, _LOWER, _OPEN, _CLOSE, _DIGIT, _POINT = range(8)
_MAX_DIGITS = 15
_MAX_SPLIT = 5  # digits of a number that may be two counts, one on either side of the letter O

_KIND = np.full(256, _OTHER, dtype=np.uint8)
for _kind, _characters in {
    _END: b"\n",
    _UPPER: bytes(range(ord("A"), ord("Z") + 1)),
    _LOWER: bytes(range(ord("a"), ord("z") + 1)),
    _OPEN: b"(",
    _CLOSE: b")",
    _DIGIT: b"0123456789",
    _POINT: b".",
}.items():
    _KIND[list(_characters)] = _kind

_FOLLOWS = np.zeros((8, 8), dtype=bool)  # _FOLLOWS[a, b]: a character of kind b may stand after one of kind a
for _before, _after in {
    _END: (_UPPER, _OPEN),
    _UPPER: (_UPPER, _LOWER, _OPEN, _CLOSE, _DIGIT, _END),
    _LOWER: (_UPPER, _OPEN, _CLOSE, _DIGIT, _END),
    _OPEN: (_UPPER,),
    _CLOSE: (_UPPER, _OPEN, _DIGIT, _END),
    _DIGIT: (_UPPER, _OPEN, _CLOSE, _DIGIT, _POINT, _END),
    _POINT: (_DIGIT,),
}.items():
    _FOLLOWS[_before, list(_after)] = True

_SYMBOL = np.zeros((128, 128), dtype=np.uint8)  # atomic number by first and second byte; 0 as second: one letter
for _symbol, _number in {**ATOMIC_NUMBERS, "D": 1, "T": 1}.items():
    _SYMBOL[ord(_symbol[0]), ord(_symbol[1]) if len(_symbol) == 2 else 0] = _number

_H, _B, _O, _NA, _AL, _SI = (ATOMIC_NUMBERS[_symbol] for _symbol in "H B O Na Al Si".split())
_TI, _V, _IN, _I, _PR, _AC = (ATOMIC_NUMBERS[_symbol] for _symbol in "Ti V In I Pr Ac".split())
_ALONE = np.zeros(256, dtype=bool)  # symbols that may not mean the element, or may start an alloy's name
_ALONE[[_H, _AL, _TI, _V, _IN, _I, _AC]] = True
_BESIDE = np.zeros((256, 256), dtype=bool)  # _BESIDE[a, b]: a before b may be part of an acronym, numeral or name
for _pair in "O-Ac O-Pr O-Ar O-Ts Ts-O Ts-Cl H-Ac Na-Ac F-O F-S B-C C-I I-V V-I I-N Ti-Al Al-Si Pr-O Ac-O".split():
    _BESIDE[tuple(ATOMIC_NUMBERS[_symbol] for _symbol in _pair.split("-"))] = True
_BESIDE[[ATOMIC_NUMBERS[_symbol] for _symbol in METALS], ATOMIC_NUMBERS["Ac"]] = True
_PAIRED = np.zeros((256, 256), dtype=bool)  # _PAIRED[a, b]: two capitals that may be one symbol
for _pair in PAIRS:
    _PAIRED[ord(_pair[0]), ord(_pair[1])] = True
_LARGE = 64  # an amount of the only element from which on it may be the name of an alloy or a superconductor


@dataclass(frozen=True)
class Scan:
    """What was read of ``n_rows`` formulas: the symbols of all plain rows, one after the other."""

    plain: np.ndarray  # (n_rows,) bool: read here; the others are left to the exact reader
    rows: np.ndarray  # (n_symbols,) row of each symbol, ascending
    atomic_numbers: np.ndarray  # (n_symbols,) uint8, distinct within a row
    amounts: np.ndarray  # (n_symbols,) float64


def scan(formulas: list[str]) -> Scan:
    """Read the plain ones among many formulas; none of them may hold a line break."""
    text = _Text(formulas)
    values = text.amounts_by_position()
    rows, numbers, amounts = text.symbols(values)
    text.reject_repeats(rows, numbers)
    kept = text.plain[rows]
    return Scan(text.plain, rows[kept], numbers[kept], amounts[kept])


class _Text:
    """The formulas as one line of bytes each, and the rows found not to be plain."""

    def __init__(self, formulas: list[str]) -> None:
        joined = "\n".join(formulas) + "\n"
        self.bytes = _without_word_spaces(np.frombuffer(joined.encode("utf-8", "replace"), dtype=np.uint8))
        self.kind = _KIND[self.bytes]
        before = np.concatenate([[np.uint8(_END)], self.kind[:-1]])
        self.plain = np.ones(len(formulas), dtype=bool)
        self.row = np.cumsum(before == _END, dtype=np.int32) - 1
        self.ends = np.flatnonzero(self.kind == _END)  # of each row
        self.reject(np.flatnonzero(~_FOLLOWS[before, self.kind]))
        self._reject_capitals()

    def _reject_capitals(self) -> None:
        """Mark the rows that may have been written in capitals alone: without small letters, and with a pair."""
        pairs = np.flatnonzero(_PAIRED[self.bytes[:-1], self.bytes[1:]])
        with_small, with_pair = (
            np.bincount(self.row[places], minlength=len(self.plain)) > 0 for places in (self.kind == _LOWER, pairs)
        )
        self.plain &= with_small | ~with_pair

    def reject(self, positions: np.ndarray) -> None:
        """Mark the rows in which these positions lie as not plain."""
        self.plain[self.row[positions]] = False

    def amounts_by_position(self) -> np.ndarray:
        """Return, for every position, the number that starts there, or one: (n_bytes,) float64."""
        in_number = self.kind >= _DIGIT
        edges = np.flatnonzero(np.diff(in_number, prepend=False))
        starts, stops = edges[0::2], edges[1::2]
        values = np.ones(len(self.bytes))
        values[starts] = self._values(starts, stops)
        return values

    def _values(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Return the numbers written between the positions, correctly rounded; reject those that are in doubt."""
        whole, n_decimals, n_points = (np.zeros(len(starts), dtype=np.int64) for _ in range(3))
        lengths = stops - starts
        for step in range(min(lengths.max(initial=0), _MAX_DIGITS + 1)):
            live = np.flatnonzero(lengths > step)
            byte = self.bytes[starts[live] + step]
            point = byte == ord(".")
            whole[live] = np.where(point, whole[live], whole[live] * 10 + byte - ord("0"))
            n_decimals[live] += (n_points[live] > 0) & ~point
            n_points[live] += point
        values = whole / 10.0**n_decimals
        outside = (values < MIN_AMOUNT) | (values > MAX_AMOUNT)
        self.reject(starts[(n_points > 1) | outside | (lengths > _MAX_DIGITS)])
        self._reject_letters(starts, stops, n_points == 0)
        self._reject_unclear_stops(starts, stops, n_points > 0)
        return values

    def _reject_letters(self, starts: np.ndarray, stops: np.ndarray, whole: np.ndarray) -> None:
        """Reject rows with a 0 that may be the letter O: at the start of a number, or in a whole one at the end."""
        lengths = stops - starts
        first, second, third = (self.bytes[np.minimum(starts + step, stops)] == ord("0") for step in range(3))
        last = (self.kind[stops] == _END) | (self.kind[stops] == _CLOSE)
        inner = (second & (lengths >= 3)) | (third & (lengths >= 4))
        inner &= whole & last & (lengths <= _MAX_SPLIT) & (self.bytes[starts - 1] != ord("O"))
        self.reject(starts[inner | (first & (self.kind[starts + 1] == _DIGIT))])

    def _reject_unclear_stops(self, starts: np.ndarray, stops: np.ndarray, decimal: np.ndarray) -> None:
        """Reject rows in which a full stop may join two parts: no other stop follows it up to a bracket or the end."""
        starts, stops = starts[decimal], stops[decimal]
        edges = np.flatnonzero((self.kind == _END) | (self.kind == _CLOSE) | (self.kind == _POINT))
        followed = (self.kind[stops] == _UPPER) | (self.kind[stops] == _OPEN)
        starts, stops = starts[followed], stops[followed]
        last = self.kind[edges[np.searchsorted(edges, stops)]] != _POINT
        self.reject(stops[last & (self.bytes[starts] != ord("0"))])

    def symbols(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row, atomic number and amount of every symbol; reject rows with a symbol of no element."""
        starts = np.flatnonzero(self.kind == _UPPER)
        paired = self.kind[starts + 1] == _LOWER
        numbers = _SYMBOL[self.bytes[starts], np.where(paired, self.bytes[starts + 1], 0)]
        self.reject(starts[numbers == 0])
        amounts = values[starts + 1 + paired]
        self._reject_shorthand(starts, numbers, amounts)
        self._multiply_groups(starts, amounts, values)
        self.reject(starts[(amounts < MIN_AMOUNT) | (amounts > MAX_AMOUNT)])
        return self.row[starts], numbers, amounts

    def _reject_shorthand(self, starts: np.ndarray, numbers: np.ndarray, amounts: np.ndarray) -> None:
        """Reject rows with what may be an acronym, a group, an oxidation number or the name of an alloy."""
        alone = np.flatnonzero(_ALONE[numbers])
        at, number = starts[alone], numbers[alone]
        before, after = self.kind[at - 1], self.bytes[at + 1]
        doubtful = (number == _H) & (self.bytes[at] != ord("H"))
        numeral = (number == _I) | (number == _V)
        doubtful |= (before == _OPEN) & numeral & ((after == ord(")")) | (after == ord("I")) | (after == ord("V")))
        doubtful |= (before == _OPEN) & (number == _AC)
        single = np.append(starts[1:], len(self.bytes)) > self.ends[self.row[starts]]
        self.reject(starts[(self.kind[starts - 1] == _END) & single & (amounts >= _LARGE)])
        doubtful |= ((before == _END) | (before == _OPEN)) & (number == _H) & (amounts[alone] == WATER)
        self.reject(at[doubtful])
        self._reject_neighbors(starts, numbers, amounts)

    def _reject_neighbors(self, starts: np.ndarray, numbers: np.ndarray, amounts: np.ndarray) -> None:
        """Reject rows in which two symbols side by side are doubtful."""
        pairs = np.flatnonzero(_BESIDE[numbers[:-1], numbers[1:]])
        at, left, right = starts[pairs], numbers[pairs], numbers[pairs + 1]
        last = self.kind[starts[pairs + 1] - 1]
        together = (last == _UPPER) | (last == _LOWER)
        first = self.kind[at - 1] == _END
        titanium, silicon = (left == _TI) & (right == _AL), (left == _AL) & (right == _SI)
        alcohol = ((left == _PR) | (left == _AC)) & (right == _O)
        sodium, yttrium = (left == _NA) & (right == _AC), self.bytes[at - 1] == ord("Y")
        doubtful = together & ~titanium & ~silicon & ~alcohol & ~(sodium & ~first) & (yttrium | (left != _B))
        doubtful |= titanium & first & np.isin(amounts[pairs + 1], (2, 2.5, 4, 7))
        doubtful |= silicon & first & together & np.isin(amounts[pairs + 1], (7, 10, 12))
        doubtful |= (left == _H) & (right == _AC)
        doubtful |= alcohol & together & (self.bytes[starts[pairs + 1] + 1] == ord("H"))
        self.reject(at[doubtful])

    def _multiply_groups(self, starts: np.ndarray, amounts: np.ndarray, values: np.ndarray) -> None:
        """Multiply the amounts of symbols in brackets, in place; reject rows whose brackets are not in pairs."""
        brackets = np.flatnonzero((self.kind == _OPEN) | (self.kind == _CLOSE))
        rows = self.row[brackets]
        order = np.arange(len(rows)) - np.searchsorted(rows, rows)
        self.reject(brackets[(self.kind[brackets] == _OPEN) != (order % 2 == 0)])
        n_in_row = np.searchsorted(rows, rows, side="right") - np.searchsorted(rows, rows)
        self.reject(brackets[n_in_row % 2 == 1])
        brackets = brackets[self.plain[rows]]
        opened, closed = brackets[0::2], brackets[1::2]
        first, last = np.searchsorted(starts, opened), np.searchsorted(starts, closed)
        n_inside = last - first
        skipped = first - (np.cumsum(n_inside) - n_inside)
        inside = np.repeat(skipped, n_inside) + np.arange(n_inside.sum())
        amounts[inside] *= np.repeat(values[closed + 1], n_inside)

    def reject_repeats(self, rows: np.ndarray, numbers: np.ndarray) -> None:
        """Reject rows in which an element stands twice."""
        for lag in range(1, len(rows)):
            together = rows[lag:] == rows[:-lag]
            if not together.any():
                return
            self.plain[rows[lag:][together & (numbers[lag:] == numbers[:-lag])]] = False


def _without_word_spaces(text: np.ndarray) -> np.ndarray:
    """Drop the spaces before capital letters (``Zr1 Ni1 Sn1``); any other space is left to be rejected."""
    space = text == ord(" ")
    if not space.any():
        return text
    capital = np.append(_KIND[text[1:]] == _UPPER, False)
    line_start = np.concatenate([[True], text[:-1] == ord("\n")])
    return text[~(space & capital & ~line_start)]
