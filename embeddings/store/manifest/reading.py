"""Read the manifest in the folder of a catalog version, and check its seal."""

from __future__ import annotations

from pathlib import Path

from embeddings.errors import CatalogCorrupt, ManifestInvalid
from embeddings.store.manifest.document import MANIFEST, Manifest
from embeddings.store.manifest.text import hash_of_text
from embeddings.store.reading import read_bounded, why

LARGEST_MANIFEST = 10_000_000
"""The most bytes of a manifest."""


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a version's folder and check its seal.

    Whether it is in the right place is checked by `embeddings.store.roots.manifest_of`.

    Raises:
        CatalogCorrupt: the file is missing, unreadable, or its text was altered after it was written.
        ManifestInvalid: the file does not fit the schema; the message names the file and the field.
    """
    path = Path(folder) / MANIFEST
    try:
        text = read_bounded(path, at_most=LARGEST_MANIFEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = why(error) if isinstance(error, OSError) else error
        raise CatalogCorrupt(f"{path} cannot be read: {reason}. Install or build this version again.") from error
    try:
        manifest = Manifest.from_json(text)
    except ManifestInvalid as error:
        raise ManifestInvalid(f"{path}: {error}") from error
    found = hash_of_text(text.replace(f'"{manifest.manifest_sha256}"', '""', 1))
    if found != manifest.manifest_sha256:
        raise CatalogCorrupt(
            f'{path} was altered after it was written: its seal is "{manifest.manifest_sha256}" but its text '
            f'gives "{found}". Install or build this version again; changed metadata is a new version.'
        )
    return manifest
