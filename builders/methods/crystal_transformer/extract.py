"""From a trained network and the crystals that it saw to the rows of a catalog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from builders.learning.devices import deterministic
from builders.methods.crystal_transformer.batches import PackedCrystals, batches_by_size
from builders.methods.crystal_transformer.config import Vectors
from builders.methods.crystal_transformer.encoder import BATCH_SIZE, MAX_PAIRS
from builders.methods.crystal_transformer.feeding import fed_crystals
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.resident import near
from builders.methods.crystal_transformer.training import Task
from builders.structures.counts import count_structures
from builders.structures.table import StructureTable
from embeddings.catalog import ElementTable
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.errors import InputInvalid, TrainingError
from embeddings.formula.digest import hash_canonical

SPREAD = 0.1
"""Standard deviation of the vectors of elements over all elements and columns."""


def element_means(sums: np.ndarray, n_sites: np.ndarray) -> np.ndarray:
    """Return the vector of each element, the mean over its sites, as it is published and written anywhere.

    Means are centered over the elements and scaled to an overall spread of `SPREAD`: back ends overfit on features of
    unit size, and what all elements share tells none of them apart.

    Args:
        sums: (119, dim) sums of the vectors of all sites of an element, by atomic number.
        n_sites: (119,) how many there are.

    Returns:
        (119, dim) float32; elements that do not occur are zero.

    Raises:
        InputInvalid: there is one element alone, or all have the same mean, so that nothing is left.
    """
    there = np.flatnonzero(n_sites)
    means = sums[there] / n_sites[there, None]
    means -= means.mean(axis=0)
    if not means.any():
        raise InputInvalid(
            f"The vectors of elements are told from their mean, and {', '.join(SYMBOLS[z - 1] for z in there)} alone "
            "is no different from it. Give structures of at least two elements."
        )
    vectors = np.zeros(sums.shape, dtype=np.float32)
    vectors[there] = means * (SPREAD / means.std())
    return vectors


def context_vectors(model: CrystalTransformer, crystals: PackedCrystals, rows: np.ndarray) -> np.ndarray:
    """Return `element_means` of what the network gives an element's atoms on all of its sites in the given crystals.

    Args:
        model: the trained network.
        crystals: the crystals of the run.
        rows: those to average over.

    Returns:
        (119, width) float32 by atomic number; elements that do not occur are zero.
    """
    device = model.table.weight.device
    sums = torch.zeros((N_ELEMENTS + 1, model.config.width), dtype=torch.float64, device=device)
    n_sites = torch.zeros(N_ELEMENTS + 1, dtype=torch.float64, device=device)
    parts = batches_by_size(crystals.sizes, rows, batch_size=BATCH_SIZE, max_pairs=MAX_PAIRS)
    model.eval()
    with torch.inference_mode(), deterministic():
        for batch in (part.to(device) for part in fed_crystals(near(crystals, device), parts, device)):
            elements = batch.atomic_numbers.flatten()
            counts = batch.counts.flatten().double()
            sums.index_add_(0, elements, model.encode_atoms(batch).flatten(0, 1).double() * counts[:, None])
            n_sites.index_add_(0, elements, counts)
    return element_means(sums.cpu().numpy(), n_sites.cpu().numpy())


def extract_elements(
    model: CrystalTransformer, task: Task, trained_on: StructureTable, formulas: Sequence[str], vectors: Vectors
) -> ElementTable:
    """Return the rows of all elements that occur in the training crystals; no other element has one.

    Args:
        model: the trained network.
        task: what it was trained on.
        trained_on: the training crystals alone.
        formulas: their canonical reduced formulas.
        vectors: what the rows are, see `CrystalTransformerRecipe`.

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
