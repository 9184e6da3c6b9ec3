"""Composition encoders: a generator that gives a formula the vector which structures taught it, and what teaches it.

After CroMEL (Na, npj Comput. Mater. 2025, 10.1038/s41524-025-01723-1): a generator sees compositions alone, a structure
encoder sees crystals, and a loss brings the vectors of the one to those of the other. The element vectors are the
generator's own and learned with it. What is published is small enough for NumPy: `embeddings.pooling` statistics of the
element vectors, a shift and a scale, and a few linear layers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.compositions import Compositions
from builders.learning.encoders import FormulaModule
from builders.methods.cromel.config import GeneratorConfig
from embeddings.elements import N_ELEMENTS

ACTIVATIONS = {"silu": F.silu, "relu": F.relu}
TINY = 1e-12
"""Added to a variance before its root, whose slope at zero is infinite."""


class ElementBlock:
    """The element vectors of a batch of formulas, and the statistics over them."""

    def __init__(self, vectors: Tensor, compositions: Compositions) -> None:
        self.vectors = vectors  # (B, N, element_dim)
        self.fractions = compositions.fractions[..., None]
        self.padded = compositions.atomic_numbers[..., None] == 0
        self.mean = (vectors * self.fractions).sum(1)

    def std(self) -> Tensor:
        """Root of the weighted variance."""
        return ((self.vectors - self.mean[:, None]).square() * self.fractions).sum(1).add(TINY).sqrt()

    def minimum(self) -> Tensor:
        """Smallest value of any element."""
        return self.vectors.masked_fill(self.padded, torch.inf).amin(1)

    def maximum(self) -> Tensor:
        """Largest value of any element."""
        return self.vectors.masked_fill(self.padded, -torch.inf).amax(1)


POOLINGS = {
    "mean": lambda block: block.mean,
    "std": ElementBlock.std,
    "min": ElementBlock.minimum,
    "max": ElementBlock.maximum,
    "range": lambda block: block.maximum() - block.minimum(),
}
"""The statistics of `embeddings.pooling` that a generator may use."""


class CompositionGenerator(FormulaModule):
    """Compositions in, one vector for each out.

    The pooled vectors are standardized by running moments of the training batches, which are fixed afterwards.
    """

    config: GeneratorConfig

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(N_ELEMENTS + 1, config.element_dim)
        nn.init.normal_(self.table.weight, 0, config.table_std)
        width = len(config.statistics) * config.element_dim
        self.standardize = nn.BatchNorm1d(width, affine=False)
        widths = (width, *config.hidden, config.dim)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout(config.dropout)

    @property
    def settings(self) -> dict[str, Any]:
        """What `embeddings.encoder.Network` needs beside tensors."""
        return {"architecture": "pooled", "statistics": self.config.statistics, "activation": self.config.activation}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return what `embeddings.encoder.Network` computes with, and the element vectors."""
        state = self.state_dict()
        named = {
            "elements": state["table.weight"],
            "input_mean": state["standardize.running_mean"],
            "input_scale": (state["standardize.running_var"] + self.standardize.eps).sqrt(),
        } | {name: values for name, values in state.items() if name.startswith("layers.")}
        return {name: values.numpy().copy() for name, values in named.items()}

    def pool(self, compositions: Compositions) -> Tensor:
        """Return the statistics of the element vectors, side by side, (B, n_statistics * element_dim)."""
        block = ElementBlock(self.table(compositions.atomic_numbers), compositions)
        return torch.cat([POOLINGS[name](block) for name in self.config.statistics], dim=1)

    def forward(self, compositions: Compositions) -> Tensor:
        """Return one vector for each formula, (B, dim)."""
        vectors = self.standardize(self.pool(compositions))
        *hidden, last = self.layers
        for layer in hidden:
            vectors = self.dropout(ACTIVATIONS[self.config.activation](layer(vectors)))
        return last(vectors)


class Noise(nn.Module):
    """Makes a generator stochastic: Gaussian noise whose spread is learned from the vector that it is added to."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.spread = nn.Linear(dim, dim)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return a sample around each vector, (B, dim); in evaluation mode the vector itself."""
        if not self.training:
            return vectors
        return vectors + F.softplus(self.spread(vectors)) * torch.randn_like(vectors)


class CroMEL(nn.Module):
    """A generator with what teaches it: heads for labels, and a projection to the vectors of structures."""

    generator: Any

    def __init__(self, generator: Any, n_targets: int, teacher_dim: int, *, stochastic: bool = False) -> None:
        """Put heads on a generator: any network that gives formulas vectors of ``config.dim`` numbers."""
        super().__init__()
        dim = generator.config.dim
        self.generator = generator
        self.heads = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, n_targets))
        self.project = nn.Linear(dim, teacher_dim)
        self.noise = Noise(dim) if stochastic else None

    def encode(self, compositions: Compositions) -> Tensor:
        """Return one vector for each formula, (B, dim): in training a sample, if the generator is stochastic."""
        vectors = self.generator(compositions)
        return vectors if self.noise is None else self.noise(vectors)

    def forward(self, compositions: Compositions) -> Tensor:
        """Return the standardized targets, (B, n_targets)."""
        return self.heads(self.encode(compositions))
