"""Where catalogs live: which roots are searched, which folder a name means, and whether its files are intact."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from embeddings.errors import CatalogCorrupt, CatalogNotFound, did_you_mean
from embeddings.index import default_version, is_name, is_release, names, versions
from embeddings.manifest import MANIFEST, FileEntry, read_manifest

ENV_ROOTS = "EMBEDDINGS_CATALOGS"
ENV_CACHE = "EMBEDDINGS_CACHE"


@dataclass(frozen=True)
class Location:
    """One version of a catalog as the search meets it.

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


def cache_folder() -> Path:
    """Return the folder for what this library keeps per user; `EMBEDDINGS_CACHE` moves it."""
    if chosen := os.environ.get(ENV_CACHE):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "materials-embeddings"


def user_root() -> Path:
    """Return the root of catalogs in the user's cache, where builds go by default."""
    return cache_folder() / "catalogs"


def packaged_root() -> Path:
    """Return the root of the catalogs that come with the library: inside a wheel, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    in_wheel = package / "_catalogs"
    return in_wheel if in_wheel.is_dir() else package.parent / "catalogs"


def search_roots() -> list[Path]:
    """Return the roots in search order: those in `EMBEDDINGS_CATALOGS`, the user's cache, the packaged ones."""
    chosen = [Path(part).expanduser() for part in os.environ.get(ENV_ROOTS, "").split(os.pathsep) if part]
    return list(dict.fromkeys([*chosen, user_root(), packaged_root()]))


def locate_all() -> list[Location]:
    """Return every version in every root, sorted by name, in search order, lowest version first."""
    found: list[Location] = []
    owner: dict[tuple[str, str], Path] = {}
    first_root: dict[str, Path] = {}
    for root in search_roots():
        for name in names(root):
            default = default_version(root, name) if first_root.setdefault(name, root) == root else None
            for version in versions(root, name):
                first = owner.setdefault((name, version), root)
                shadowed_by = None if first == root else first
                found.append(Location(name, version, root, version == default, shadowed_by))
    return sorted(found, key=lambda location: location.name)


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the folder of a catalog version.

    Args:
        name_or_path: ``"starter"`` (its default version), ``"starter@0.1.0"``, ``"starter@0.1"`` (the highest
            release that begins so), or the path of a version's folder: a ``Path``, or a string with a separator.

    Raises:
        CatalogNotFound: nothing goes by this name; the message says what does.
    """
    if isinstance(name_or_path, os.PathLike) or _looks_like_path(name_or_path):
        return _resolve_path(Path(name_or_path).expanduser())
    name, at, wanted = name_or_path.partition("@")
    if not is_name(name) or (at and not wanted):
        raise CatalogNotFound(
            f'"{name_or_path}" is not a catalog\'s name, such as "starter" or "starter@0.1.0"; a path needs a '
            f"separator in it, such as ./starter/0.1.0.{_available(name)}"
        )
    for root in search_roots():
        version = _pick(root, name, wanted)
        if version:
            return root / name / version
    raise CatalogNotFound(_not_found(name, wanted))


def verify(folder: Path) -> None:
    """Check the manifest, and each file of a version's folder by size and SHA-256.

    A file that was found intact is not read again in this process as long as its size and time stay the same.

    Raises:
        CatalogCorrupt: a file is missing, truncated or altered; the message names it.
        ManifestInvalid: the manifest does not fit its schema.
    """
    for entry in read_manifest(folder).files:
        _verify_file(folder / entry.path, entry)


_intact: dict[Path, tuple[int, int, str]] = {}


def _verify_file(path: Path, entry: FileEntry) -> None:
    try:
        status = path.stat()
        state = (status.st_mtime_ns, status.st_size, entry.sha256)
        if _intact.get(path.absolute()) == state:
            return
        content = path.read_bytes()
    except OSError as error:
        raise _corrupt(path, "a file", str(error.strerror)) from error
    if len(content) != entry.bytes:
        raise _corrupt(path, f"{entry.bytes} bytes", f"{len(content)}")
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise _corrupt(path, f"SHA-256 {entry.sha256}", found)
    _intact[path.absolute()] = state


def _corrupt(path: Path, expected: str, found: str) -> CatalogCorrupt:
    return CatalogCorrupt(
        f"{path} is not what its manifest says: expected {expected}, got {found}. Install or build this version again."
    )


def _looks_like_path(text: str) -> bool:
    return text.startswith(("~", ".")) or os.sep in text or "/" in text


def _resolve_path(path: Path) -> Path:
    if (path / MANIFEST).is_file():
        return path
    inside = versions(path.parent, path.name) if path.is_dir() else []
    hint = f" It holds the versions {', '.join(inside)}: give the path of one of them." if inside else ""
    raise CatalogNotFound(f"{path} is not the folder of a catalog version: it has no {MANIFEST}.{hint}")


def _pick(root: Path, name: str, wanted: str) -> str | None:
    """Return the version of a name under one root that is meant, or None where the root has none."""
    known = versions(root, name)
    if not known:
        return None
    if not wanted:
        return default_version(root, name)
    if wanted in known:
        return wanted
    matching = [version for version in known if is_release(version) and version.startswith(f"{wanted}.")]
    return matching[-1] if matching else None


def _not_found(name: str, wanted: str) -> str:
    known = sorted({v for root in search_roots() for v in versions(root, name)})
    if known:
        return f'No version "{wanted}" of catalog "{name}". Available: {", ".join(known)} (embeddings list).'
    return f'No catalog "{name}".{_available(name)}'


def _available(asked: str) -> str:
    known = sorted({name for root in search_roots() for name in names(root)})
    if known:
        return f"{did_you_mean(asked, known)} Available: {', '.join(known)} (embeddings list)."
    searched = ", ".join(map(str, search_roots()))
    return f" There are none at all in {searched}; build one (embeddings build --help), or set {ENV_ROOTS}."
