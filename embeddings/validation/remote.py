"""What is validated at an address: its files downloaded into a folder of their own, each within bounds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, RegistryInvalid, RegistryUnreachable
from embeddings.registry.address import registry_url
from embeddings.registry.names import is_file_name
from embeddings.registry.stores.base import Absent
from embeddings.registry.stores.web import WebStore
from embeddings.store.companions import COMPANIONS
from embeddings.store.index import INDEX, LARGEST_INDEX, is_name, is_version
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST
from embeddings.store.reading import IN_MEMORY
from embeddings.validation.files import READERS

_SCHEMES = ("http://", "https://")
_MOST_FILES = 1_000
"""Files of one version that are downloaded to be looked at."""


@contextmanager
def downloaded(url: str) -> Iterator[Path]:
    """Yield a folder or a file with what there is at an address; it is removed at the end.

    Args:
        url: of a version's folder, of a root of catalogs, or of one file of vectors.

    Raises:
        InputInvalid: not an address of the web, or one with a password or a query in it.
        CatalogNotFound: there is nothing of the kind.
        CatalogCorrupt: the server does not answer, or sends more than allowed.
    """
    if not url.startswith(_SCHEMES):
        raise InputInvalid(f"{url} cannot be validated at its place. Fetch it first: embeddings get {url}")
    base = registry_url(url)
    with tempfile.TemporaryDirectory(prefix="embeddings-") as temporary:
        folder = Path(temporary)
        if Path(base).suffix in READERS:
            yield _save(base, folder / Path(base).name, at_most=IN_MEMORY)
        elif (text := _read(f"{base}/{MANIFEST}", at_most=LARGEST_MANIFEST)) is not None:
            yield _save_version(base, text, folder / "version")
        elif (text := _read(f"{base}/{INDEX}", at_most=LARGEST_INDEX)) is not None:
            yield _save_root(base, text, folder)
        else:
            raise CatalogNotFound(f"{url} has neither a {MANIFEST} nor an {INDEX}.")


def _save_root(base: str, text: bytes, folder: Path) -> Path:
    (folder / INDEX).write_bytes(text)
    entries = _document(text).get("catalogs")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        stated = entry.get("versions") if isinstance(entry, dict) else None
        for version in stated if isinstance(stated, list) and is_name(name) else ():
            if isinstance(version, str) and is_version(version):
                place = f"{base}/{name}/{version}"
                manifest = _read(f"{place}/{MANIFEST}", at_most=LARGEST_MANIFEST)
                if manifest is not None:
                    _save_version(place, manifest, folder / name / version)
    return folder


def _save_version(base: str, text: bytes, folder: Path) -> Path:
    """Save the files of a version, listed and companions, as far as they are there."""
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_bytes(text)
    for entry in [*_files(text), *({"path": name, "bytes": LARGEST_MANIFEST} for name in sorted(COMPANIONS))]:
        content = _read(f"{base}/{entry['path']}", at_most=entry["bytes"])
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


def _save(url: str, path: Path, *, at_most: int) -> Path:
    content = _read(url, at_most=at_most)
    if content is None:
        raise CatalogNotFound(f"There is no file {url}.")
    path.write_bytes(content)
    return path


def _read(url: str, *, at_most: int) -> bytes | None:
    """Return what is at an address; None if there is nothing."""
    try:
        content = WebStore(url, address=str).read(url, at_most=at_most)
    except Absent:
        return None
    except (RegistryInvalid, RegistryUnreachable) as error:
        raise CatalogCorrupt(f"What is there cannot be read: {error}") from error
    return content.body if content else None
