"""Where a new version goes: checked before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from embeddings import index
from embeddings.errors import CatalogExists, InputInvalid, OutputInvalid
from embeddings.manifest import read_manifest

FIRST_VERSION = "0.1.0"


def check_output(root: Path, name: str, version: str | None, *, force: bool) -> None:
    """Check that ``root/<name>/<version>`` can be written.

    Raises:
        InputInvalid: the name is not one of a catalog.
        CatalogExists: the version is there, and ``force`` is off.
        OutputInvalid: the folder cannot be written.
    """
    if not index.is_name(name):
        raise InputInvalid(
            f'"{name}" cannot name a catalog: use lower-case letters, digits and hyphens, like "ct-multi".'
        )
    if version is not None and version in index.versions(root, name) and not force:
        raise CatalogExists(
            f"{name} {version} exists in {root}, and a released version is never changed. "
            f"Choose --version {next_version(root, name)}, leave --version out, or replace it with --force."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputInvalid(f"Cannot make the folder {root}: {error.strerror}. Choose another with --out.") from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise OutputInvalid(f"Cannot write to {root}. Choose another folder with --out.")


def existing_build(root: Path, name: str, fingerprint: str) -> Path | None:
    """Return the newest version of a catalog that has this fingerprint, if there is one."""
    for version in reversed(index.versions(root, name)):
        if read_manifest(root / name / version).fingerprint == fingerprint:
            return root / name / version
    return None


def next_version(root: Path, name: str) -> str:
    """Return the version for new vectors: the next MAJOR, or the next MINOR before 1.0.0."""
    known = [version for version in index.versions(root, name) if index.is_release(version)]
    if not known:
        return FIRST_VERSION
    major, minor, _ = (int(part) for part in known[-1].split("."))
    return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
