"""Vectors of structures that are searched for, by the encoder that made what is searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import CatalogNotFound, InputInvalid
from embeddings.store.tables import ENCODER

if TYPE_CHECKING:
    from embeddings.vectors.footer import Footer


def encode(structure: Any, footer: Footer) -> np.ndarray:
    """Return the vector of a structure, or of the one in a file, by the encoder that made a file of vectors.

    Args:
        structure: a pymatgen structure, ASE atoms, or a path.
        footer: of the file of vectors.

    Returns:
        (1, dim) float32.

    Raises:
        CatalogNotFound: the catalog of the encoder is not installed.
        InputInvalid: another encoder goes by its name, a third-party potential made the file, or a file holds several
            structures.
        MissingExtra: the extra ``build`` is not installed.
        EmbeddingsError: the structure cannot be read or encoded.
    """
    from embeddings.loaders import encode_structures_in, load_crystal_encoder

    _check_encoder(footer)
    if not isinstance(structure, Path):
        vector: np.ndarray = load_crystal_encoder(footer.encoder)[structure]
        return vector[None]
    vectors = encode_structures_in(structure, footer.encoder)
    if len(vectors) != 1:
        raise InputInvalid(f"{structure} holds {len(vectors):,} structures. Search for one at a time.")
    return vectors


def _check_encoder(footer: Footer) -> None:
    """Refuse an installed encoder that is not the one of a file of vectors."""
    from embeddings.store import roots

    if footer.is_of_others:
        raise InputInvalid(
            f"The vectors were made by {footer.encoder}, a third-party potential, which search does not run. Encode "
            f"the structure with embeddings embed --encoder {footer.catalog.name}, and search for its vector (.npy) or "
            "for an identifier."
        )
    try:
        installed = roots.manifest_of(roots.resolve(footer.encoder))
    except CatalogNotFound as error:
        raise CatalogNotFound(
            f"The vectors were made by {footer.encoder}, which is not installed, so no other structure can be "
            f"encoded. Install it, or search for an identifier. {error}"
        ) from error
    mine, theirs = _network(installed), _network(footer.catalog)
    if mine is None or mine != theirs:
        raise InputInvalid(
            f"The vectors were made by {footer.encoder}, but the installed {footer.encoder} has another "
            "encoder, or none. Vectors of different encoders cannot be compared; search for an identifier."
        )


def _network(manifest: Any) -> str | None:
    return next((file.sha256 for file in manifest.files if file.path == ENCODER), None)
