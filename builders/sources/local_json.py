"""Data sets in compressed JSON: MatBench (json.gz) and JARVIS (json.zip), read as a stream."""

from __future__ import annotations

import codecs
import gzip
import json
import math
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from builders.sources.local import Item, LocalFile, hash_files
from builders.sources.structures import StructureRecord, Unusable, make_record, structure_parts
from embeddings.errors import InputInvalid, SourceError

_CHUNK = 1 << 20
_SPACE = " \t\r\n"
_ENDS = frozenset(",:]}" + _SPACE)
"""What may follow a value."""


def open_matbench(path: Path) -> LocalFile:
    """Read a MatBench data set: ``{"index": ..., "columns": ["structure", target, ...], "data": [[...], ...]}``."""
    return LocalFile("MatBench", items=lambda: _matbench_items(path), parse=parse_matbench, sha256=hash_files([path]))


def open_jarvis(path: Path) -> LocalFile:
    """Read a JARVIS data set: a list of objects with ``atoms``, ``jid`` and properties, alone in a zip file."""
    return LocalFile("JARVIS", items=lambda: _jarvis_items(path), parse=parse_jarvis, sha256=hash_files([path]))


def parse_matbench(name: str, content: Any, disorder: str) -> StructureRecord:
    """Make a record of a row: a structure in pymatgen's form, and targets.

    Raises:
        Unusable: it is not a usable structure.
    """
    lattice, sites, coords = structure_parts(content["structure"])
    values = {key: _number(value) for key, value in content.items() if key != "structure"}
    return make_record(name, lattice, sites, coords, disorder=disorder, properties=values)


def parse_jarvis(name: str, content: Any, disorder: str) -> StructureRecord:
    """Make a record of an entry; its properties are those that are numbers.

    Raises:
        Unusable: it is not a usable structure.
    """
    try:
        atoms = content["atoms"]
        lattice, coords = np.asarray(atoms["lattice_mat"], dtype=float), np.asarray(atoms["coords"], dtype=float)
        if atoms.get("cartesian"):
            coords = np.linalg.solve(lattice.T, coords.T).T
        sites = [{str(symbol).strip(): 1.0} for symbol in atoms["elements"]]
    except (KeyError, TypeError, ValueError, AttributeError, np.linalg.LinAlgError) as error:
        raise Unusable("no_structure", f"it is not a structure ({type(error).__name__}: {error})") from error
    values = {key: _number(value) for key, value in content.items() if _number(value) is not None}
    return make_record(name, lattice, sites, coords, disorder=disorder, properties=values)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _matbench_items(path: Path) -> Iterator[Item]:
    with _named(path), gzip.open(path, "rb") as file:
        stream = JsonStream(file)
        index: list[Any] = []
        columns: list[str] = []
        for key in stream.fields():
            if key == "index":
                index = stream.value()
            elif key == "columns":
                columns = stream.value()
            elif key == "data":
                if "structure" not in columns:
                    raise InputInvalid(f"{path} names no column of structures before its data: {columns}.")
                for number, row in enumerate(stream.elements()):
                    name = str(index[number]) if number < len(index) else f"{path.stem}-{number}"
                    yield name, dict(zip(columns, row, strict=False))
            else:
                stream.value()


def _jarvis_items(path: Path) -> Iterator[Item]:
    with _named(path), zipfile.ZipFile(path) as archive, archive.open(_only_member(archive, path)) as file:
        for number, entry in enumerate(JsonStream(file).elements()):
            content = entry if isinstance(entry, dict) else {}
            yield str(content.get("jid") or content.get("id") or f"{path.stem}-{number}"), content


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if member.filename.lower().endswith(".json")]
    if len(members) != 1:
        raise InputInvalid(f"{path} holds {len(members)} .json files; a data set is one.")
    member = members[0]
    if stat.S_ISLNK(member.external_attr >> 16) or ".." in Path(member.filename).parts or member.filename[0] in "/\\":
        raise InputInvalid(f'{path} is not to be trusted: its member "{member.filename}" points outside of it.')
    return member


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file raises into a named error."""
    try:
        yield
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputInvalid):
            raise
        raise SourceError(f"{path} is damaged or not of its format: {type(error).__name__}: {error}") from error


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class JsonStream:
    """Reads a large JSON text value by value, so that the memory holds one element of its array at a time."""

    def __init__(self, file: _Readable) -> None:
        self._file, self._text, self._at = file, "", 0
        self._decode: Callable[..., str] = codecs.getincrementaldecoder("utf-8")().decode
        self._raw_decode = json.JSONDecoder().raw_decode

    def fields(self) -> Iterator[str]:
        """Yield the names of an object's fields; the value of each is to be read before the next."""
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
        """Read one value whole: only what follows it tells that a number has ended."""
        self._peek()
        while True:
            try:
                value, end = self._raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            if self._text[end : end + 1] in _ENDS:
                self._at = end
                return value
            if not self._more():
                raise ValueError("the JSON text ends too early")

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
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
        """Forget what was read and add a chunk at least as large as what is left."""
        self._text = self._text[self._at :]
        self._at = 0
        data = self._file.read(max(_CHUNK, len(self._text)))
        self._text += self._decode(data, not data)
        return bool(data)
