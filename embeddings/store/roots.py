"""Where catalogs live: which roots are searched, which folder a name means, and whether its files are intact."""

from __future__ import annotations

import os
from pathlib import Path

from embeddings.display.text import shortened
from embeddings.errors import CatalogCorrupt, CatalogNotFound, OutputInvalid, did_you_mean
from embeddings.store.exchange import read_settled
from embeddings.store.home import ENV_CACHE, MIRRORS, cache_folder, expanded
from embeddings.store.index import (
    INDEX,
    best_offer,
    is_name,
    is_release,
    is_version,
    pick_default,
    read_index,
    readable_names,
    versions,
)
from embeddings.store.integrity import read_intact
from embeddings.store.manifest import MANIFEST, Manifest, read_manifest
from embeddings.store.reading import IN_MEMORY
from embeddings.store.released import find_fetched, how_to_fetch, read_released
from embeddings.store.url_roots import (
    fetch_address,
    fetch_version,
    is_in_registry,
    is_url_root,
    mirror_folder,
    offer,
    split_path,
)

ENV_ROOTS = "EMBEDDINGS_CATALOGS"


def user_root() -> Path:
    """Return the root of catalogs in the user's cache, where builds go by default.

    Raises:
        OutputInvalid: this user has no home, and no other folder was chosen.
    """
    return cache_folder() / "catalogs"


def packaged_root() -> Path:
    """Return the root of the catalogs that come with the library: inside a wheel, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    in_wheel = package / "_catalogs"
    return in_wheel if in_wheel.is_dir() else package.parent / "catalogs"


def earlier_root() -> Path:
    """Return the root of released versions that newer ones took the place of: beside the packaged one in a checkout.

    A wheel does not hold it; `released` says what it would hold.
    """
    return packaged_root().with_name("released")


def released() -> dict[str, dict[str, str]]:
    """Return name -> version -> seal of every version that came, or comes, with the library.

    Raises:
        CatalogCorrupt: the list of them cannot be read.
    """
    return read_released(packaged_root())


def search_roots() -> list[Path]:
    """Return the roots in search order: those in `EMBEDDINGS_CATALOGS`, the user's cache, the packaged ones.

    Last comes the root of earlier releases, where there is one. A user without a home, or with one that cannot be
    entered, has no cache, and so one root less.
    """
    earlier = [earlier_root()] if earlier_root().is_dir() else []
    return list(dict.fromkeys([*_chosen_roots(), *_own_roots(), packaged_root(), *earlier]))


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the folder of a catalog version.

    Args:
        name_or_path: ``"starter"`` (the highest of the default versions of all roots), ``"starter@0.3.0"`` (from the
            first root that has it), ``"starter@0.3"`` (the highest release in any root that begins so), the path of
            a version's folder: a ``Path``, or a string with a separator; or the address of a catalog in a registry,
            ``"hf://org/repo/starter@0.3.0"``, which is fetched into the cache once.

    Raises:
        CatalogNotFound: there is no such catalog; the message lists those that there are.
        CatalogCorrupt: a root that may hold it, or its index, cannot be read.
        EmbeddingsError: a registry is asked, and fails, see `embeddings.registry.fetch.fetch`.
    """
    if is_in_registry(name_or_path):
        return fetch_address(str(name_or_path))
    if isinstance(name_or_path, os.PathLike) or _looks_like_path(name_or_path):
        return _resolve_path(expanded(name_or_path))
    name, at, wanted = name_or_path.partition("@")
    if not is_name(name) or (at and not wanted):
        raise CatalogNotFound(
            f'"{shortened(name_or_path)}" is not a catalog\'s name, such as "starter" or "starter@0.3.0"; a path '
            f"needs a separator in it, such as ./starter/0.1.0.{_available(name)}"
        )
    meant = _here(name, wanted) if is_version(wanted) else None
    meant = meant or _first_or_best(name, wanted)
    if meant is None:
        fetched = fetched_release(name, wanted)
        if fetched is None:
            raise CatalogNotFound(_not_found(name, wanted))
        return fetched
    root, version = meant
    url = _url_roots().get(root)
    return fetch_version(url, name, version) if url else root / name / version


def manifest_of(folder: Path) -> Manifest:
    """Read the manifest of a version's folder, and check that it is in the right place.

    Under a root, the folder must have the name and version of its manifest. A copy elsewhere may have any name except
    that of another version.

    Raises:
        CatalogCorrupt: the manifest is missing, unreadable or altered, or is that of another catalog or version.
        ManifestInvalid: the manifest does not fit its schema.
    """
    manifest, place = read_manifest(folder), Path(os.path.abspath(folder))
    expected_name, expected_version = manifest.name, manifest.version
    if is_version(place.name):
        expected_version = place.name
        expected_name = place.parent.name if _is_root(place.parent.parent) else expected_name
    if (manifest.name, manifest.version) != (expected_name, expected_version):
        raise CatalogCorrupt(
            f"{place} is where {expected_name}@{expected_version} belongs, but its {MANIFEST} says that it is "
            f"{manifest.name}@{manifest.version}. Move it to its own place, or install this version again."
        )
    return manifest


