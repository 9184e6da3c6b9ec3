"""The critic: its penalties, what it does to a generator, and that its run resumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.cross_modal.critic import CRITIC_STEPS, Adversary, Critic, gradient_penalty, penalty_as_released
from builders.learning.lessons import Lessons
from builders.methods.cromel.config import GeneratorConfig, TransferConfig
from builders.methods.cromel.recipes import CromelRecipe
from builders.methods.cromel.training import train_encoder
from builders.runs.checkpoint import Checkpoint, write_checkpoint
from embeddings.elements import SYMBOLS
from embeddings.errors import TrainingError

CRITIC_ALONE = TransferConfig(
    labels=0, contrast=0, epochs=3, batch_size=16, learning_rate=1e-2, validation_fraction=0.2
)
RECIPE = CromelRecipe(
    "tiny", "Tiny.", ("energy",), model=GeneratorConfig(element_dim=8, hidden=(16,), dim=8), training=CRITIC_ALONE
)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    formulas = np.array(sorted(f"{a}{b}" for a in SYMBOLS[2:12] for b in SYMBOLS[20:30]))
    vectors = np.random.default_rng(0).normal(size=(len(formulas), 4)).astype(np.float32)
    return Lessons(formulas, ("energy",), vectors[:, :1].astype(float), vectors)


def test_the_penalty_vanishes_for_a_critic_of_slope_one_and_only_the_released_one_depends_on_the_batch() -> None:
    slope_one = lambda vectors: vectors[:, 0]  # noqa: E731
    real, generated = torch.randn(16, 4), torch.randn(16, 4)
    assert gradient_penalty(slope_one, real, generated) == pytest.approx(0)
    assert penalty_as_released(slope_one, generated) == pytest.approx((1 / 16 - 1) ** 2)


def test_the_penalty_teaches_a_critic() -> None:
    critic = Critic(4)
    gradient_penalty(critic, torch.randn(8, 4), torch.randn(8, 4)).backward()
    assert critic.layers[0].weight.grad.abs().sum() > 0


def test_a_critic_learns_at_every_step_and_moves_the_generator_at_every_fifth() -> None:
    adversary, real, generated = Adversary(2, "gradient"), torch.ones(32, 2), torch.zeros(32, 2, requires_grad=True)
    for step in range(1, 11):
        before = adversary.critic.layers[0].weight.detach().clone()
        loss = adversary.loss(generated, real, step)
        assert (loss.item() == 0) == (step % CRITIC_STEPS != 0)
        assert not torch.equal(adversary.critic.layers[0].weight, before)
    adversary.loss(generated, real, 0).backward()
    with torch.no_grad():
        moved = generated - generated.grad
        assert adversary.critic(moved).mean() > adversary.critic(generated).mean()  # closer to passing for a structure


@pytest.mark.parametrize("penalty", ["gradient", "released"])
def test_a_critic_moves_the_generator_and_a_killed_run_ends_with_the_same_weights(
    lessons: Lessons, penalty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    whole = train_encoder(lessons, RECIPE, extra=Adversary(4, penalty))
    with monkeypatch.context() as patch:
        patch.setattr("builders.methods.cromel.training.write_checkpoint", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            train_encoder(lessons, RECIPE, checkpoint=path, extra=Adversary(4, penalty))
    resumed = train_encoder(lessons, RECIPE, checkpoint=path, extra=Adversary(4, penalty, seed=1))
    weights, own = (trained.model.generator.table.weight.detach() for trained in (resumed, whole))
    assert len(resumed.history) == 3
    assert torch.equal(weights, own)
    assert torch.isfinite(weights).all()
    other = train_encoder(lessons, replace(RECIPE, training=replace(CRITIC_ALONE, contrast=1)))
    assert not torch.equal(other.model.generator.table.weight.detach(), own)


def write_and_die(path: Path, checkpoint: Checkpoint) -> None:
    """Be killed right after the first checkpoint."""
    write_checkpoint(path, checkpoint)
    raise KeyboardInterrupt


def test_a_critic_needs_vectors_of_structures(lessons: Lessons) -> None:
    blind = replace(lessons, vectors=np.full_like(lessons.vectors, np.nan))
    with pytest.raises(TrainingError, match="vectors of structures"):
        train_encoder(blind, RECIPE, extra=Adversary(4, "gradient"))
