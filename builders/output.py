"""Where a new version goes: checked before any work is done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embeddings import index
from embeddings._version import __version__
from embeddings.errors import CatalogExists, InputInvalid, OutputInvalid
from embeddings.manifest import read_manifest

FIRST_VERSION = "0.1.0"


def check_output(root: Path, name: str, version: str | None, recipe: Mapping[str, Any], *, force: bool) -> None:
    """Check that ``root/<name>/<version>`` can be written, or may be what the recipe makes of the same snapshot.

    Raises:
        InputInvalid: the name is not one of a catalog.
        CatalogExists: the version is there, from another recipe, and ``force`` is off.
        OutputInvalid: the folder cannot be written.
    """
    if not index.is_name(name):
        raise InputInvalid(
            f'"{name}" cannot name a catalog: use lower-case letters, digits and hyphens, like "ct-multi".'
        )
    if version in index.versions(root, name) and not force and not _is_of(recipe, root / name / version):
        raise _exists(root, name, version)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputInvalid(f"Cannot make the folder {root}: {error.strerror}. Choose another with --out.") from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise OutputInvalid(f"Cannot write to {root}. Choose another folder with --out.")


def earlier_build(root: Path, name: str, version: str | None, fingerprint: str, *, force: bool) -> Path | None:
    """Return the version that this very build made earlier, the newest one if None is asked for, or None.

    Args:
        root: folder of catalogs.
        name: of the catalog.
        version: that is asked for; None for any.
        fingerprint: of the build.
        force: whether to build in any case.

    Raises:
        CatalogExists: the version that is asked for is there, from another build, and ``force`` is off.
    """
    if force:
        return None
    there = index.versions(root, name)
    for known in reversed(there):
        if version in (None, known) and read_manifest(root / name / known).fingerprint == fingerprint:
            return root / name / known
    if version in there:
        raise _exists(root, name, version)
    return None


def _is_of(recipe: Mapping[str, Any], folder: Path) -> bool:
    model = read_manifest(folder).model
    wanted = json.loads(json.dumps(recipe))  # tuples become lists, as in the manifest
    return model.code_version == __version__ and wanted.items() <= model.hyperparameters.items()


def _exists(root: Path, name: str, version: str | None) -> CatalogExists:
    return CatalogExists(
        f"{name} {version} exists in {root}, and a released version is never changed. "
        f"Choose --version {next_version(root, name)}, leave --version out, or replace it with --force."
    )


def next_version(root: Path, name: str) -> str:
    """Return the version for new vectors: the next MAJOR, or the next MINOR before 1.0.0."""
    known = [version for version in index.versions(root, name) if index.is_release(version)]
    if not known:
        return FIRST_VERSION
    major, minor, _ = (int(part) for part in known[-1].split("."))
    return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
