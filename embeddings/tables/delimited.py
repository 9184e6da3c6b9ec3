"""Text with separated columns: its encoding and separator are found, and a row that cannot be read ends nothing."""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO

from embeddings.errors import InputInvalid
from embeddings.tables.sheet import Row, SetAside, Sheet, sheet_of

MAX_LINE = 1 << 24
"""Bytes of a line that no table has; reading on would cost memory without bound."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

SNIFFED_LINES = 100
"""Lines from which the separator is told."""

MAX_ROW_LINES = 100
"""Lines of a row whose cells hold line breaks; a quotation mark that is open for longer was not meant."""

_ENCODINGS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Byte order marks, and what they stand for; the longer ones of a beginning first."""

_FALLBACK = "cp1252"
"""Latin-1 as Windows writes it."""


class TextLines:
    """The lines of a file, counted; bytes that are not UTF-8 are read as Latin-1.

    Args:
        file: open for reading bytes, at its beginning.
        source: the file, as it is spoken of.
        notes: added to at the first line that is not UTF-8.

    Raises:
        InputInvalid: the file is not text, or a line is longer than any table's.
    """

    def __init__(self, file: IO[bytes], source: str, notes: list[str]) -> None:
        self.source, self.notes, self.n_lines, self.is_latin = source, notes, 0, False
        start = file.read(4096)
        file.seek(0)
        encoding = _encoding(start, source)
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        self.text = io.TextIOWrapper(file, encoding, errors, newline="")

    def __iter__(self) -> Iterator[str]:
        while line := self._next():
            self.n_lines += 1
            if len(line) >= MAX_LINE:
                where = f"{self.source}, line {self.n_lines}"
                raise InputInvalid(f"{where} has {MAX_LINE:,} characters or more: is it a table?")
            yield line if line.isascii() else self._decoded(line)

    def _next(self) -> str:
        try:
            return self.text.readline(MAX_LINE)
        except (OSError, EOFError, ValueError, zlib.error) as error:  # a cut or damaged .gz
            raise InputInvalid(
                f"{self.source} cannot be read after line {self.n_lines}: {error}. Copy it again."
            ) from error

    def _decoded(self, line: str) -> str:
        """Return a line whose bytes that are not UTF-8 have become letters."""
        try:
            line.encode()
        except UnicodeEncodeError:
            if not self.is_latin:
                self.notes.append(f"Line {self.n_lines} is not UTF-8; such lines are read as Latin-1 ({_FALLBACK}).")
            self.is_latin = True
            return line.encode("utf-8", "surrogateescape").decode(_FALLBACK, "replace")
        return line


def _encoding(start: bytes, source: str) -> str:
    """Tell the encoding from the first bytes.

    Raises:
        InputInvalid: these are not bytes of a text.
    """
    for mark, encoding in _ENCODINGS.items():
        if start.startswith(mark):
            return encoding
    if b"\0" not in start:
        return "utf-8"
    zeros = [start[side::2].count(0) for side in (0, 1)]
    if max(zeros) > 0.4 * (len(start) // 2) and min(zeros) < 0.05 * len(start):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    raise InputInvalid(f"{source} is not text: it contains zero bytes. Is it a table?")


def delimited_sheet(file: IO[bytes], source: str) -> Sheet:
    """Return a table of separated columns.

    Raises:
        InputInvalid: the file is not text.
    """
    notes: list[str] = []
    set_aside: list[SetAside] = []
    lines = iter(TextLines(file, source, notes))
    first = list(islice(lines, SNIFFED_LINES))
    separator = find_separator(first)
    if separator != ",":
        notes.append(f"The columns are separated by {SEPARATORS[separator]}.")
    return sheet_of(source, _rows(chain(first, lines), separator, set_aside), set_aside, notes)


def find_separator(lines: Iterable[str]) -> str:
    """Return the separator that cuts most lines into the same number of columns, at least two; else a comma."""
    lines, best = list(lines), (0.0, 0, ",")
    for separator in SEPARATORS:
        counts = [n for n in _field_counts(lines, separator) if n]
        several = Counter(n for n in counts if n > 1)
        if several:
            usual, n_rows = several.most_common(1)[0]
            best = max(best, (round(n_rows / len(counts), 2), usual, separator), key=lambda found: found[:2])
    return best[2]


def _field_counts(lines: list[str], separator: str) -> list[int]:
    """Return how many columns each row has."""
    reader, counts = csv.reader(lines, delimiter=separator), list[int]()
    while True:
        try:
            counts.append(len(next(reader)))
        except StopIteration:
            return counts
        except csv.Error:
            counts.append(1)


def _rows(lines: Iterator[str], separator: str, set_aside: list[SetAside]) -> Iterator[Row]:
    """Yield rows, each with the line on which it begins.

    After a row that is not well formed, such as one that opens a quotation mark and never closes it, reading goes on
    with the next line.
    """
    waiting: deque[str] = deque()
    place = 1

    def feed(taken: list[str]) -> Iterator[str]:
        while len(taken) < MAX_ROW_LINES and (line := waiting.popleft() if waiting else next(lines, None)) is not None:
            taken.append(line)
            yield line

    while True:
        taken: list[str] = []
        try:
            cells = next(csv.reader(feed(taken), delimiter=separator, strict=True), None)
        except csv.Error as error:
            set_aside.append(SetAside(place, f"the row cannot be read: {error}"))
            waiting.extendleft(reversed(taken[1:]))
            place += 1
            continue
        if cells is None:
            return
        yield place, cells
        place += len(taken)
