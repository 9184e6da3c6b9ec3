"""From a trained network and the crystals that it saw to the rows of a catalog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from builders.batching import PackedCrystals, batches_by_size
from builders.encoder import BATCH_SIZE, MAX_PAIRS
from builders.models.crystal_transformer import CrystalTransformer
from builders.recipes import Vectors
from builders.records import StructureTable
from builders.train import Task
from embeddings.catalog import ElementTable
from embeddings.elements import N_ELEMENTS
from embeddings.errors import TrainingError
from embeddings.formula.digest import hash_canonical

SPREAD = 0.1
"""Standard deviation of the published context vectors over all elements and columns."""


def count_structures(table: StructureTable) -> np.ndarray:
    """Return how many crystals contain each element, (119,) int64, indexed by atomic number."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    distinct = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + table.atomic_numbers)
    return np.bincount(distinct % (N_ELEMENTS + 1), minlength=N_ELEMENTS + 1)


def context_vectors(model: CrystalTransformer, crystals: PackedCrystals, rows: np.ndarray) -> np.ndarray:
    """Return the mean vector that the network gives an element's atoms over all of its sites in the given crystals.

    Means are centred over the elements and scaled to an overall spread of `SPREAD`: back ends overfit on features of
    unit size, and what all elements share tells none of them apart.

    Args:
        model: the trained network.
        crystals: the crystals of the run.
        rows: those to average over.

    Returns:
        (119, width) float32 by atomic number; elements that do not occur are zero.
    """
    sums = np.zeros((N_ELEMENTS + 1, model.config.width))
    n_sites = np.zeros(N_ELEMENTS + 1)
    device = model.table.weight.device
    model.eval()
    with torch.inference_mode():
        for part in batches_by_size(crystals.n_sites, rows, batch_size=BATCH_SIZE, max_pairs=MAX_PAIRS):
            batch = crystals.batch(part).to(device)
            np.add.at(sums, batch.atomic_numbers[batch.mask].cpu(), model.encode_atoms(batch)[batch.mask].cpu())
            n_sites += np.bincount(batch.atomic_numbers[batch.mask].cpu(), minlength=N_ELEMENTS + 1)
    there = n_sites > 0
    means = sums[there] / n_sites[there, None]
    means -= means.mean(axis=0)
    sums[there] = means * (SPREAD / means.std()) if means.any() else means
    return sums.astype(np.float32)


def extract_elements(
    model: CrystalTransformer, task: Task, trained_on: StructureTable, formulas: Sequence[str], vectors: Vectors
) -> ElementTable:
    """Return the rows of all elements that occur in the training crystals; no other element has one.

    Args:
        model: the trained network.
        task: what it was trained on.
        trained_on: the training crystals alone.
        formulas: their canonical reduced formulas.
        vectors: what the rows are, see `builders.recipes.Recipe`.

    Raises:
        TrainingError: the network gives vectors that are not numbers.
    """
    n_structures = count_structures(trained_on)
    atomic_numbers = np.flatnonzero(n_structures)
    if vectors == "context":
        rows = context_vectors(model, task.crystals, task.training_rows)
    else:
        rows = model.element_vectors().float().cpu().numpy()
    if not np.isfinite(rows[atomic_numbers]).all():
        raise TrainingError("The network gives vectors that are not numbers. Begin again with --restart.")
    digest = np.unique(hash_canonical(formulas), axis=0)
    return ElementTable(atomic_numbers, rows[atomic_numbers], n_structures[atomic_numbers], digest)
