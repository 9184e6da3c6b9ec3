"""A registry behind any other scheme that fsspec reads (``gs``, ``az``, ``sftp``, ...), with its package installed.

Writes are not conditional there: let one publisher write at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from embeddings.errors import (
    EmbeddingsError,
    OutputInvalid,
    RegistryInvalid,
    RegistryUnreachable,
)
from embeddings.registry.stores.base import (
    Absent,
    Advance,
    Again,
    Changes,
    Content,
    Overtaken,
    append,
    check_same,
    size_of,
    too_large,
)
from embeddings.registry.stores.tries import persist
from embeddings.store.index import INDEX, LARGEST_INDEX
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST
from embeddings.store.places import file_system_of


class SchemeStore:
    """Files below a URL, through fsspec."""

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        return file_system_of(self.url)

    @property
    def _system(self) -> Any:
        return self._opened[0]

    def settle(self) -> SchemeStore:
        """Return this store."""
        return self

    def at(self, tag: str) -> SchemeStore:
        """Return this store."""
        return self

    def read(self, path: str, *, at_most: int, tag: str = "") -> Content | None:
        """Return a small file; see `Store`."""

        def once() -> bytes:
            with self._system.open(self._place(path), "rb") as file:
                body: bytes = file.read(at_most + 1)
            return body

        body = self._told(path, once)
        if len(body) > at_most:
            raise too_large(f"{self.url}/{path}", at_most)
        found = hashlib.sha256(body).hexdigest()
        return None if found == tag else Content(body, found)

    def download(self, path: str, part: Path, n_bytes: int, advance: Advance) -> None:
        """Fetch what a part lacks, from where it ends; see `Store`."""
        where = f"{self.url}/{path}"

        @contextmanager
        def opened(offset: int) -> Iterator[tuple[BinaryIO, int]]:
            with self._system.open(self._place(path), "rb") as file:
                file.seek(offset)
                yield file, offset

        def once() -> None:
            size = self._system.size(self._place(path))
            if size is not None and size != n_bytes:
                raise RegistryInvalid(f"{where} has {size:,} bytes, and should have {n_bytes:,}. Tell its publisher.")
            append(opened, part, n_bytes, where, advance)

        self._told(path, once, part)

    def write(self, changes: Changes) -> None:
        """Publish a version; see `Store`."""
        manifest = f"{changes.prefix}/{MANIFEST}"
        try:
            if self._system.exists(self._place(manifest)):
                there = self.read(manifest, at_most=LARGEST_MANIFEST)
                check_same(self.url, there.body if there else b"", changes)
            for name, source in changes.folder.items():
                self._put(f"{changes.prefix}/{name}", source)
            for path, body in changes.beside.items():
                self._put(path, body)
            if self._tag() != changes.tag:
                raise Overtaken
            self._put(INDEX, changes.index)
        except (EmbeddingsError, Overtaken):
            raise
        except Exception as error:
            raise OutputInvalid(f"{self.url} cannot be written: {_said(error)}.") from error

    def _tag(self) -> str:
        try:
            content = self.read(INDEX, at_most=LARGEST_INDEX)
        except Absent:
            return ""
        return content.tag if content else ""

    def _put(self, path: str, body: bytes | Path) -> None:
        place = self._place(path)
        self._system.makedirs(place.rpartition("/")[0], exist_ok=True)
        if isinstance(body, Path):
            self._system.put_file(str(body), place)
        else:
            self._system.pipe_file(place, body)

    def _told(self, path: str, once: Any, part: Path | None = None) -> Any:
        def named() -> Any:
            try:
                return once()
            except FileNotFoundError:
                raise Absent(path) from None
            except (EmbeddingsError, Again, OSError):
                raise
            except Exception as error:  # each file system has errors of its own
                raise RegistryUnreachable(f"{self.url}/{path} cannot be read: {_said(error)}.") from error

        progress = (lambda: size_of(part)) if part else (lambda: 0)
        return persist(named, f"{self.url}/{path}", (OSError,), progress)

    def _place(self, path: str) -> str:
        return f"{self._opened[1]}/{path}"


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