def verify(folder: Path) -> None:
    """Check a version's folder: its manifest and place, each file by size and SHA-256, and what the files hold.

    Every byte is read each time. The tables must hold the same rows in every format and the name and version of the
    manifest, all weights must be numbers, and there may be no file that the manifest does not list.

    Raises:
        CatalogCorrupt: a file is missing, truncated or altered, or does not fit the others; the message names it.
        ManifestInvalid: the manifest does not fit its schema.
    """
    from embeddings.store.audit import check_contents

    def check() -> None:
        manifest = manifest_of(folder)
        check_contents(folder, manifest, read_intact(folder, manifest, keep=_small_enough(manifest)))

    read_settled(folder, check)


def _small_enough(manifest: Manifest) -> frozenset[str]:
    return frozenset(entry.path for entry in manifest.files if entry.bytes <= IN_MEMORY)


def _looks_like_path(text: str) -> bool:
    return text.startswith(("~", ".")) or os.sep in text or "/" in text


def _resolve_path(path: Path) -> Path:
    if _is_seen(path / MANIFEST):
        return path
    inside = versions(path.parent, path.name) if is_name(path.name) else []
    hint = f" It holds the versions {', '.join(inside)}: give the path of one of them." if inside else ""
    raise CatalogNotFound(f"{path} is not the folder of a catalog version: it has no {MANIFEST}.{hint}")


def chosen_folders() -> list[Path]:
    """Return the roots in `EMBEDDINGS_CATALOGS` that are folders of this machine, whether they are there or not."""
    return [expanded(part) for part in _chosen() if not is_url_root(part)]


def _chosen_roots() -> list[Path]:
    return [mirror_folder(part) if is_url_root(part) else expanded(part) for part in _chosen()]


def _chosen() -> list[str]:
    return split_path(os.environ.get(ENV_ROOTS, ""))


def _url_roots() -> dict[Path, str]:
    """Return the mirrors among the chosen roots, each with its URL."""
    return {mirror_folder(part): part for part in _chosen() if is_url_root(part)}


def _own_roots() -> list[Path]:
    """Return the root in the user's cache; none if the cache is the default one and the user may not read it."""
    try:
        root = user_root()
    except OutputInvalid:
        return []
    return [] if ENV_CACHE not in os.environ and _is_closed(root) else [root]


def _is_closed(folder: Path) -> bool:
    try:
        os.stat(folder)
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(folder, os.R_OK | os.X_OK)


def _is_root(folder: Path) -> bool:
    """Whether a folder is searched for catalogs, or has an index of them."""
    roots = {os.path.realpath(root) for root in search_roots()}
    return os.path.realpath(folder) in roots or _is_seen(folder / INDEX)


def _is_seen(path: Path) -> bool:
    """Whether a path is a file; False also if that cannot be determined."""
    try:
        return path.is_file()
    except OSError:
        return False


def _here(name: str, version: str) -> tuple[Path, str] | None:
    """Return the first root on this machine that has a version: no registry is asked for what is here."""
    return next(((root, version) for root in search_roots() if version in versions(root, name)), None)


def _first_or_best(name: str, wanted: str) -> tuple[Path, str] | None:
    """Return the first root with the version that is wanted; the best one where several versions may be meant."""
    urls = _url_roots()
    offers = (
        (root, version)
        for root in search_roots()
        if (version := offer(urls[root], name, wanted) if root in urls else _pick(root, name, wanted))
    )
    return next(offers, None) if is_version(wanted) else best_offer(list(offers))


def _pick(root: Path, name: str, wanted: str) -> str | None:
    """Return the version of a name under one root that is meant, or None if the root has none."""
    known = versions(root, name)
    if not known:
        return None
    if not wanted:
        return pick_default(known, read_index(root).get(name, {}))
    if wanted in known:
        return wanted
    matching = [version for version in known if is_release(version) and version.startswith(f"{wanted}.")]
    return matching[-1] if matching else None


def fetched_release(name: str, wanted: str) -> Path | None:
    """Return the folder of a released version that was fetched from whatever registry; None where none was.

    A bare name is looked up in no registry. A released version is known by its seal, so it cannot be another's.

    Raises:
        CatalogCorrupt: the list of released versions cannot be read.
    """
    own = _own_roots()
    return find_fetched(own[0].parent / MIRRORS, name, released().get(name, {}), wanted) if own else None


def _not_found(name: str, wanted: str) -> str:
    elsewhere = how_to_fetch(name, released().get(name, {}), wanted)
    if elsewhere:
        return elsewhere
    known = sorted({v for root in search_roots() for v in versions(root, name)})
    if known:
        return f'No version "{shortened(wanted)}" of catalog "{name}". Available: {", ".join(known)} (embeddings list).'
    return f'No catalog "{shortened(name)}".{_available(name)}'


def _available(asked: str) -> str:
    known = sorted({name for root in search_roots() for name in readable_names(root)})
    if known:
        return f"{did_you_mean(asked, known)} Available: {', '.join(known)} (embeddings list)."
    searched = ", ".join(map(str, search_roots()))
    return f" There are none at all in {searched}; build one (embeddings build --help), or set {ENV_ROOTS}."
