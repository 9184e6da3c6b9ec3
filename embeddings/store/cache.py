"""The user's cache: what commands keep in it, how large that is, and how to remove it while other commands run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from embeddings.errors import EmbeddingsError, OutputInvalid
from embeddings.store.card import CARD
from embeddings.store.index import names, repair_index, versions
from embeddings.store.manifest import read_manifest
from embeddings.store.reading import why
from embeddings.store.temporaries import hold, is_temporary, release, sweep, temporary_folder

Kind = Literal["snapshots", "runs", "catalogs", "fetched"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_FOLDERS = {
    "snapshots": "snapshots",
    "packed": "snapshots",
    "runs": "runs",
    "embed": "runs",
    "perturb": "runs",
    "fits": "runs",
}
"""Folders in the cache, and the kind of what lies in them."""

_OURS = re.compile(r".+-[0-9a-f]{12}")
"""What pulls, builds, embed, perturb and fit call their folders: a name, and the beginning of an identity."""

_SIGNS = {
    "snapshots": ("plan.json", "ledger.jsonl", "snapshot.json"),
    "packed": ("arrays.json",),
    "runs": ("checkpoint.pt", "history.json", "teacher.npy"),
    "embed": ("ledger.jsonl",),
    "perturb": ("ledger.jsonl",),
    "fits": ("folds.jsonl",),
}
"""Files of which each of these folders holds one, unless it is empty yet; a folder of that name without is not ours."""


@dataclass(frozen=True)
class Kept:
    """A folder in the cache that can be removed as a whole.

    Attributes:
        kind: snapshots can be pulled again, and what builds packed of them is packed again; unfinished runs can be
            started again, what was fetched from registries can be fetched again, catalogs were built by the user.
        path: of the folder.
        n_bytes: in all of its files.
    """

    kind: Kind
    path: Path
    n_bytes: int


def list_kept(cache: Path) -> list[Kept]:
    """Return what a cache holds: snapshots, unfinished runs, and versions of catalogs. All else in it is not ours.

    Raises:
        CatalogCorrupt: its folder of catalogs cannot be read.
    """
    work = [Kept(kind, path, _size(path)) for name, kind in _FOLDERS.items() for path in _folders(cache / name)]  # type: ignore[arg-type]
    root = cache / "catalogs"
    built = [root / name / version for name in names(root) for version in versions(root, name)]
    mirrors = [Kept("fetched", path, _size(path)) for path in _mirrors(cache / "registries")]
    return [*work, *mirrors, *(Kept("catalogs", path, _size(path)) for path in built if _is_own_version(path))]


def remove_kept(cache: Path, chosen: Sequence[Kept]) -> list[Kept]:
    """Remove folders of a cache, and return those that stay because another process is using them.

    Each vanishes whole. A snapshot stays while any build or embedding runs, since it may be read.

    Raises:
        OutputInvalid: one cannot be removed.
        CatalogCorrupt: the index of catalogs cannot be read.
    """
    busy = [kept for kept in chosen if not _remove(cache, kept)]
    for name in _FOLDERS:
        sweep(cache / name)
    if any(kept.kind == "catalogs" for kept in chosen):
        repair_index(cache / "catalogs")
    return busy


def _remove(cache: Path, kept: Kept) -> bool:
    """Remove one folder; False if another process is using it."""
    try:
        if kept.kind == "snapshots" and _is_busy(cache):
            return False
        with _locked(kept), temporary_folder(kept.path.parent) as aside:
            os.rename(kept.path, aside / kept.path.name)
        if kept.kind == "catalogs":
            _remove_if_empty(kept.path.parent)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    except OSError as error:
        raise OutputInvalid(f"{kept.path} cannot be removed: {why(error)}.") from error
    return True


@contextmanager
def _locked(kept: Kept) -> Iterator[None]:
    """Hold the lock file beside a folder that a command works in; nobody works in a published catalog.

    Raises:
        BlockingIOError: another process holds it.
    """
    if kept.kind in ("catalogs", "fetched"):
        yield
        return
    lock = kept.path.with_name(f".{kept.path.name}.lock")
    lock.touch()
    descriptor = hold(lock)
    try:
        yield
    finally:
        release(descriptor)


def _is_busy(cache: Path) -> bool:
    """Whether a build or an embedding is at work."""
    locks = [lock for name, kind in _FOLDERS.items() if kind == "runs" for lock in (cache / name).glob(".*.lock")]
    try:
        for lock in locks:
            with suppress(FileNotFoundError):
                release(hold(lock))
    except BlockingIOError:
        return True
    return False


def _folders(parent: Path) -> list[Path]:
    return [path for path in _listed(parent) if _is_ours(path)]


def _listed(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if _OURS.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise OutputInvalid(f"{parent} cannot be read: {why(error)}.") from error


def _mirrors(parent: Path) -> list[Path]:
    """Return the mirrors of registries; one is a root of catalogs, with the state of its index beside them."""
    return [path for path in _listed(parent) if not path.is_symlink() and (path / "_state.json").is_file()]


def _is_ours(path: Path) -> bool:
    """Whether this is a folder, no link to one, with what a command leaves in its own, or with nothing."""
    if path.is_symlink() or not path.is_dir():
        return False
    there = {name for name in os.listdir(path) if not is_temporary(name)}
    return not there or not there.isdisjoint(_SIGNS[path.parent.name])


def _is_own_version(path: Path) -> bool:
    """Whether this is a version of a catalog, perhaps a damaged one, that lies here and not behind a link."""
    if path.is_symlink() or path.parent.is_symlink():
        return False
    try:
        read_manifest(path)
    except EmbeddingsError:
        return (path / CARD).is_file()
    return True


def _size(folder: Path) -> int:
    """Return the bytes of all files below a folder, as far as they can be seen; links are not followed."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
