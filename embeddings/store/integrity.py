"""Whether the files of a version are those in its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from embeddings.errors import CatalogCorrupt
from embeddings.store.manifest import Manifest
from embeddings.store.reading import IN_MEMORY, hash_bounded, why

AGAIN = "Install or build this version again."


class Listed(Protocol):
    """What a manifest says of a file."""

    @property
    def sha256(self) -> str:
        """SHA-256 in lower-case hexadecimal."""

    @property
    def bytes(self) -> int:
        """Its size."""


def read_intact(folder: Path, manifest: Manifest, *, keep: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """Check each file of a version's folder by size and SHA-256, reading it once.

    Args:
        folder: of the version.
        manifest: of this folder.
        keep: names of files whose content is returned.

    Returns:
        Name -> content, the same bytes that were checked, for the listed files only.

    Raises:
        CatalogCorrupt: a file is missing, truncated, altered or not a file; the message names it.
    """
    contents: dict[str, bytes] = {}
    for entry in manifest.files:
        content = check_file(folder / entry.path, entry, keep=entry.path in keep)
        if entry.path in keep:
            contents[entry.path] = content
    return contents


def check_file(path: Path, entry: Listed, *, keep: bool, advice: str = AGAIN) -> bytes:
    """Check one file by size and SHA-256, reading it once.

    Args:
        path: of the file.
        entry: what the manifest says of it.
        keep: whether to return the content; it is empty otherwise.
        advice: what to do about a file that is damaged, for the message.

    Raises:
        CatalogCorrupt: the file is missing, truncated, altered, not a file, or too large to keep.
    """
    if keep and entry.bytes > IN_MEMORY:
        raise _corrupt(path, f"at most {IN_MEMORY:,} bytes", f"{entry.bytes:,} in the manifest", advice)
    try:
        size, sha256, content = hash_bounded(path, entry.bytes, keep=keep)
    except OSError as error:
        raise _corrupt(path, f"{entry.bytes} bytes", why(error), advice) from error
    if size != entry.bytes:
        raise _corrupt(path, f"{entry.bytes} bytes", f"{size}", advice)
    if sha256 != entry.sha256:
        raise _corrupt(path, f"SHA-256 {entry.sha256}", sha256, advice)
    return content


def _corrupt(path: Path, expected: str, found: str, advice: str) -> CatalogCorrupt:
    return CatalogCorrupt(f"{path} is not what its manifest says: expected {expected}, got {found}. {advice}")
