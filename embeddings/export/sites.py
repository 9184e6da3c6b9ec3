"""Vectors of sites, one for each atom of a crystal, on their way into a client."""

from __future__ import annotations

import numpy as np

from embeddings.errors import InputInvalid


def site_array(vectors: np.ndarray, n_sites: int, name: str = "the crystal") -> np.ndarray:
    """Return the site vectors of one crystal, checked.

    Args:
        vectors: (n_sites, dim).
        n_sites: how many sites the client sees.
        name: of the crystal, for the message.

    Returns:
        (n_sites, dim) float32, a copy.

    Raises:
        InputInvalid: another shape, or values that are not finite.
    """
    array = np.array(vectors, dtype=np.float32)
    if array.ndim != 2 or len(array) != n_sites:
        raise InputInvalid(f"A graph of {name} has {n_sites} sites and takes ({n_sites}, dim), not {array.shape}.")
    if not np.isfinite(array).all():
        raise InputInvalid(f"The site vectors of {name} are not all finite.")
    return array
