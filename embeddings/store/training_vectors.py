"""What the encoder behind a catalog was trained on, in short: a file beside it, listed in the manifest.

The vectors of the training crystals are sorted into groups, and the center of each is kept. A crystal far from every
center is unlike what the encoder has seen; how far is far, the crystals say that were held out from the training, drawn
from the same source. Versions built before there was such a file have none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from embeddings.errors import CatalogCorrupt
from embeddings.store.integrity import AGAIN, check_file
from embeddings.store.manifest import Manifest
from embeddings.store.tensors import read_tensors

TRAINING_VECTORS = "training_vectors.safetensors"

BEYOND = 0.99
"""A crystal is unlike the training if it lies farther from it than this share of the held-out crystals."""

_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class TrainingVectors:
    """Where the training crystals of an encoder lie, and how far from them others of their kind do.

    Attributes:
        centers: (n_centers, dim) float32, of groups of training crystals; each crystal where there are few.
        held_out: (n_held_out,) float32, ascending: distances of the held-out crystals to the nearest center.
    """

    centers: np.ndarray
    held_out: np.ndarray

    @classmethod
    def of(cls, centers: np.ndarray, held_out: np.ndarray) -> TrainingVectors:
        """Measure how far held-out crystals lie from centers, as these are stored.

        Args:
            centers: (n_centers, dim).
            held_out: (n_held_out, dim), vectors of crystals that were not learned from.
        """
        stored = centers.astype(np.float16).astype(np.float32)
        return cls(stored, np.sort(_nearest(stored, held_out)))

    @property
    def bound(self) -> float:
        """The distance within which `BEYOND` of the held-out crystals lie."""
        return float(np.quantile(self.held_out, BEYOND, method="higher"))

    def distances(self, vectors: np.ndarray) -> np.ndarray:
        """Return the Euclidean distance of each vector to the nearest center, (n,) float32.

        Args:
            vectors: (n, dim), of crystals, by the same encoder.
        """
        return _nearest(self.centers, np.asarray(vectors, dtype=np.float32))

    def shares(self, distances: np.ndarray) -> np.ndarray:
        """Return the share of the held-out crystals that lie nearer than each distance, (n,) float64 from 0 to 1."""
        return np.searchsorted(self.held_out, distances, side="left") / len(self.held_out)

    def turned(self, turn: np.ndarray) -> TrainingVectors:
        """Return the same in another frame; `turn` is orthogonal, (width, width), and changes no distance.

        What stands behind the first `width` numbers of a vector stays as it is, as `CrystalEncoder.turned` says.
        """
        width = len(turn)
        centers = np.hstack([self.centers[:, :width] @ turn, self.centers[:, width:]])
        return replace(self, centers=centers.astype(np.float16).astype(np.float32))


def _nearest(centers: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return the distance of each vector to the nearest center, (n,) float32.

    A matrix product finds the nearest; its distance is taken of the difference, so that no digits are lost.
    """
    found, lengths = np.empty(len(vectors), np.float32), np.square(centers).sum(axis=1)
    for start in range(0, len(vectors), _AT_ONCE):
        some = vectors[start : start + _AT_ONCE]
        nearest = (lengths - 2 * (some @ centers.T)).argmin(axis=1)
        found[start : start + _AT_ONCE] = np.linalg.norm(some - centers[nearest], axis=1)
    return found


def write_training_vectors(folder: Path, training: TrainingVectors | None) -> None:
    """Write what an encoder was trained on into a version's folder; nothing for None.

    Args:
        folder: of the version.
        training: of its encoder.
    """
    if training is not None:
        from safetensors.numpy import save

        content = save({"centers": training.centers.astype(np.float16), "held_out": training.held_out})
        (folder / TRAINING_VECTORS).write_bytes(content)


def read_training_vectors(folder: Path, manifest: Manifest, *, dim: int | None = None) -> TrainingVectors | None:
    """Return what the encoder of a version was trained on; None where the version does not tell.

    Args:
        folder: of the version.
        manifest: of this folder.
        dim: width of the encoder's vectors; None for any.

    Raises:
        CatalogCorrupt: the file is missing, altered, or holds something else, or vectors of another width.
    """
    entry = next((file for file in manifest.files if file.path == TRAINING_VECTORS), None)
    if entry is None:
        return None
    where = folder / TRAINING_VECTORS
    return parse_training_vectors(check_file(where, entry, keep=True), where, dim=dim)


def parse_training_vectors(content: bytes, where: Path, *, dim: int | None = None) -> TrainingVectors:
    """Return what an encoder was trained on from the content of a file.

    Args:
        content: of the file.
        where: it stands, for messages.
        dim: width of the encoder's vectors; None for any.

    Raises:
        CatalogCorrupt: the content holds something else, or vectors of another width.
    """
    tensors = read_tensors(content, where=where)
    if tensors.keys() != {"centers", "held_out"}:
        raise CatalogCorrupt(f"{where} holds {', '.join(sorted(tensors)[:5])}, not centers and held_out. {AGAIN}")
    centers, held_out = (tensors[name].astype(np.float32) for name in ("centers", "held_out"))
    if centers.ndim != 2 or held_out.ndim != 1 or not centers.size or not held_out.size:
        raise CatalogCorrupt(
            f"{where} has the shapes {centers.shape} and {held_out.shape}, not (n, dim) and (n,). {AGAIN}"
        )
    if dim is not None and centers.shape[1] != dim:
        raise CatalogCorrupt(f"{where} holds vectors of width {centers.shape[1]}, and its encoder gives {dim}. {AGAIN}")
    if not np.isfinite(centers).all() or not np.isfinite(held_out).all() or (np.diff(held_out, prepend=0) < 0).any():
        raise CatalogCorrupt(f"{where} holds numbers that are not finite, or distances that do not ascend. {AGAIN}")
    return TrainingVectors(centers, held_out)
