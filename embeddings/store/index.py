"""What a root folder of catalogs holds: names, versions in order, and the default version of each name.

A root is a folder of ``<name>/<version>/manifest.json``. Its ``index.json`` pins the default versions and
repeats the facts that a reader wants before opening anything; the folders remain the truth.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from embeddings.errors import CatalogCorrupt, EmbeddingsError
from embeddings.store.exchange import restore
from embeddings.store.folders import write_text
from embeddings.store.manifest import MANIFEST, Name, SemVer, read_manifest
from embeddings.store.reading import read_bounded, why

INDEX = "index.json"
INDEX_VERSION = 1
LARGEST_INDEX = 100_000_000
"""The most bytes of an index."""

_NAME, _VERSION = get_args(Name)[1:], get_args(SemVer)[1:]


_NOWHERE = (errno.ENAMETOOLONG, errno.ELOOP)


def is_name(text: str) -> bool:
    """Whether the text is a well-formed catalog name."""
    return all(constraint.allows(text) for constraint in _NAME)


def is_version(text: str) -> bool:
    """Whether the text is a well-formed semantic version."""
    return all(constraint.allows(text) for constraint in _VERSION)


def is_release(version: str) -> bool:
    """Whether a semantic version is not a pre-release such as ``1.0.0-rc.1``."""
    return "-" not in version


def precedence(version: str) -> tuple[Any, ...]:
    """Return a sort key with the precedence of Semantic Versioning 2.0.0, section 11."""
    core, _, pre = version.partition("-")
    identifiers = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".") if part]
    return tuple(map(int, core.split("."))), not pre, identifiers


def names(root: Path) -> list[str]:
    """Return the names under a root that have at least one version, sorted; unreadable ones count too.

    Raises:
        CatalogCorrupt: the root exists and cannot be read.
    """
    return sorted(name for name in _folders(root) if is_name(name) and _has_versions(root, name))


def readable_names(root: Path) -> list[str]:
    """Return the `names` under a root; none where it cannot be read."""
    try:
        return names(root)
    except CatalogCorrupt:
        return []


def versions(root: Path, name: str) -> list[str]:
    """Return the versions of a name, lowest first.

    Only folders with a manifest count, so a half-written one is not a version.

    Raises:
        CatalogCorrupt: the root or the folder of this name exists and cannot be read.
    """
    folders = [v for v in _folders(root / name) if is_version(v)]
    return sorted((v for v in folders if _is_there(root / name / v / MANIFEST)), key=precedence)


def default_version(root: Path, name: str) -> str:
    """Return the pinned version of a name, or its highest release if the pin is missing or points nowhere.

    Args:
        root: a root of catalogs.
        name: one of `names`.

    Raises:
        CatalogCorrupt: the root's index, or the folder of this name, cannot be read.
    """
    return pick_default(versions(root, name), read_index(root).get(name, {}))


def pick_default(known: list[str], entry: dict[str, Any]) -> str:
    """Return the default version of a name, given its versions, lowest first, and its entry in the index."""
    pinned = entry.get("default")
    releases = [version for version in known if is_release(version)]
    return pinned if isinstance(pinned, str) and pinned in known else (releases or known)[-1]


def best_offer(offers: Sequence[tuple[Path, str | None]]) -> tuple[Path, str] | None:
    """Return the highest version that roots offer of one name, releases before others, in the first root that has it.

    None if nothing is offered, or if the default of one root is unknown.
    """
    known = [(root, version) for root, version in offers if version is not None]
    if len(known) < len(offers):
        return None
    return max(known, key=lambda offer: (is_release(offer[1]), precedence(offer[1])), default=None)


def read_index(root: Path) -> dict[str, dict[str, Any]]:
    """Return name -> entry of a root's index; empty where there is none.

    Raises:
        CatalogCorrupt: the file is not an index.
    """
    path = root / INDEX
    try:
        document = json.loads(read_bounded(path, at_most=LARGEST_INDEX))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        if getattr(error, "errno", None) in _NOWHERE:
            return {}
        raise _unreadable(path, why(error) if isinstance(error, OSError) else error) from error
    try:
        entries = document["catalogs"]
        if document["schema_version"] != INDEX_VERSION or not all(isinstance(e, dict) for e in entries.values()):
            raise ValueError("it has another form")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, repr(error)) from error
    return entries


def update_index(root: Path, name: str, version: str) -> None:
    """Bring a root's index up to date with its folders after one version was written.

    The written version becomes the default of its name if it is a release and above the present default, or if that is
    a pre-release; so does every version that the index does not list, since its writer died before it could enter it.
    All other pins stay. Several writers may share a root: each checks again after writing, so the last one has seen
    everything.

    Raises:
        CatalogCorrupt: the index cannot be read.
        OutputInvalid: it cannot be written.
    """
    _settle(root, {name: version})


def repair_index(root: Path) -> None:
    """Bring a root's index up to date with its folders, as `update_index` does; a correct index is not touched.

    Raises:
        CatalogCorrupt: the index cannot be read.
        OutputInvalid: it cannot be written.
    """
    _settle(root, {})


def _settle(root: Path, written: Mapping[str, str]) -> None:
    path = root / INDEX
    while True:
        text = _render(root, written)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        write_text(path, text)


def _render(root: Path, written: Mapping[str, str]) -> str:
    entries = {known: _entry(root, known, written.get(known)) for known in names(root)}
    document = {"schema_version": INDEX_VERSION, "catalogs": {k: e for k, e in entries.items() if e}}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _entry(root: Path, name: str, written: str | None) -> dict[str, Any]:
    """Return the facts of a name's default version; the earlier entry if its manifest cannot be read."""
    earlier, there = read_index(root).get(name, {}), versions(root, name)
    default = default_version(root, name)
    for version in there:
        is_new = version == written or version not in earlier.get("versions", there)
        rises = precedence(version) > precedence(default) or not is_release(default)
        default = version if is_new and is_release(version) and rises else default
    try:
        manifest = read_manifest(root / name / default)
    except EmbeddingsError:
        return earlier
    if (manifest.name, manifest.version) != (name, default):
        return earlier
    facts = {fact: getattr(manifest, fact) for fact in ("kind", "dim", "n_rows", "description")}
    return {
        "default": default,
        **facts,
        "licence": manifest.licence.spdx,
        "versions": there,
        **_releases(earlier, there, written),
    }


