"""Crystals unlike all that an encoder was trained on: how far away they lie, and how far that is.

The distance is that of a crystal's vector to the nearest center of the training crystals, see
`embeddings.store.training_vectors`. What it means, crystals say that were held out from the training: a crystal that
lies farther away than 99% of those is called unlike the training, and the encoder is likely to know little of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from embeddings.display.numbers import share_of
from embeddings.errors import InputInvalid, TrainingNotTold, UnlikeTraining
from embeddings.store.training_vectors import BEYOND, TrainingVectors

if TYPE_CHECKING:
    from embeddings.store.manifest import Manifest

NAMED = 5
"""At most this many crystals are named in a message."""


class Remembering(Protocol):
    """What a `CrystalEncoder` offers here."""

    training: TrainingVectors | None

    @property
    def manifest(self) -> Manifest:
        """Of the catalog that it comes from."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    def encode(self, structures: Any, /) -> np.ndarray:
        """Return one vector for each crystal, (n, dim) float32."""


@dataclass(frozen=True, eq=False)
class Distances:
    """How far crystals lie from those that an encoder was trained on.

    Attributes:
        encoder: name and version of its catalog.
        values: (n,) float32, Euclidean distances of vectors; NaN for a vector of NaN.
        shares: (n,) float64 from 0 to 1: of the crystals that were held out from the training, how many lie nearer.
        bound: the distance within which 99% of those lie.
        n_held_out: how many there are.
    """

    encoder: str
    values: np.ndarray
    shares: np.ndarray
    bound: float
    n_held_out: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def unlike(self) -> np.ndarray:
        """Which crystals lie beyond the bound, or have no vector at all, (n,) bool."""
        return np.asarray(~(self.values <= self.bound))


def told_by(encoder: Remembering) -> TrainingVectors:
    """Return where the training crystals of an encoder lie.

    Raises:
        TrainingNotTold: its catalog does not hold that.
    """
    training: TrainingVectors | None = getattr(encoder, "training", None)
    if training is None:
        raise TrainingNotTold(
            f"{identity_of(encoder)} does not record where its training crystals lie: it was built before the library "
            "did so, was fine-tuned from another network, or held no crystal out. Name another version, or build one."
        )
    return training


def distances_of(encoder: Remembering, training: TrainingVectors, vectors: np.ndarray) -> Distances:
    """Measure how far vectors lie from the training crystals of the encoder that made them; (n, dim) float32."""
    values = training.distances(vectors)
    shares = np.where(np.isnan(values), np.nan, training.shares(values))
    return Distances(identity_of(encoder), values, shares, training.bound, len(training.held_out))


def identity_of(encoder: Remembering) -> str:
    """Return name and version of the catalog of an encoder."""
    return f"{encoder.manifest.name}@{encoder.manifest.version}"


def sentence(names: Sequence[str], n: int, encoder: str) -> str:
    """Return what is said of the crystals, out of n, that are unlike the training of an encoder."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return (
        f"{share_of(len(names), n, 'structure', 'is')} unlike what {encoder} was trained on, farther away than "
        f"{BEYOND:.0%} of the crystals held out from its training: {', '.join(names[:NAMED])}{more}"
    )


def warn_of_unlike(names: Iterable[str], n: int, encoder: str, *, advice: str, stacklevel: int = 2) -> None:
    """Warn of the crystals, out of n, that are unlike the training of an encoder; there may be none.

    Args:
        names: of these crystals.
        n: of all that were looked at.
        encoder: name and version of its catalog.
        advice: where the distances are.
        stacklevel: of the warning, from the caller.
    """
    if names := list(names):
        warnings.warn(f"{sentence(names, n, encoder)}. {advice}", UnlikeTraining, stacklevel=stacklevel + 1)


def given_vectors(like: Any, dim: int) -> np.ndarray | None:
    """Return vectors that are given as numbers, (n, dim) float32; None for crystals.

    Raises:
        InputInvalid: they have another width, or are not finite.
    """
    if not isinstance(like, np.ndarray) or like.dtype == object:
        return None
    if like.ndim != 2 or like.shape[1] != dim or not np.isfinite(like).all():
        raise InputInvalid(f"Vectors of this encoder are finite and have the shape (n, {dim}), not {like.shape}.")
    return like.astype(np.float32)
