"""A published network goes on learning: members that begin alike, one a fold, and the mean of their weights.

Each member begins as the network with a ridge regression on its vectors for a head, so that what training adds is a
gain over that. All members advance together, epoch by epoch. The epoch that is kept is the one in which they predict
best what they hold out, and no target worse than at the beginning: of a few hundred rows, one fold alone would choose
by luck.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from builders.learning.devices import deterministic, mixed_precision
from builders.learning.folds import Fold
from builders.learning.optimization import check_loss, check_weights, learning_rate_factor, masked_loss
from builders.learning.scores import Score, score
from builders.methods.base import Run
from builders.methods.crystal_transformer.batches import Batch, PackedCrystals, batches_by_size
from builders.methods.crystal_transformer.config import TrainingConfig, TuningConfig
from builders.methods.crystal_transformer.members import Member, State, free, mean_network
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.predicting import predict, vectors_of
from builders.methods.crystal_transformer.training import CHECKPOINT_SECONDS, POWERS, Task, described
from builders.progress import Stage
from builders.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

SMALLEST = 8
"""Rows of a batch."""


@dataclass(frozen=True)
class Tuned:
    """What comes of it.

    Attributes:
        model: the mean of the members' networks.
        members: one a fold, with their heads, in the epoch that is kept.
        scores: target -> score on rows while they were held out.
        frozen: the same for ridge regressions on the vectors of the network as it was.
        history: figures of each epoch; the first is the state before training.
        epoch: that is kept; 0 where training made nothing better.
    """

    model: CrystalTransformer
    members: tuple[Member, ...]
    scores: dict[str, Score]
    frozen: dict[str, Score]
    history: list[dict[str, Any]]
    epoch: int

    def predict(self, task: Task, crystals: PackedCrystals, config: TrainingConfig, device: torch.device) -> np.ndarray:
        """Return what the members predict for crystals, their mean in the units of the targets, (n, n_targets)."""
        rows = np.arange(len(crystals))
        each = [predict(member, crystals, rows, config, device) for member in self.members]
        mean: np.ndarray = np.mean(each, axis=0) * task.scaler.std + task.scaler.mean
        return mean


def batch_size_for(n_rows: int, at_most: int) -> int:
    """Return a sixteenth of the rows, from 8 to `at_most`: few rows would make few steps."""
    return min(at_most, max(SMALLEST, n_rows // 16))


def tune(
    network: CrystalTransformer,
    task: Task,
    folds: Sequence[Fold],
    config: TrainingConfig,
    tuning: TuningConfig,
    run: Run,
) -> Tuned:
    """Go on from a network, resuming from the checkpoint of the run if there is one.

    Raises:
        TrainingError: the checkpoint is of another run, or the loss is no longer a number.
    """
    with torch.random.fork_rng(), deterministic():
        return _Tuner(network, task, folds, config, tuning, run).fit()


class _Tuner:
    """State of one run: the members, their optimizers, the best epoch so far, and the figures."""

    def __init__(
        self,
        network: CrystalTransformer,
        task: Task,
        folds: Sequence[Fold],
        config: TrainingConfig,
        tuning: TuningConfig,
        run: Run,
    ) -> None:
        self.task, self.folds, self.config, self.run = task, folds, config, run
        weights = task.scaler.known_fraction ** POWERS[config.balance]
        self.weights = torch.tensor(weights, dtype=torch.float32, device=run.device)
        vectors = vectors_of(network.to(run.device), task.crystals, config, run.device)
        self.members = [self._member(network, vectors, fold, tuning, k) for k, fold in enumerate(folds)]
        self.optimizers = [_optimizer(member, config, tuning) for member in self.members]
        self.epoch, self.best, self.kept = 0, 0, self._states()
        self.history = [self._figures(0, 0.0)]
        if run.checkpoint is not None and run.checkpoint.exists():
            self._restore(read_checkpoint(run.checkpoint, run.identity))

    def fit(self) -> Tuned:
        saved = time.monotonic()
        with self.run.reporter.stage("Tuning", self.config.epochs, done=self.epoch) as stage:
            while self.epoch < self.config.epochs:
                self._epoch(stage)
                if time.monotonic() - saved > CHECKPOINT_SECONDS or self.epoch == self.config.epochs:
                    self._save()
                    saved = time.monotonic()
        for member, state in zip(self.members, self.kept, strict=True):
            member.load_state_dict(state)
            check_weights(member)
            member.eval()
        return Tuned(
            model=mean_network([member.network for member in self.members]),
            members=tuple(self.members),
            scores=self._scores(self.history[self.best]),
            frozen=self._scores(self.history[0]),
            history=self.history,
            epoch=self.best,
        )

    def _member(
        self, network: CrystalTransformer, vectors: np.ndarray, fold: Fold, tuning: TuningConfig, number: int
    ) -> Member:
        torch.manual_seed(_seed_of(self.run.seed, number))
        rows = fold.training_rows
        member = Member(network, vectors[rows], self.task.crystals.labels[rows].astype(np.float64))
        free(member.network, tuning)
        return member.to(self.run.device)

    def _epoch(self, stage: Stage) -> None:
        started = time.monotonic()
        losses = [self._pass(number) for number in range(len(self.members))]
        self.epoch += 1
        for member in self.members:
            check_weights(member)
        figures = self._figures(self.epoch, float(np.mean(losses)), time.monotonic() - started)
        self.history.append(figures)
        if _is_better(figures, self.history[self.best], self.history[0]):
            self.best, self.kept = self.epoch, self._states()
        stage.advance()
        stage.milestone(self._describe(figures))

    def _pass(self, number: int) -> float:
        """Let a member see its training rows once; return its mean loss."""
        member, optimizer, fold = self.members[number], self.optimizers[number], self.folds[number]
        torch.manual_seed(_seed_of(self.run.seed, number, self.epoch))
        batches = batches_by_size(
            self.task.crystals.sizes,
            fold.training_rows,
            batch_size=batch_size_for(len(fold.training_rows), self.config.batch_size),
            max_pairs=self.config.max_pairs,
            rng=np.random.default_rng([self.run.seed, number, self.epoch]),
        )
        member.train()
        total = 0.0
        for k, rows in enumerate(batches):
            step, n_steps = self.epoch * len(batches) + k, self.config.epochs * len(batches)
            factor = learning_rate_factor(step, n_steps, self.config.warmup_fraction)
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * factor
            total += self._update(member, optimizer, self.task.crystals.batch(rows).to(self.run.device), step)
        return total / len(batches)

    def _update(self, member: Member, optimizer: torch.optim.Optimizer, batch: Batch, step: int) -> float:
        with mixed_precision(self.run.device):
            predicted = member(batch)
        loss = masked_loss(predicted.float(), batch.labels, self.weights, self.config.loss)
        value = check_loss(loss.item(), step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(member.parameters(), self.config.clip_norm)
        optimizer.step()
        return value

    def _figures(self, epoch: int, loss: float, seconds: float = 0.0) -> dict[str, Any]:
        errors = {name: vars(one) for name, one in self._held_out_scores().items()}
        return {"epoch": epoch, "loss": loss, "seconds": round(seconds, 2), "validation": errors}

    def _held_out_scores(self) -> dict[str, Score]:
        """Score every target on the rows that are held out, in physical units; of several rounds, their mean counts."""
        task, scaler = self.task, self.task.scaler
        shape = task.crystals.labels.shape
        total, counts = np.zeros(shape), np.zeros((shape[0], 1))
        for member, fold in zip(self.members, self.folds, strict=True):
            total[fold.held_out] += predict(member, task.crystals, fold.held_out, self.config, self.run.device)
            counts[fold.held_out] += 1
        rows = np.flatnonzero(counts)
        predicted = total[rows] / counts[rows] * scaler.std + scaler.mean
        actual = task.crystals.labels[rows] * scaler.std + scaler.mean
        return {name: score(predicted[:, k], actual[:, k], scaler.mean[k]) for k, name in enumerate(task.units)}

    @staticmethod
    def _scores(figures: dict[str, Any]) -> dict[str, Score]:
        return {name: Score(**stated) for name, stated in figures["validation"].items()}

    def _describe(self, figures: dict[str, Any]) -> str:
        return described(figures, self.task.units, self.config.epochs)

    def _states(self) -> list[State]:
        return [copy.deepcopy(member.state_dict()) for member in self.members]

    def _save(self) -> None:
        if self.run.checkpoint is None:
            return
        model = {"members": self._states(), "kept": self.kept, "best": self.best}
        optimizer = {"each": [one.state_dict() for one in self.optimizers]}
        state = Checkpoint(self.run.identity, self.epoch, model, optimizer, history=self.history)
        write_checkpoint(self.run.checkpoint, state)

    def _restore(self, state: Checkpoint) -> None:
        self.epoch, self.history = state.step, state.history
        self.best, self.kept = state.model["best"], state.model["kept"]
        for member, weights in zip(self.members, state.model["members"], strict=True):
            member.load_state_dict(weights)
        for optimizer, known in zip(self.optimizers, state.optimizer["each"], strict=True):
            optimizer.load_state_dict(known)
        self.run.reporter.say(f"Resuming the run at epoch {self.epoch} of {self.config.epochs}.")


def _is_better(figures: dict[str, Any], best: dict[str, Any], first: dict[str, Any]) -> bool:
    """Whether an epoch is better than the best so far, and predicts no target worse than before training."""
    ratios = _ratios(figures, first)
    return float(ratios.max()) <= 1.0 and float(ratios.mean()) < float(_ratios(best, first).mean())


def _ratios(figures: dict[str, Any], first: dict[str, Any]) -> np.ndarray:
    """Return the errors of an epoch over those before training; 1 for a target that nothing held out has."""
    pairs = [(figures["validation"][name]["mae"], one["mae"]) for name, one in first["validation"].items() if one["n"]]
    return np.array([now / before if before > 0 else float(now > 0) + 1.0 for now, before in pairs] or [1.0])


def _optimizer(member: Member, config: TrainingConfig, tuning: TuningConfig) -> torch.optim.Optimizer:
    moving = [weight for weight in member.network.parameters() if weight.requires_grad]
    groups = [
        {"params": list(member.head.parameters()), "base": config.learning_rate},
        {"params": moving, "base": tuning.encoder_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


def _seed_of(*parts: int) -> int:
    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])
