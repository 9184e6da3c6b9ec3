"""Every version in every root, which of them a bare name means, and what in the roots cannot be searched."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.errors import CatalogCorrupt, EmbeddingsError
from embeddings.store.index import best_offer, names, pick_default, read_index, readable_names, versions
from embeddings.store.reading import why
from embeddings.store.roots import ENV_ROOTS, chosen_folders, search_roots


@dataclass(frozen=True)
class Location:
    """One version of a catalog, as the search finds it.

    Attributes:
        name: of the catalog.
        version: one of its versions.
        root: the root that holds it.
        is_default: whether the bare name means this version.
        shadowed_by: the earlier root that has the same name and version, or None.
    """

    name: str
    version: str
    root: Path
    is_default: bool
    shadowed_by: Path | None = None

    @property
    def folder(self) -> Path:
        """The version's folder."""
        return self.root / self.name / self.version


@dataclass(frozen=True)
class Trouble:
    """Something in the roots that cannot be searched, while all else can.

    Attributes:
        place: root, index or folder.
        reason: a sentence that names the place.
        is_damage: False if nothing is broken, but a root that was asked for is missing.
    """

    place: Path
    reason: str
    is_damage: bool


def locate_all() -> list[Location]:
    """Return every version in every root, sorted by name, in search order, lowest version first.

    What cannot be searched is left out; `troubles` names it.
    """
    contents = [(root, *content) for root in search_roots() for content in _contents(root)]
    offers: dict[str, list[tuple[Path, str | None]]] = {}
    for root, name, _, default in contents:
        offers.setdefault(name, []).append((root, default))
    meant = {name: best_offer(offered) for name, offered in offers.items()}
    found: list[Location] = []
    owner: dict[tuple[str, str], Path] = {}
    for root, name, known, _ in contents:
        for version in known:
            first = owner.setdefault((name, version), root)
            shadowed_by = None if first == root else first
            found.append(Location(name, version, root, (root, version) == meant[name], shadowed_by))
    return sorted(found, key=lambda location: location.name)


def troubles() -> list[Trouble]:
    """Return what cannot be searched: folders and indexes that cannot be read, and roots that are missing."""
    found = absent_roots()
    for root in search_roots():
        found += _trouble(names, root) or _trouble(read_index, root)
        for name in readable_names(root):
            found += _trouble(versions, root, name)
    return found


def absent_roots() -> list[Trouble]:
    """Return the roots in `EMBEDDINGS_CATALOGS` that do not exist."""
    return [Trouble(root, f"{root}: {reason}", False) for root in chosen_folders() if (reason := _absence(root))]


def _contents(root: Path) -> Iterator[tuple[str, list[str], str | None]]:
    """Yield each name under a root with its versions and its default, as far as they can be read."""
    try:
        index: dict[str, dict[str, Any]] | None = read_index(root)
    except CatalogCorrupt:
        index = None
    for name in readable_names(root):
        try:
            known = versions(root, name)
        except CatalogCorrupt:
            known = []
        if known:
            yield name, known, None if index is None else pick_default(known, index.get(name, {}))


def _trouble(look: Callable[..., object], root: Path, *name: str) -> list[Trouble]:
    try:
        look(root, *name)
    except EmbeddingsError as error:
        return [Trouble(root.joinpath(*name), str(error), True)]
    return []


def _absence(root: Path) -> str | None:
    """Return why a chosen root holds nothing; None if it is a folder or cannot be looked at."""
    try:
        mode = root.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no such folder, though {ENV_ROOTS} names it."
    except PermissionError:
        return None
    except OSError as error:
        return f"this cannot be followed ({why(error)}), though {ENV_ROOTS} names it."
    return None if stat.S_ISDIR(mode) else f"this is not a folder, though {ENV_ROOTS} names it."
