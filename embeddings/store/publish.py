"""Publish one version of a catalog: its folder appears complete or not at all, then the index lists it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from embeddings.errors import CatalogExists
from embeddings.store.card import CARD, render_card
from embeddings.store.exchange import restore
from embeddings.store.folders import move_into_place, replace_folder, staged_folder
from embeddings.store.index import read_index, update_index
from embeddings.store.manifest import MANIFEST, FileEntry, FileFormat, Manifest

FORMATS: dict[str, FileFormat] = {
    ".parquet": "parquet",
    ".h5": "hdf5",
    ".npy": "npy",
    ".safetensors": "safetensors",
    ".md": "markdown",
}
"""Ending of a file -> its format."""


def publish(root: Path, draft: Manifest, write_data: Callable[[Path], None], *, force: bool = False) -> Path:
    """Write one version as ``root/<name>/<version>/`` and enter it into the index.

    Everything is written to a hidden folder beside it, the manifest last, and then renamed.

    Args:
        root: folder of catalogs; made if needed.
        draft: the manifest without its files.
        write_data: writes all files except card and manifest into a given folder.
        force: replace the version if it exists. A released version should never be.

    Returns:
        The version's folder.

    Raises:
        CatalogExists: the version exists and `force` is off, or another writer made it meanwhile.
        CatalogCorrupt: the root's index cannot be read.
        ManifestInvalid: the manifest does not fit the schema; the message names the field.
        OutputInvalid: the folder cannot be written.
    """
    draft.to_json()  # validates before any work, and before the name becomes a path
    root = Path(root)
    target = root / draft.name / draft.version
    if target.exists() and not force:
        raise _exists(target)
    read_index(root)
    restore(target.parent)
    try:
        with staged_folder(target) as folder:
            write_data(folder)
            _describe(folder, draft)
            (replace_folder if force else move_into_place)(folder, target)
    except FileExistsError as error:
        raise _exists(target) from error
    update_index(root, draft.name, draft.version)
    return target


def _describe(folder: Path, draft: Manifest) -> None:
    """Write the card, and last the manifest with the hashes of all files."""
    (folder / CARD).write_bytes(render_card(replace(draft, files=_entries(folder))).encode())
    (folder / MANIFEST).write_bytes(replace(draft, files=_entries(folder)).to_json().encode())


def _entries(folder: Path) -> tuple[FileEntry, ...]:
    contents = [(path, path.read_bytes()) for path in sorted(folder.iterdir())]
    return tuple(
        FileEntry(
            path=path.name,
            format=FORMATS[path.suffix],
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
        )
        for path, content in contents
    )


def _exists(target: Path) -> CatalogExists:
    return CatalogExists(
        f"{target} exists, and a released version is never edited. Choose a new version, or replace it with "
        "force=True (on the command line: --force)."
    )
