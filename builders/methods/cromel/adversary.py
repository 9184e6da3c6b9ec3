"""Matching distributions: a critic that a generator has to convince, as in CroMEL, for comparison."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from builders.methods.cromel.model import Critic, gradient_penalty, penalty_as_released
from builders.methods.cromel.recipes import Penalty

PENALTY = 10.0
"""Weight of the penalty, in the paper and in the released code."""

CRITIC_STEPS = 5
"""The generator is moved in one of so many batches."""

LEARNING_RATE = 1e-4
"""Of the critic, by RMSprop as released."""


class Adversary(nn.Module):
    """A critic that learns at every call and returns the generator's loss at every fifth, else zero."""

    def __init__(self, dim: int, penalty: Penalty) -> None:
        super().__init__()
        self.penalty = penalty
        self.critic = Critic(dim)
        self.optimizer = torch.optim.RMSprop(self.critic.parameters(), lr=LEARNING_RATE)

    def forward(self, projected: Tensor, wanted: Tensor, step: int) -> Tensor:
        """Return the generator's loss for projected vectors and those of structures, (B, dim) both."""
        self._learn(projected.detach(), wanted)
        if step % CRITIC_STEPS:
            return projected.new_zeros(())
        return -self.critic(projected).mean()

    def _learn(self, generated: Tensor, wanted: Tensor) -> None:
        if self.penalty == "released":
            penalty = penalty_as_released(self.critic, generated)
        else:
            penalty = gradient_penalty(self.critic, wanted, generated)
        loss = self.critic(generated).mean() - self.critic(wanted).mean() + PENALTY * penalty
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
