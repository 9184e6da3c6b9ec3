"""How far crystals lie from those that an encoder was trained on, from Python."""

from __future__ import annotations

import os
from typing import Any, cast

from embeddings.loaders import load_crystal_encoder
from embeddings.vectors.unlike import Distances, Remembering, distances_of, given_vectors, told_by


def distance_to_training(like: Any, encoder: str | os.PathLike[str] | Remembering = "ct-multi") -> Distances:
    """Measure how far crystals lie from those that an encoder was trained on.

    Args:
        like: n pymatgen structures or ASE atoms; or their vectors by this encoder, (n, dim).
        encoder: a `CrystalEncoder`, or the name of its catalog.

    Raises:
        TrainingNotTold: the version of the catalog does not hold where its training crystals lie.
        InputInvalid: vectors of another width, or that are not finite; or a structure cannot be encoded.
        EmbeddingsError: the encoder cannot be loaded, or does not cover an element.

    Example:
        >>> from embeddings import distance_to_training
        >>> distance_to_training(structures, "ct-multi").unlike  # doctest: +SKIP
        array([False, False,  True])
    """
    named = isinstance(encoder, str | os.PathLike)
    loaded = cast(Remembering, load_crystal_encoder(encoder) if named else encoder)  # type: ignore[arg-type]
    training = told_by(loaded)
    vectors = given_vectors(like, loaded.dim)
    return distances_of(loaded, training, loaded.encode(list(like)) if vectors is None else vectors)
