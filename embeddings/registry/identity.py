"""A name and a version mean one content, wherever they are found: the seal of the manifest tells contents apart."""

from __future__ import annotations

from pathlib import Path

from embeddings.errors import CatalogConflict, CatalogExists, EmbeddingsError
from embeddings.store.home import MIRRORS, cache_folder
from embeddings.store.manifest import MANIFEST, read_manifest
from embeddings.store.roots import released, search_roots


def already_taken(identity: str, where: object, theirs: str, ours: str) -> CatalogExists:
    """Return the error for a version that is published with other content."""
    return CatalogExists(
        f"{identity} is in {where} with the seal {theirs}, and the one to publish has the seal {ours}. A released "
        "version is never edited: publish under a new version."
    )


def check_seals(identity: str, *, here: str, where: object, there: str, source: object) -> None:
    """Refuse content whose name and version already mean something else here.

    Args:
        identity: ``name@version``.
        here: the seal of what is known.
        where: it is.
        there: the seal of what a registry has.
        source: where that is.

    Raises:
        CatalogConflict: the two differ; the message names both.
    """
    if here != there:
        raise CatalogConflict(
            f"{identity} has two different contents: seal {here} in {where}, and seal {there} in {source}. Nothing was "
            "replaced. Ask the publisher which one is right; a released version is never edited."
        )


def check_known(name: str, version: str, seal: str, *, target: Path, source: str) -> None:
    """Refuse a version whose name and number mean other content in any root or mirror here, or in our list of releases.

    Raises:
        CatalogConflict: the message names both.
        CatalogCorrupt: the list of releases cannot be read.
    """
    ours = released().get(name, {}).get(version, seal)
    check_seals(f"{name}@{version}", here=ours, where="the list of what was released", there=seal, source=source)
    mirrors = sorted((cache_folder() / MIRRORS).glob("*"))
    for root in dict.fromkeys([*search_roots(), *mirrors]):
        folder = root / name / version
        if folder == target or not (folder / MANIFEST).is_file():
            continue
        try:
            here = read_manifest(folder).manifest_sha256
        except EmbeddingsError:
            continue
        check_seals(f"{name}@{version}", here=here, where=folder, there=seal, source=source)
