"""What every store can do: read a small file, download a large one, and publish a version whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from embeddings.errors import OutputInvalid, RegistryInvalid
from embeddings.registry.identity import already_taken
from embeddings.store.manifest import MANIFEST
from embeddings.store.reading import open_regular, why

CHUNK = 1 << 16
Advance = Callable[[int], None]
"""Called with the number of bytes that moved."""


class Absent(Exception):
    """There is no such file in the registry."""


@dataclass
class Again(Exception):
    """It did not work this time, and may work the next.

    Attributes:
        reason: what happened.
        wait: seconds that the server asks to wait; None if it named none.
    """

    reason: str
    wait: float | None = None


class Overtaken(Exception):
    """Somebody else changed the index after it was read."""


@dataclass(frozen=True)
class Content:
    """A small file.

    Attributes:
        body: its bytes.
        tag: names this state of it, such as an ETag or a commit; empty where the store has none.
    """

    body: bytes
    tag: str = ""


@dataclass(frozen=True)
class Changes:
    """One version, and what must change with it.

    Attributes:
        prefix: folder of the version, such as ``toy/0.1.0``.
        folder: file name -> file, for all files of the version, the manifest among them.
        beside: path -> content of the other files, such as the archive, or the file that has it.
        index: the new index.
        tag: of the index that the new one was made from; empty if there was none.
        message: what is done, in a line.
    """

    prefix: str
    folder: Mapping[str, Path]
    beside: Mapping[str, bytes | Path]
    index: bytes
    tag: str
    message: str


class Store(Protocol):
    """A place of files.

    Attributes:
        url: of the registry.
    """

    url: str

    def settle(self) -> Store:
        """Return a store whose files stay as they are: on the Hub, that of one commit; elsewhere, this one.

        Raises:
            RegistryUnreachable: it does not answer.
        """

    def at(self, tag: str) -> Store:
        """Return a store whose files are as they were when the index had this tag, where the store can."""

    def read(self, path: str, *, at_most: int, tag: str = "") -> Content | None:
        """Return a small file; None if it still is in the state that the tag names.

        Raises:
            Absent: there is no such file.
            RegistryInvalid: it is larger than allowed.
            RegistryUnreachable: it cannot be had.
        """

    def download(self, path: str, part: Path, n_bytes: int, advance: Advance) -> None:
        """Append to a file what it lacks of a larger one; what is there already is not fetched again.

        Raises:
            Absent: there is no such file.
            RegistryInvalid: it has another size than it should.
            RegistryUnreachable: it cannot be had; the part stays, and the next try goes on from there.
        """

    def write(self, changes: Changes) -> None:
        """Publish a version: its files and those beside it first, the index last.

        Raises:
            Overtaken: the index is no longer the one that the changes were made from.
            CatalogExists: other content has this name and version.
            OutputInvalid: the store cannot be written.
            RegistryUnreachable: it does not answer.
        """


class Opened(Protocol):
    """Opens a file from an offset on; returns the stream and the offset at which it really begins."""

    def __call__(self, offset: int) -> AbstractContextManager[tuple[BinaryIO, int]]:
        """Open."""


def append(opened: Opened, part: Path, n_bytes: int, where: str, advance: Advance) -> None:
    """Append to a part what a stream has from there on, and never more than the whole.

    Raises:
        RegistryInvalid: the stream goes on after the last byte.
        Again: it ended early.
        OutputInvalid: the part cannot be written.
        OSError: the stream broke.
    """
    offset = part.stat().st_size if part.exists() else 0
    if offset > n_bytes:
        offset = 0
    if offset == n_bytes and part.exists():
        return
    with opened(offset) as (stream, begins), _written(part, begins) as write:
        at = begins
        while chunk := stream.read(CHUNK):
            at += len(chunk)
            if at > n_bytes:
                raise too_large(where, n_bytes)
            write(chunk)
            advance(len(chunk))
    if at < n_bytes:
        raise Again(f"it ended after {at:,} of {n_bytes:,} bytes")


@contextmanager
def _written(part: Path, begins: int) -> Iterator[Callable[[bytes], None]]:
    """Yield what appends to a part, from an offset on; each call reaches the file."""
    with _refusals_told(part):
        file = open(part, "r+b", buffering=0) if part.exists() else open(part, "wb", buffering=0)  # noqa: SIM115

    def write(chunk: bytes) -> None:
        rest = memoryview(chunk)
        with _refusals_told(part):
            while rest:
                rest = rest[file.write(rest) :]

    with file:
        with _refusals_told(part):
            file.truncate(begins)
            file.seek(begins)
        yield write


@contextmanager
def _refusals_told(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputInvalid(f"{part} cannot be written: {why(error)}.") from error


def check_same(where: object, there: bytes, changes: Changes) -> None:
    """Refuse to publish over a version with other content; the same content may be published again.

    Args:
        where: the registry is.
        there: the manifest that it has for this name and version.
        changes: what is to be published.

    Raises:
        CatalogExists: the manifests differ; the message names both seals.
    """
    ours = changes.folder[MANIFEST].read_bytes()
    if there != ours:
        raise already_taken(changes.prefix.replace("/", "@"), where, _seal(there), _seal(ours))


def _seal(manifest: bytes) -> str:
    try:
        return str(json.loads(manifest)["manifest_sha256"])[:64]
    except (ValueError, KeyError, TypeError):
        return "unknown"


def too_large(where: str, n_bytes: int) -> RegistryInvalid:
    """Return the error for a file with more bytes than it should have."""
    return RegistryInvalid(f"{where} has more than {n_bytes:,} bytes, and was not fetched. Tell its publisher.")


@contextmanager
def local_stream(path: Path, offset: int) -> Iterator[tuple[BinaryIO, int]]:
    """Open a local file at an offset."""
    with open_regular(path) as file:
        file.seek(offset)
        yield file, offset


def size_of(path: Path) -> int:
    """Return the size of a file, 0 if there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
