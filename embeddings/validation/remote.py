"""What is validated at an address: its files downloaded into a folder of their own, each within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, RegistryInvalid, RegistryUnreachable
from embeddings.registry.address import is_url, parse_address, registry_url
from embeddings.registry.names import is_file_name
from embeddings.registry.stores import folder_of, open_store
from embeddings.registry.stores.base import Absent, Store
from embeddings.store.companions import COMPANIONS
from embeddings.store.index import INDEX, LARGEST_INDEX, is_name, is_version
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST
from embeddings.store.reading import IN_MEMORY
from embeddings.store.scratch import scratch_folder
from embeddings.validation.files import READERS

_MOST_FILES = 1_000
"""Files of one version that are downloaded to be looked at."""


@contextmanager
def downloaded(address: str) -> Iterator[Path]:
    """Yield a folder or a file with what there is at an address; what was downloaded is removed at the end.

    Args:
        address: URL of a version's folder, of a root of catalogs, or of one file of vectors, with any scheme that
            registries have; or a version in a registry, such as ``lab:toy@0.1.0``.

    Raises:
        InputInvalid: no such address, or one with a password or a query in it.
        CatalogNotFound: there is nothing of the kind.
        CatalogCorrupt: the server does not answer, or sends more than allowed.
        MissingExtra: what reads the scheme is not installed.
    """
    url = _url_of(address)
    if url.startswith("file:"):
        yield folder_of(url)
        return
    with scratch_folder() as folder:
        if Path(url).suffix in READERS:
            place, _, name = url.rpartition("/")
            path = unquote(name) if url.startswith("http") else name
            content = _read(_settled(registry_url(place)), path, at_most=IN_MEMORY)
            if content is None:
                raise CatalogNotFound(f"There is no file {url}.")
            (folder / name).write_bytes(content)
            yield folder / name
            return
        store = _settled(url)
        if (text := _read(store, MANIFEST, at_most=LARGEST_MANIFEST)) is not None:
            yield _save_version(store, "", text, folder / "version")
        elif (text := _read(store, INDEX, at_most=LARGEST_INDEX)) is not None:
            yield _save_root(store, text, folder)
        else:
            raise CatalogNotFound(
                f"{address} has neither a {MANIFEST} nor an {INDEX}. Name a root, or a version as NAME@VERSION."
            )


def _url_of(address: str) -> str:
    """Return the URL of a folder or a file; ``NAME@VERSION`` at its end is the folder ``NAME/VERSION``."""
    try:
        catalog = parse_address(address)
    except InputInvalid:
        return registry_url(address)
    if is_url(address) and not catalog.is_exact:
        return registry_url(address)
    return "/".join(filter(None, (catalog.registry, catalog.name, catalog.wanted)))


def _save_root(store: Store, text: bytes, folder: Path) -> Path:
    (folder / INDEX).write_bytes(text)
    entries = _document(text).get("catalogs")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        stated = entry.get("versions") if isinstance(entry, dict) else None
        for version in stated if isinstance(stated, list) and is_name(name) else ():
            if isinstance(version, str) and is_version(version):
                place = f"{name}/{version}/"
                manifest = _read(store, place + MANIFEST, at_most=LARGEST_MANIFEST)
                if manifest is not None:
                    _save_version(store, place, manifest, folder / name / version)
    return folder


def _save_version(store: Store, place: str, text: bytes, folder: Path) -> Path:
    """Save the files of a version, listed and companions, as far as they are there."""
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(text)
    for entry in [*_files(text), *({"path": name, "bytes": LARGEST_MANIFEST} for name in sorted(COMPANIONS))]:
        content = _read(store, place + entry["path"], at_most=entry["bytes"])
        if content is not None:
            (folder / entry["path"]).write_bytes(content)
    return folder


def _files(text: bytes) -> list[dict[str, Any]]:
    """Return the entries of a manifest whose names are those of files and whose sizes can be held."""
    stated = _document(text).get("files")
    entries = [entry for entry in stated if isinstance(entry, dict)] if isinstance(stated, list) else []
    return [entry for entry in entries if _is_fit(entry.get("path"), entry.get("bytes"))][:_MOST_FILES]


def _is_fit(path: object, n_bytes: object) -> bool:
    plain = isinstance(path, str) and is_file_name(path) and path not in (MANIFEST, *COMPANIONS)
    return plain and isinstance(n_bytes, int) and 0 <= n_bytes <= IN_MEMORY


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _settled(url: str) -> Store:
    with _told():
        return open_store(url).settle()


def _read(store: Store, path: str, *, at_most: int) -> bytes | None:
    """Return a file; None if there is none."""
    try:
        with _told():
            content = store.read(path, at_most=at_most)
    except Absent:
        return None
    return content.body if content else None


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (RegistryInvalid, RegistryUnreachable) as error:
        raise CatalogCorrupt(f"What is there cannot be read: {error}") from error
