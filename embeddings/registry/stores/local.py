"""A registry in a folder, perhaps on a network drive, or one that a web server serves."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from embeddings.errors import EmbeddingsError, RegistryInvalid, RegistryUnreachable
from embeddings.registry.locks import locked
from embeddings.registry.stores.base import (
    Absent,
    Advance,
    Again,
    Changes,
    Content,
    Overtaken,
    append,
    check_same,
    local_stream,
    too_large,
)
from embeddings.store.folders import atomic_file, move_into_place, staged_folder, write_bytes
from embeddings.store.index import INDEX, LARGEST_INDEX
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST
from embeddings.store.outputs import make_folder
from embeddings.store.reading import read_bounded, why


class LocalStore:
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.url = self.folder.as_uri()

    def settle(self) -> LocalStore:
        """Return this store."""
        return self

    def at(self, tag: str) -> LocalStore:
        """Return this store."""
        return self

    def read(self, path: str, *, at_most: int, tag: str = "") -> Content | None:
        """Return a small file; see `Store`."""
        place = self.folder / path
        try:
            if place.stat().st_size > at_most:
                raise too_large(str(place), at_most)
            body = read_bounded(place, at_most=at_most)
        except (FileNotFoundError, NotADirectoryError):
            raise Absent(path) from None
        except OSError as error:
            raise RegistryUnreachable(f"{place} cannot be read: {why(error)}.") from error
        found = hashlib.sha256(body).hexdigest()
        return None if found == tag else Content(body, found)

    def download(self, path: str, part: Path, n_bytes: int, advance: Advance) -> None:
        """Copy what a part lacks; see `Store`."""
        place = self.folder / path
        try:
            if (size := place.stat().st_size) != n_bytes:
                raise RegistryInvalid(f"{place} has {size:,} bytes, and should have {n_bytes:,}. Tell its publisher.")
            append(lambda offset: local_stream(place, offset), part, n_bytes, str(place), advance)
        except (FileNotFoundError, NotADirectoryError):
            raise Absent(path) from None
        except Again as error:
            raise RegistryUnreachable(f"{place} cannot be read: {error.reason}.") from error
        except EmbeddingsError:
            raise
        except OSError as error:
            raise RegistryUnreachable(f"{place} cannot be read: {why(error)}.") from error

    def write(self, changes: Changes) -> None:
        """Publish a version; see `Store`."""
        make_folder(self.folder, advice="Choose another folder for the registry.")
        with locked(self.folder / ".registry.lock"):
            try:
                now = self.read(INDEX, at_most=LARGEST_INDEX)
            except Absent:
                now = None
            if (now.tag if now else "") != changes.tag:
                raise Overtaken
            self._write_version(changes)
            for path, body in changes.beside.items():
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                _write_if_other(self.folder / path, body)
            _write_if_other(self.folder / INDEX, changes.index)

    def _write_version(self, changes: Changes) -> None:
        target = self.folder / changes.prefix
        if target.exists():
            check_same(target, _manifest_in(target), changes)
            return
        try:
            with staged_folder(target) as staged:
                for name, source in changes.folder.items():
                    shutil.copyfile(source, staged / name)
                move_into_place(staged, target)
        except FileExistsError:
            check_same(target, _manifest_in(target), changes)


def _manifest_in(folder: Path) -> bytes:
    """Return the manifest of a folder that is there; nothing if it has none that can be read."""
    try:
        return read_bounded(folder / MANIFEST, at_most=LARGEST_MANIFEST)
    except OSError:
        return b""


def _write_if_other(path: Path, body: bytes | Path) -> None:
    if isinstance(body, Path):
        with atomic_file(path) as temporary:
            shutil.copyfile(body, temporary)
    elif not path.is_file() or path.read_bytes() != body:
        write_bytes(path, body)
