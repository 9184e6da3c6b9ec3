"""What a network says of many crystals: its predictions, or their vectors, in full precision."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from builders.learning.workers import ALONE, Team
from builders.methods.crystal_transformer.batches import Batch, Crystals, batches_by_size
from builders.methods.crystal_transformer.config import TrainingConfig
from builders.methods.crystal_transformer.feeding import fed_crystals
from builders.methods.crystal_transformer.model import CrystalTransformer


def predict(
    model: nn.Module,
    crystals: Crystals,
    rows: np.ndarray,
    config: TrainingConfig,
    device: torch.device,
    *,
    team: Team = ALONE,
) -> np.ndarray:
    """Return what a network says of the given rows in full precision, (n_rows, n_columns) float64.

    Several workers share the batches; what each predicts does not depend on how many there are.
    """
    model.eval()
    order = batches_by_size(crystals.sizes, np.asarray(rows), batch_size=config.batch_size, max_pairs=config.max_pairs)
    with torch.inference_mode():
        mine = [model(batch.to(device)) for batch in fed_crystals(crystals, order[team.rank :: team.size], device)]
    shares = team.gather([found.cpu().numpy() for found in mine])
    parts = [shares[number % team.size][number // team.size] for number in range(len(order))]
    there = np.concatenate(order)
    ranked = np.argsort(there, kind="stable")
    return np.concatenate(parts).astype(np.float64)[ranked[np.searchsorted(there, rows, sorter=ranked)]]


def vectors_of(
    network: CrystalTransformer, crystals: Crystals, config: TrainingConfig, device: torch.device
) -> np.ndarray:
    """Return the vectors of all crystals as a network gives them, (n, width) float64."""
    return predict(_Encoding(network), crystals, np.arange(len(crystals.sizes)), config, device)


class _Encoding(nn.Module):
    """A network whose output is the vector of a crystal."""

    def __init__(self, network: CrystalTransformer) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Tensor:
        return self.network.encode(batch)