def _releases(earlier: dict[str, Any], there: list[str], written: str | None) -> dict[str, Any]:
    """Return what `embeddings.registry` noted of the versions that are as they were."""
    noted = earlier.get("releases")
    kept = {v: noted[v] for v in there if v in noted and v != written} if isinstance(noted, dict) else {}
    return {"releases": kept} if kept else {}


def _unreadable(path: Path, reason: object) -> CatalogCorrupt:
    return CatalogCorrupt(
        f"{path} is not an index of catalogs that this library can read ({reason}). Restore it, or delete "
        "it: the highest release of each catalog is then its default."
    )


def _folders(path: Path) -> list[str]:
    """Return the names of the folders in a folder; none if it does not exist.

    Raises:
        CatalogCorrupt: it exists and cannot be read.
    """
    restore(path)  # a version that was moved aside for a writer that died
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        reason = why(error) if isinstance(error, OSError) else error
        if getattr(error, "errno", None) in _NOWHERE:
            return []
        raise CatalogCorrupt(
            f"The folder {path} cannot be read ({reason}). Make it readable, or move it away."
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _has_versions(root: Path, name: str) -> bool:
    try:
        return bool(versions(root, name))
    except CatalogCorrupt:
        return True


def _is_there(path: Path) -> bool:
    """Whether something exists at a path; what may not be looked at counts."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
