"""Where a new version goes: checked before any work is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.progress import Reporter
from embeddings._version import __version__
from embeddings.errors import CatalogExists, EmbeddingsError, InputInvalid
from embeddings.store import index
from embeddings.store.integrity import read_intact
from embeddings.store.manifest import read_manifest
from embeddings.store.outputs import make_folder
from embeddings.store.temporaries import sweep

FIRST_VERSION = "0.1.0"


MAX_LENGTH = 100
"""Characters of a name and of a version; file systems end at 255 bytes."""


@dataclass(frozen=True)
class Place:
    """Where the vectors of a build go, or already are.

    Attributes:
        root: folder of catalogs.
        name: of the catalog.
        version: to write; None for the next one when it is written.
        replace: whether to replace what is there.
        earlier: the intact version that an identical build made earlier; then there is nothing to write.
        others: further roots that are searched for catalogs.
    """

    root: Path
    name: str
    version: str | None
    replace: bool = False
    earlier: Path | None = None
    others: tuple[Path, ...] = ()

    @property
    def next(self) -> str:
        """The version to write now."""
        return self.version or next_version(self.root, self.name, self.others)

    def write(self, write: Callable[[str, bool], Path]) -> Path:
        """Call `write(version, replace)`, with the next version if another build took this one in the meantime.

        Raises:
            CatalogExists: another build took the version, and it was asked for.
        """
        while True:
            try:
                return write(self.next, self.replace)
            except CatalogExists:
                if self.version is not None:
                    raise


def check_output(
    root: Path,
    name: str,
    version: str | None,
    recipe: Mapping[str, Any],
    *,
    force: bool,
    others: tuple[Path, ...] = (),
) -> None:
    """Check that ``root/<name>/<version>`` can be written, or may already hold this very build.

    Raises:
        InputInvalid: the name is not one of a catalog, or the version is not a semantic one.
        CatalogExists: the version is there, from another recipe, and ``force`` is off.
        CatalogCorrupt: the root's index, or the versions in another root, cannot be read.
        OutputInvalid: the folder cannot be written.
    """
    _check_name(name, version)
    index.read_index(root)
    if version is None:
        next_version(root, name, others)
    elif version in index.versions(root, name) and not force and not _is_of(recipe, root / name / version):
        raise _exists(root, name, version, others)
    make_folder(root, advice="Choose another folder with --out.")


def find_place(
    root: Path,
    name: str,
    version: str | None,
    fingerprint: str,
    *,
    force: bool,
    others: tuple[Path, ...] = (),
    without_code: str | None = None,
) -> Place:
    """Return where a build goes: nowhere if it is already there intact, in its own place if that copy is damaged.

    Args:
        root: folder of catalogs.
        name: of the catalog.
        version: the requested one; None for any that this build made, else the next one.
        fingerprint: of the build.
        force: whether to build in any case, and to replace the requested version.
        others: further roots that are searched for catalogs: the next version is above theirs too.
        without_code: the fingerprint that this build had before code was part of it. A version requested by number may
            have it: it was released before, and stays as it is.

    Raises:
        CatalogExists: the requested version exists, from another build, and ``force`` is off.
    """
    if force:
        return Place(root, name, version, replace=True, others=others)
    there = _folders(root, name)
    for known in reversed(there):
        folder = root / name / known
        accepted = {fingerprint} if version is None else {fingerprint, without_code}
        if version in (None, known) and (_fingerprint(folder) or "") in accepted:
            intact = _is_intact(folder)
            return Place(root, name, known, replace=not intact, earlier=folder if intact else None)
    if version in there:
        raise _exists(root, name, version, others)
    return Place(root, name, version, others=others)


def nothing_to_do(earlier: Path, reporter: Reporter) -> Path:
    """Report that a version exists, finish what a writer that died left undone, and return its folder.

    Raises:
        CatalogCorrupt: the root's index cannot be read.
        OutputInvalid: the index is not up to date, and cannot be written.
    """
    root = earlier.parent.parent
    for folder in (earlier.parent, root):
        sweep(folder)
    index.repair_index(root)
    reporter.say(f"Already built: {earlier}. Nothing to do (--force builds it again).")
    return earlier


def _check_name(name: str, version: str | None) -> None:
    if not index.is_name(name):
        raise InputInvalid(
            f'"{name}" cannot name a catalog: use lower-case letters, digits and hyphens, like "ct-multi".'
        )
    for text in (name, version or ""):
        if len(text) > MAX_LENGTH:
            raise InputInvalid(f'"{text[:20]}..." has {len(text)} characters; at most {MAX_LENGTH} are allowed.')
    if version is not None and not index.is_version(version):
        raise InputInvalid(f'"{version}" is not a version: use three numbers, such as "1.0.0" or "1.0.0-rc.1".')


def _folders(root: Path, name: str) -> list[str]:
    """Return all folders named like a version, lowest first, including those without a readable manifest."""
    found = [path.name for path in (root / name).iterdir()] if (root / name).is_dir() else []
    return sorted(filter(index.is_version, found), key=index.precedence)


def _fingerprint(folder: Path) -> str | None:
    """Return the fingerprint of a version, from its manifest, or from its table if the manifest is damaged."""
    try:
        return read_manifest(folder).fingerprint
    except EmbeddingsError:
        pass
    for table in sorted(folder.glob("*.parquet")):
        try:
            return (pq.read_schema(table).metadata or {}).get(b"fingerprint", b"").decode()
        except (OSError, ValueError, pa.ArrowException):
            continue
    return None


def _is_intact(folder: Path) -> bool:
    """Whether a folder belongs to the version it is named for, and every byte of its files matches its manifest."""
    try:
        manifest = read_manifest(folder)
        read_intact(folder, manifest)
    except EmbeddingsError:
        return False
    return (manifest.name, manifest.version) == (folder.parent.name, folder.name)


def _is_of(recipe: Mapping[str, Any], folder: Path) -> bool:
    """Whether a version comes from this recipe; True if its manifest is damaged, which `find_place` looks into."""
    try:
        model = read_manifest(folder).model
    except EmbeddingsError:
        return True
    wanted = json.loads(json.dumps(recipe))  # tuples become lists, as in the manifest
    return model.code_version == __version__ and wanted.items() <= model.hyperparameters.items()


def _exists(root: Path, name: str, version: str | None, others: tuple[Path, ...]) -> CatalogExists:
    return CatalogExists(
        f"{name} {version} exists in {root}, and released versions never change. "
        f"Choose --version {next_version(root, name, others)}, omit --version, or replace it with --force."
    )


def next_version(root: Path, name: str, others: tuple[Path, ...] = ()) -> str:
    """Return the version for new vectors: the next MAJOR, or the next MINOR before 1.0.0, above every existing one.

    Args:
        root: folder of catalogs that they go to.
        name: of the catalog.
        others: further roots that are searched for catalogs.

    Raises:
        CatalogCorrupt: the versions in another root cannot be read.
    """
    there = {*_folders(root, name), *(version for other in others for version in index.versions(other, name))}
    known = sorted(filter(index.is_release, there), key=index.precedence)
    if not known:
        return FIRST_VERSION
    major, minor, _ = (int(part) for part in known[-1].split("."))
    return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
