"""Members that go on from one network: each a copy with a linear head, of which some weights move; and their mean."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from builders.learning.ridge import fit_ridge
from builders.methods.crystal_transformer.batches import Batch
from builders.methods.crystal_transformer.config import TuningConfig
from builders.methods.crystal_transformer.model import CrystalTransformer

State = dict[str, Tensor]


class Member(nn.Module):
    """A network and a linear head for each target."""

    def __init__(self, network: CrystalTransformer, vectors: np.ndarray, labels: np.ndarray) -> None:
        """Begin with ridge regressions.

        Args:
            network: copied.
            vectors: (n, width) that it gives the training rows.
            labels: (n, n_targets) of these, standardized, NaN where unknown.
        """
        super().__init__()
        self.network = copy.deepcopy(network)
        self.head = nn.Linear(vectors.shape[1], labels.shape[1])
        weights, biases = fit_ridge(vectors, labels)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(weights))
            self.head.bias.copy_(torch.from_numpy(biases))

    def forward(self, batch: Batch) -> Tensor:
        """Return the standardized targets, (B, n_targets)."""
        vectors = self.network.encode(batch)
        with torch.autocast(vectors.device.type, enabled=False):  # a rounded prediction could not be a precise one
            return self.head(vectors.float())


class LowRank(nn.Module):
    """A matrix and a change to it of low rank, which begins at zero."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        n_out, n_in = weight.shape
        self.down = nn.Parameter(torch.randn(min(rank, n_in), n_in) / n_in**0.5)
        self.up = nn.Parameter(torch.zeros(n_out, min(rank, n_in)))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed matrix."""
        return weight + self.up @ self.down


def free(network: CrystalTransformer, tuning: TuningConfig) -> None:
    """Let the weights move that are to move, and no others."""
    if tuning.tune == "all":
        return
    network.requires_grad_(False)
    if tuning.tune == "last":
        network.layers[-1].requires_grad_(True)
        network.norm.requires_grad_(True)
        return
    for module in list(network.modules()):
        if isinstance(module, nn.Linear):
            parametrize.register_parametrization(module, "weight", LowRank(module.weight, tuning.rank))


def merged(network: CrystalTransformer) -> State:
    """Return the weights of a network, adapters being part of the matrices that they change."""
    state, found = network.state_dict(), {}
    for name, tensor in state.items():
        layer, mark, part = name.partition(".parametrizations.weight.")
        if not mark:
            found[name] = tensor
        elif part == "original":
            found[f"{layer}.weight"] = tensor + state[f"{layer}{mark}0.up"] @ state[f"{layer}{mark}0.down"]
    return found


def mean_network(networks: Sequence[CrystalTransformer]) -> CrystalTransformer:
    """Return the network whose weights are the mean of others' that began alike."""
    states = [merged(network) for network in networks]
    mean = CrystalTransformer(networks[0].config, n_targets=0)
    mean.load_state_dict({name: torch.stack([one[name].double() for one in states]).mean(0) for name in states[0]})
    return mean.to(networks[0].norm.weight.device).eval().requires_grad_(False)
