"""Matching distributions: a critic that a generator has to convince, as in CroMEL, for comparison with what works.

A Wasserstein critic tells vectors of structures from projected vectors of formulas; the generator is moved so that it
no longer can. Nothing else pairs a formula with its own structures.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Penalty = Literal["gradient", "released"]
"""The penalty on the critic's slope: as it was derived, or as the released CroMEL code has it."""

PENALTY = 10.0
"""Weight of the penalty, in the paper and in the released code."""

CRITIC_STEPS = 5
"""The generator is moved in one of so many batches."""

LEARNING_RATE = 1e-4
"""Of the critic, by RMSprop as released."""


class Critic(nn.Module):
    """Tells vectors of structures from generated ones, (B, dim) -> (B,)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim, 64), nn.LeakyReLU(), nn.Linear(64, 1))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return a score for each vector."""
        return self.layers(vectors)[:, 0]


class Adversary:
    """A critic that learns at every step and moves the generator at every fifth; an `extra` of `train_encoder`.

    Args:
        dim: width of a vector of a structure.
        penalty: on the critic's slope.
        seed: of the critic's initial weights.
    """

    needs_teacher = True

    def __init__(self, dim: int, penalty: Penalty, *, seed: int = 0) -> None:
        self.penalty = penalty
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = Critic(dim)
        self.optimizer = torch.optim.RMSprop(self.critic.parameters(), lr=LEARNING_RATE)

    def loss(self, projected: Tensor, wanted: Tensor, step: int) -> Tensor:
        """Let the critic learn, and return the generator's loss.

        Args:
            projected: (B, dim) vectors of formulas, projected to those of structures.
            wanted: (B, dim) vectors of structures.
            step: number of the batch; but for every fifth one the loss is zero.
        """
        self._learn(projected.detach(), wanted)
        if step % CRITIC_STEPS:
            return projected.new_zeros(())
        return -self.critic(projected).mean()

    def modules(self) -> dict[str, nn.Module]:
        """Return what a checkpoint has to hold."""
        return {"critic": self.critic}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return the optimizers that a checkpoint has to hold."""
        return {"critic": self.optimizer}

    def _learn(self, generated: Tensor, wanted: Tensor) -> None:
        if self.penalty == "released":
            penalty = penalty_as_released(self.critic, generated)
        else:
            penalty = gradient_penalty(self.critic, wanted, generated)
        loss = self.critic(generated).mean() - self.critic(wanted).mean() + PENALTY * penalty
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def gradient_penalty(critic: nn.Module, real: Tensor, generated: Tensor) -> Tensor:
    """Return how far the critic's slope is from one, per sample, between real and generated vectors.

    Gulrajani et al., NeurIPS 2017 (arXiv 1704.00028).
    """
    share = torch.rand(len(real), 1)
    between = (share * real + (1 - share) * generated).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()


def penalty_as_released(critic: nn.Module, generated: Tensor) -> Tensor:
    """Return the penalty of the released CroMEL code: at generated vectors alone, of the mean score of the batch.

    The slope of a mean falls with the size of the batch, so that this penalty asks for a slope that grows with it.
    """
    generated = generated.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(generated).mean(), generated, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()
