"""One member of a fine-tuned ensemble: a copy of the generator with a head, stopped early on formulas held out."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.optimization import learning_rate_factor
from builders.learning.splits import split_by_formula
from builders.methods.cromel.model import CompositionGenerator, Compositions

WARMUP = 0.05
"""Share of all steps in which the learning rates rise."""

AT_ONCE = 4096
"""Formulas that are predicted together."""


@dataclass(frozen=True)
class Budget:
    """How a member is trained; see `CrossModalRegressor`."""

    epochs: int
    batch_size: int
    learning_rate: float
    encoder_learning_rate: float
    weight_decay: float
    dropout: float
    validation_fraction: float


class Member(nn.Module):
    """A generator, its vectors standardized on the training rows, and a head: linear plus one hidden layer."""

    shift: Tensor
    scale: Tensor

    def __init__(self, generator: CompositionGenerator, n_outputs: int, dropout: float) -> None:
        super().__init__()
        dim = generator.config.dim
        self.generator = copy.deepcopy(generator).eval()
        self.register_buffer("shift", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.linear = nn.Linear(dim, n_outputs)
        self.hidden = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Dropout(dropout), nn.Linear(dim, n_outputs))

    def head(self, vectors: Tensor) -> Tensor:
        """Return the outputs for vectors of the generator, (B, n_outputs)."""
        vectors = (vectors - self.shift) / self.scale
        return self.linear(vectors) + self.hidden(vectors)

    def forward(self, compositions: Compositions) -> Tensor:
        """Return the outputs for formulas, (B, n_outputs)."""
        return self.head(self.generator(compositions))

    @torch.inference_mode()
    def predict(self, compositions: Compositions) -> np.ndarray:
        """Return the outputs, (n, n_outputs) float64.

        They are computed in float64, so that those of a formula do not depend on what else is asked for with it.
        """
        exact = copy.deepcopy(self).double()
        compositions = Compositions(compositions.atomic_numbers, compositions.fractions.double())
        parts = torch.arange(len(compositions)).split(AT_ONCE)
        return torch.cat([exact(compositions.take(rows)) for rows in parts]).numpy()


def fit_member(
    generator: CompositionGenerator,
    compositions: Compositions,
    wanted: Tensor,
    groups: np.ndarray,
    budget: Budget,
    *,
    n_outputs: int,
    seed: int,
) -> Member:
    """Train a member and return it as it was in its best epoch.

    Args:
        generator: to start from.
        compositions: n formulas.
        wanted: (n, 1) float32 standardized values, or (n,) int64 class numbers.
        groups: (n,) canonical reduced formulas; those of the inner validation rows are not trained on.
        budget: how.
        n_outputs: 1, or the number of classes.
        seed: of the head, the inner split and the batches.
    """
    training, validation = split_by_formula(groups.tolist(), validation_fraction=budget.validation_fraction, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        member = Member(generator, n_outputs, budget.dropout)
        fit = _Fit(member, compositions, wanted, budget, torch.from_numpy(training))
        return fit.best_epoch(torch.from_numpy(validation))


class _Fit:
    """The training of one member. A frozen encoder encodes once."""

    def __init__(
        self, member: Member, compositions: Compositions, wanted: Tensor, budget: Budget, rows: Tensor
    ) -> None:
        self.member, self.compositions, self.wanted = member, compositions, wanted
        self.budget, self.rows = budget, rows
        with torch.no_grad():
            vectors = member.generator(compositions)
            member.shift, member.scale = vectors[rows].mean(0), vectors[rows].std(0, correction=0) + 1e-6
        self.vectors = None if budget.encoder_learning_rate else vectors
        self.n_batches = max(1, len(rows) // budget.batch_size)
        head = [*member.linear.parameters(), *member.hidden.parameters()]
        groups = [{"params": head, "base": budget.learning_rate}]
        if budget.encoder_learning_rate:
            groups.append({"params": list(member.generator.parameters()), "base": budget.encoder_learning_rate})
        self.optimizer = torch.optim.AdamW(groups, weight_decay=budget.weight_decay, fused=True)

    def best_epoch(self, validation: Tensor) -> Member:
        """Train for all epochs and return the member with the weights of the best one on the validation rows."""
        best, weights = float("inf"), self.member.state_dict()
        for epoch in range(self.budget.epochs):
            self._epoch(epoch)
            with torch.inference_mode():
                loss = float(self._loss(validation))
            if loss < best:
                best, weights = loss, copy.deepcopy(self.member.state_dict())
        self.member.load_state_dict(weights)
        return self.member.eval()

    def _epoch(self, epoch: int) -> None:
        self.member.hidden.train()
        order = self.rows[torch.randperm(len(self.rows))]
        for k, rows in enumerate(order.tensor_split(self.n_batches)):
            factor = learning_rate_factor(epoch * self.n_batches + k, self.n_batches * self.budget.epochs, WARMUP)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * factor
            loss = self._loss(rows)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
        self.member.hidden.eval()

    def _loss(self, rows: Tensor) -> Tensor:
        outputs = (
            self.member(self.compositions.take(rows)) if self.vectors is None else self.member.head(self.vectors[rows])
        )
        wanted = self.wanted[rows]
        return F.l1_loss(outputs, wanted) if wanted.is_floating_point() else F.cross_entropy(outputs, wanted)
