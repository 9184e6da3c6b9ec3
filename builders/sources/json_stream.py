"""A large JSON text, value by value, from a compressed file that is not trusted.

Not read with ijson: it refuses NaN, infinities and integers of hundreds of digits, which data sets have; one value that
is nested too deeply ends the whole file, or takes memory that grows with the square of its depth; and it silently keeps
the last of two equal keys. It is no faster on rows of structures.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from embeddings.errors import SourceError

LONGEST_VALUE = 32_000_000
"""The most characters that one element of an array, or one field, may have."""

FREE_BYTES, MOST_TIMES = 1 << 30, 200
"""A file may unpack to `FREE_BYTES`, or to `MOST_TIMES` its size; data sets of structures unpack to 5 to 30 times."""

MOST_DIGITS = 300
"""An integer with more digits is read as infinite."""

_CHUNK = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_ENDS = frozenset(",:]} \t\r\n")
"""What may follow a value."""

_STEP = re.compile(r'[^\[\]{}"]*(?:"(?:[^"\\]|\\.)*"[^\[\]{}"]*)*(?P<bracket>[\[\]{}])', re.DOTALL)
"""Up to and including the next bracket outside of strings."""


class TooLong(ValueError):
    """A value has more than `LONGEST_VALUE` characters."""


class TooDeep:
    """Stands for a value that is nested too deeply to be read."""


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""


class Bounded:
    """The unpacked content of a compressed file, as long as its size is plausible."""

    def __init__(self, file: Readable, path: Path) -> None:
        self._file, self._path, self._left = file, path, max(FREE_BYTES, MOST_TIMES * path.stat().st_size)

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; fewer only at the end.

        Raises:
            SourceError: the file unpacks to too much.
        """
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise SourceError(
                f"{self._path} unpacks to more than {FREE_BYTES >> 30} GiB and {MOST_TIMES} times its size, "
                "which no data set of structures does. Unpack and inspect it first."
            )
        return data


class JsonStream:
    """Reads a large JSON text value by value, so that only one element of its array is in memory at a time."""

    def __init__(self, file: Readable) -> None:
        self._file, self._text, self._at = file, "", 0
        self._decode: Callable[..., str] = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._raw_decode = json.JSONDecoder(parse_int=_integer).raw_decode

    def begins_with(self, bracket: str) -> bool:
        """Return whether a bracket comes next."""
        return self._peek() == bracket

    def fields(self) -> Iterator[str]:
        """Yield the names of an object's fields; read the value of each before the next."""
        self._expect("{")
        while self._peek() != "}":
            key = self.value()
            self._expect(":")
            yield key
            self._skip_comma("}")
        self._at += 1

    def elements(self) -> Iterator[Any]:
        """Yield the elements of an array."""
        self._expect("[")
        while self._peek() != "]":
            yield self.value()
            self._skip_comma("]")
        self._at += 1

    def value(self) -> Any:
        """Read one whole value; what follows it shows where a number ends.

        Returns:
            The value, or `TooDeep`.
        """
        self._peek()
        while True:
            try:
                value, end = self._raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            except RecursionError:
                self._skip_nested()
                return TooDeep()
            if self._text[end : end + 1] in _ENDS:
                self._at = end
                return value
            if not self._more():
                raise ValueError("the JSON text ends too early")

    def finish(self) -> None:
        """Read to the end, where the checksum of a compressed file is compared."""
        while True:
            self._skip_space()
            if self._at < len(self._text):
                raise ValueError("something follows the end of the JSON text")
            if not self._more():
                return

    def _skip_nested(self) -> None:
        """Skip an array or object that is nested too deeply."""
        depth = 0
        while True:
            step = _STEP.match(self._text, self._at)
            if step is None:
                if not self._more():
                    raise ValueError("the JSON text ends too early")
                continue
            self._at = step.end()
            depth += 1 if step["bracket"] in "[{" else -1
            if not depth:
                return

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _peek(self) -> str:
        while True:
            self._skip_space()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                raise ValueError("the JSON text ends too early")

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f'"{character}" is missing from the JSON text')
        self._at += 1

    def _skip_comma(self, end: str) -> None:
        if self._peek() == ",":
            self._at += 1
        elif self._peek() != end:
            raise ValueError(f'"," or "{end}" is missing from the JSON text')

    def _more(self) -> bool:
        """Drop what was read, and append a chunk at least as large as what is left."""
        self._text = self._text[self._at :]
        self._at = 0
        if len(self._text) > LONGEST_VALUE:
            raise TooLong(f"a value has more than {LONGEST_VALUE:,} characters")
        data = self._file.read(max(_CHUNK, len(self._text)))
        self._text += self._decode(data, not data)
        return bool(data)


def _integer(digits: str) -> int | float:
    """Return an integer, or infinity where it has too many digits to be meant."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)
