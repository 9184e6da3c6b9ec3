"""Where the training crystals of an encoder lie among its vectors: the centers of groups of them.

The groups are those of k-means (Lloyd, IEEE Trans. Inf. Theory 28, 129 (1982), 10.1109/TIT.1982.1056489).
"""

from __future__ import annotations

import numpy as np
import torch

from builders.learning.devices import deterministic
from builders.methods.crystal_transformer.batches import PackedCrystals, batches_by_size
from builders.methods.crystal_transformer.encoder import BATCH_SIZE, MAX_PAIRS
from builders.methods.crystal_transformer.feeding import fed_crystals
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.resident import near
from embeddings.store.training_vectors import TrainingVectors

N_CENTERS, ROUNDS = 2048, 10
"""Groups of training crystals, and passes over these that sort them."""

AT_ONCE = 8192
"""Vectors whose distances to all centers are in memory together."""

MOST_TRAINED_ON, MOST_HELD_OUT = 131_072, 8192
"""Crystals that are looked at: of more, as many that are evenly spaced."""


def training_vectors(
    model: CrystalTransformer, crystals: PackedCrystals, training_rows: np.ndarray, held_out_rows: np.ndarray
) -> TrainingVectors | None:
    """Return where training crystals lie, and how far from them held-out ones do; None where none are held out.

    Args:
        model: the network as it is published.
        crystals: of the run.
        training_rows: those that it was trained on, ascending.
        held_out_rows: those that it was not, ascending.
    """
    if not len(held_out_rows):
        return None
    trained_on = vectors_of_rows(model, crystals, evenly(training_rows, MOST_TRAINED_ON))
    held_out = vectors_of_rows(model, crystals, evenly(held_out_rows, MOST_HELD_OUT))
    return TrainingVectors.of(centers_of(trained_on), held_out)


def vectors_of_rows(model: CrystalTransformer, crystals: PackedCrystals, rows: np.ndarray) -> np.ndarray:
    """Return the vectors of some crystals, (n, structure_dim) float32.

    Args:
        model: the network.
        crystals: of the run.
        rows: (n,) which of them, ascending.
    """
    device = model.table.weight.device
    there = near(crystals, device)
    vectors = np.empty((len(rows), model.config.structure_dim), dtype=np.float32)
    parts = batches_by_size(crystals.sizes, rows, batch_size=BATCH_SIZE, max_pairs=MAX_PAIRS)
    model.eval()
    with torch.inference_mode(), deterministic():
        for part, batch in zip(parts, fed_crystals(there, parts, device), strict=True):
            vectors[np.searchsorted(rows, part)] = model.encode(batch.to(device)).cpu().numpy()
    return vectors


def centers_of(vectors: np.ndarray, n_centers: int = N_CENTERS) -> np.ndarray:
    """Return the centers of groups of vectors, (n_centers, dim); the vectors themselves where there are not more.

    Args:
        vectors: (n, dim).
        n_centers: how many groups.
    """
    centers = evenly(vectors, n_centers)
    if len(centers) == len(vectors):
        return vectors
    for _ in range(ROUNDS):
        centers = _moved(centers, vectors)
    return centers


def _moved(centers: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return the means of the vectors nearest to each center; a center without any stays where it is."""
    from scipy.cluster.vq import vq

    sums, counts = np.zeros(centers.shape), np.zeros(len(centers), dtype=np.int64)
    for start in range(0, len(vectors), AT_ONCE):
        some = vectors[start : start + AT_ONCE]
        nearest = vq(some, centers, check_finite=False)[0]
        np.add.at(sums, nearest, some)
        counts += np.bincount(nearest, minlength=len(centers))
    means = sums / np.maximum(counts, 1)[:, None]
    return np.where(counts[:, None] > 0, means, centers).astype(vectors.dtype)


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """Return rows that are evenly spaced, `most` of them; all where there are not more."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
