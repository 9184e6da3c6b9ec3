"""The user's side of a registry: the folder of what was fetched from it. It is light, since every load comes here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embeddings.registry.address import mirror_name
from embeddings.registry.remembered import key_of
from embeddings.store.home import MIRRORS, cache_folder
from embeddings.store.manifest import MANIFEST
from embeddings.store.outputs import make_folder

ADVICE = "Set EMBEDDINGS_CACHE to a folder of yours."


@dataclass(frozen=True)
class Mirror:
    """A registry and its folder in the cache, which is a root of catalogs like any other.

    Attributes:
        url: of the registry.
        key: that it must be signed with; empty if none is pinned.
        folder: in the cache.
    """

    url: str
    key: str
    folder: Path

    @classmethod
    def of(cls, url: str) -> Mirror:
        """Return the mirror of a registry; with another pinned key it is another mirror.

        Raises:
            OutputInvalid: this user has no cache.
        """
        key = key_of(url)
        return cls(url, key, cache_folder() / MIRRORS / mirror_name(url, key))

    def version_folder(self, name: str, version: str) -> Path:
        """Return where a version is, or goes."""
        return self.folder / name / version

    def has(self, name: str, version: str) -> bool:
        """Whether a version was fetched."""
        return (self.version_folder(name, version) / MANIFEST).is_file()

    @property
    def parts(self) -> Path:
        """Folder of unfinished downloads, made if needed."""
        folder = self.folder / "_parts"
        make_folder(folder, advice=ADVICE)
        return folder
