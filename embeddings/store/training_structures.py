"""The digest of the structures that a catalog was trained on: a file beside its vectors, listed in its manifest.

A row stands for one or more structures: the hash of a reduced formula, one of its anonymous formula, and a rounded
fingerprint of the structure, see `builders.structures.digest`. Versions built before there was one have none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embeddings.errors import CatalogCorrupt
from embeddings.store.decode import parse_npy
from embeddings.store.integrity import AGAIN, check_file
from embeddings.store.manifest import Manifest

STRUCTURES = "training_structures.npy"

ROW = 27
"""Bytes of a row: 5 of the formula's hash, 2 of the anonymous formula's, 20 of the fingerprint."""


def write_structures(folder: Path, digest: np.ndarray | None) -> None:
    """Write the digest into a version's folder; nothing for None.

    Args:
        folder: of the version.
        digest: (n, `ROW`) uint8, sorted, without repeats.
    """
    if digest is not None:
        np.save(folder / STRUCTURES, digest, allow_pickle=False)


def read_structures(folder: Path, manifest: Manifest) -> np.ndarray | None:
    """Return the digest of a version, (n, `ROW`) uint8; None where it has none.

    Raises:
        CatalogCorrupt: the file is missing, altered, or not a digest.
    """
    entry = next((file for file in manifest.files if file.path == STRUCTURES), None)
    if entry is None:
        return None
    digest = parse_npy(check_file(folder / STRUCTURES, entry, keep=True), folder / STRUCTURES)
    if digest.dtype != np.uint8 or digest.ndim != 2 or digest.shape[1] != ROW:
        raise CatalogCorrupt(f"{folder / STRUCTURES} is not a digest of structures. {AGAIN}")
    return digest
