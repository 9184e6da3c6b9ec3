"""Vectors of structures that are searched for, by the encoder that made what is searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import CatalogNotFound, InputInvalid
from embeddings.store.tables import ENCODER

if TYPE_CHECKING:
    from embeddings.vectors.file import Footer


def encoded_structure(structure: Any, footer: Footer) -> np.ndarray:
    """Return the vector of a structure by the encoder that made a file of vectors, (dim,) float32.

    Raises:
        CatalogNotFound: the catalog of the encoder is not installed.
        InputInvalid: another encoder goes by its name.
        MissingExtra: the extra ``build`` is not installed.
        EmbeddingsError: the structure cannot be encoded.
    """
    from embeddings.loaders import load_crystal_encoder

    _check_encoder(footer)
    return load_crystal_encoder(footer.encoder)[structure]


def encoded_file(path: Path, footer: Footer) -> np.ndarray:
    """Return the vector of the structure in a file by the encoder that made a file of vectors, (1, dim) float32.

    Raises:
        InputInvalid: the file holds several structures, or another encoder goes by the name.
        EmbeddingsError: as `encoded_structure` says.
    """
    from embeddings.bench.encoding import encoded
    from embeddings.bench.manifest import StructureUse
    from embeddings.vectors.structures import read_structure_catalog

    sha256 = _check_encoder(footer)
    use = StructureUse(encoder=footer.encoder, sha256=sha256, level="structure", dim=footer.dim)
    with encoded(path, use) as file:
        vectors = read_structure_catalog(file).vectors
    if len(vectors) != 1:
        raise InputInvalid(f"{path} holds {len(vectors):,} structures. One is searched for at a time.")
    return vectors


def _check_encoder(footer: Footer) -> str:
    """Return the hash of the encoder of a file of vectors, after the installed one was found to be the same."""
    from embeddings.store import roots

    try:
        installed = roots.manifest_of(roots.resolve(footer.encoder))
    except CatalogNotFound as error:
        raise CatalogNotFound(
            f"The vectors were made by {footer.encoder}, which is not installed, so that no other structure can be "
            f"encoded. Get it, or search for an identifier. {error}"
        ) from error
    mine, theirs = _network(installed), _network(footer.catalog)
    if mine is None or mine != theirs:
        raise InputInvalid(
            f"The vectors were made by {footer.encoder}, and the {footer.encoder} that is installed has another "
            "encoder, or none. Vectors of different encoders cannot be compared; search for an identifier."
        )
    return mine


def _network(manifest: Any) -> str | None:
    return next((file.sha256 for file in manifest.files if file.path == ENCODER), None)
