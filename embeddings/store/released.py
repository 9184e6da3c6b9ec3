"""The list of every version that was ever released, with the seal that tells its content from any other.

It comes with the library: an installation that lacks an old version can say that there is one, and knows it when it
sees it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from embeddings.errors import CatalogCorrupt
from embeddings.store.index import LARGEST_INDEX, is_name, is_version, precedence
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST
from embeddings.store.reading import read_bounded, why

RELEASED = "released.json"
RELEASED_VERSION = 1


def read_released(root: Path) -> dict[str, dict[str, str]]:
    """Return name -> version -> ``manifest_sha256`` of every released version, lowest first; empty without a list.

    Args:
        root: that the list lies in.

    Raises:
        CatalogCorrupt: the file is not such a list.
    """
    path = root / RELEASED
    try:
        document = json.loads(read_bounded(path, at_most=LARGEST_INDEX))
        return {name: _sealed(name, known) for name, known in _entries(document).items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = why(error) if isinstance(error, OSError) else error
        raise CatalogCorrupt(
            f"{path} is not a list of released versions ({reason}). Install the library again."
        ) from error


def find_fetched(registries: Path, name: str, known: dict[str, str], wanted: str) -> Path | None:
    """Return the folder of a released version among what was fetched from registries; None if it is not there.

    Args:
        registries: folder of mirrors.
        name: of the catalog.
        known: version -> seal of its releases.
        wanted: a version, or the beginning of one.
    """
    for version in _matching(known, wanted):
        for folder in sorted(registries.glob(f"*/{name}/{version}")):
            if _has_seal(folder, known[version]):
                return folder
    return None


def how_to_fetch(name: str, known: dict[str, str], wanted: str) -> str:
    """Return how to get a released version that is not here; nothing for one that was never released."""
    meant = _matching(known, wanted)
    if not meant:
        return ""
    identity = f"{name}@{meant[0]}"
    return (
        f"{identity} was released, but this installation brings newer versions only. Fetch it: embeddings get "
        f"{identity} --from PLACE, where PLACE is the folder released/ of the library's sources, or a registry. "
        f"Its seal is known ({known[meant[0]][:12]}...), so only the released bytes are taken; from then on the same "
        "name loads it."
    )


def _matching(known: dict[str, str], wanted: str) -> list[str]:
    """Return the releases that a version, or the beginning of one, means; the highest first."""
    found = [version for version in known if wanted and (version == wanted or version.startswith(f"{wanted}."))]
    return sorted(found, key=precedence, reverse=True)


def _has_seal(folder: Path, seal: str) -> bool:
    """Whether the manifest in a folder claims a seal; whoever reads the manifest checks that its text has it."""
    try:
        document = json.loads(read_bounded(folder / MANIFEST, at_most=LARGEST_MANIFEST))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("manifest_sha256") == seal


def _entries(document: Any) -> dict[str, dict[str, str]]:
    if document["schema_version"] != RELEASED_VERSION:
        raise ValueError(f"its schema_version is {document['schema_version']}")
    entries: dict[str, dict[str, str]] = document["released"]
    return entries


def _sealed(name: str, known: dict[str, str]) -> dict[str, str]:
    for version, seal in known.items():
        if not (is_name(name) and is_version(version) and isinstance(seal, str)):
            raise ValueError(f"{name}@{version} is not a version with a seal")
    return dict(sorted(known.items(), key=lambda entry: precedence(entry[0])))
