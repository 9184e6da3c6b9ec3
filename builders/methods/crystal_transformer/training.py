"""The training loop: seeded, resumable to the same result, mixed precision where the device has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.devices import deterministic, mixed_precision
from builders.learning.optimization import check_loss, check_weights, learning_rate_factor, masked_loss
from builders.learning.scores import Score, score
from builders.learning.targets import Scaler
from builders.learning.teachers import TEACHERS
from builders.learning.workers import Team
from builders.methods.base import Run
from builders.methods.crystal_transformer.augment import augment
from builders.methods.crystal_transformer.batches import Batch, PackedCrystals, batches_by_size
from builders.methods.crystal_transformer.config import TrainingConfig
from builders.methods.crystal_transformer.feeding import fed
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.predicting import predict
from builders.methods.crystal_transformer.resident import near
from builders.methods.crystal_transformer.teachers import Lesson
from builders.progress import Stage
from builders.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from embeddings.display.numbers import with_unit

POWERS = {None: -0.5, "labels": 0.0, "targets": -1.0}
"""A target's weight is this power of its share of known labels, by `TrainingConfig.balance`."""

CHECKPOINT_SECONDS = 60.0
"""A kill loses at most this much work, or one epoch if that is shorter."""

CHECK_EVERY = 50
"""Steps between two looks at the loss: each waits for the device."""


@dataclass(frozen=True)
class Task:
    """What is to be learned, from which rows.

    Attributes:
        crystals: the packed crystals; their labels are standardized, and behind them are the components of teachers.
        training_rows: rows to learn from.
        validation_rows: rows held out.
        units: target -> unit, n_targets of them.
        scaler: of the labels, fitted on the training rows.
        lessons: of teachers.
    """

    crystals: PackedCrystals
    training_rows: np.ndarray
    validation_rows: np.ndarray
    units: dict[str, str]
    scaler: Scaler
    lessons: tuple[Lesson, ...] = ()

    def weights(self, config: TrainingConfig) -> np.ndarray:
        """Return what each column weighs in the loss, (n_targets + n_components,)."""
        power, weight = POWERS[config.balance], config.teacher_weight or 0.0
        taught = (weight * one.shares(config.loss) * one.known_fraction**power for one in self.lessons)
        return np.concatenate([self.scaler.known_fraction**power, *taught])


def train(
    model: CrystalTransformer, task: Task, config: TrainingConfig, run: Run
) -> tuple[dict[str, Score], list[dict[str, Any]]]:
    """Train in place, resuming from the checkpoint of the run if there is one.

    The workers of a team each take their share of every batch, and all of them end with the same network. Without
    dropout, which each draws for itself, its losses are those of one worker alone but for rounding.

    Returns:
        The score of each target on the validation rows, and the figures of each epoch.

    Raises:
        TrainingError: the checkpoint is of another run, the loss is no longer a number, or a worker is lost.
    """
    with torch.random.fork_rng(), deterministic(), run.team.contact():
        return _Trainer(model, task, config, run).fit()


@dataclass(frozen=True)
class _Share:
    """What a worker sees of a batch.

    Attributes:
        rows: the crystals of the batch.
        mine: (n,) which of them are this worker's.
        weight: of its loss.
        batch: its crystals.
    """

    rows: np.ndarray
    mine: np.ndarray
    weight: float
    batch: Batch


class _Losses(nn.Module):
    """A network and its loss on a batch as one module, whose gradients workers can average."""

    def __init__(self, model: CrystalTransformer, weights: Tensor, config: TrainingConfig) -> None:
        super().__init__()
        self.model, self.weights, self.config = model, weights, config

    def forward(self, batch: Batch, weight: float, hide: Callable[[int], tuple[Tensor, float]] | None) -> Tensor:
        """Return the loss, with this weight; `hide` says which atoms are hidden, and the weight of their loss."""
        with mixed_precision(self.weights.device):
            predicted = self.model(batch)
        loss = masked_loss(predicted.float(), batch.labels, self.weights, self.config.loss) * weight
        if hide is None:
            return loss
        hidden, hidden_weight = hide(batch.mask.shape[1])
        with mixed_precision(self.weights.device):
            scores = self.model.element_scores(self.model.encode_atoms(batch, hidden)[hidden])
        if not len(scores):
            return loss + scores.sum()
        return loss + F.cross_entropy(scores.float(), batch.atomic_numbers[hidden]) * hidden_weight


class _Trainer:
    """State of one run: network, optimizer, step, and the figures so far."""

    def __init__(self, model: CrystalTransformer, task: Task, config: TrainingConfig, run: Run) -> None:
        self.model, self.task, self.config, self.run = model.to(run.device), task, config, run
        self.crystals = near(task.crystals, run.device)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.step = 0
        self.epoch_loss = torch.zeros((), dtype=torch.float64, device=run.device)
        self.history: list[dict[str, Any]] = []
        self.n_batches = len(self._batches(0))
        self.n_steps = self.n_batches * config.epochs
        self.weights = torch.tensor(task.weights(config), dtype=torch.float32, device=run.device)
        self.losses = run.team.averaging(_Losses(self.model, self.weights, config))
        state = run.team.first(self._read)
        if state is not None:
            self._restore(state)

    def fit(self) -> tuple[dict[str, Score], list[dict[str, Any]]]:
        with self.run.reporter.stage("Training", self.n_steps, done=self.step) as stage:
            while self.step < self.n_steps:
                self._epoch(stage)
        check_weights(self.model)
        return {name: Score(**one) for name, one in self.history[-1]["validation"].items()}, self.history

    def _epoch(self, stage: Stage) -> None:
        epoch = self.step // self.n_batches
        saved = started = time.monotonic()
        self.model.train()
        steps = enumerate(self._batches(epoch)[self.step % self.n_batches :], self.step)
        for share in fed(steps, self._load, self.crystals, self.run.device):
            self.epoch_loss += self._update(share)
            self.step += 1
            stage.advance()
            if self.step % CHECK_EVERY == 0:
                self._check()
            if time.monotonic() - saved > CHECKPOINT_SECONDS and self.step % self.n_batches:
                saved = time.monotonic()
                self._save()
        self._check()
        check_weights(self.model)
        figures = self._figures(epoch, time.monotonic() - started)
        self.history.append(figures)
        self.epoch_loss.zero_()
        self._save()
        stage.milestone(self._describe(figures))

    def _check(self) -> None:
        """Refuse to go on from a loss that is no number."""
        check_loss(float(self.epoch_loss), self.step)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        return batches_by_size(
            self.task.crystals.sizes,
            self.task.training_rows,
            batch_size=self.config.batch_size,
            max_pairs=self.config.max_pairs,
            rng=np.random.default_rng([self.run.seed, epoch]),
        )

    def _update(self, share: _Share) -> Tensor:
        """Take a step and return the loss of the batch, (), float64, without waiting for the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_factor(
                self.step, self.n_steps, self.config.warmup_fraction
            )
        loss = self._loss(share)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        team, value = self.run.team, loss.detach().double()
        return value if team.size == 1 else value.new_tensor(team.sum(value.item() / team.size))

    def _loss(self, share: _Share) -> Tensor:
        """Return the loss of this worker on its share of a batch; the mean over all workers is that of the batch."""
        team, seed, part = self.run.team, _seed_of(self.run.seed, self.step), self.config.hidden_atoms
        torch.manual_seed(seed if team.is_first else _seed_of(self.run.seed, self.step, team.rank))
        mine = share.mine if share.weight else None
        hide = None if part is None else partial(self._hide, share.rows, mine, part)
        loss: Tensor = self.losses(share.batch.to(self.run.device), share.weight, hide)
        return loss

    def _hide(self, rows: np.ndarray, mine: np.ndarray | None, share: float, n_atoms: int) -> tuple[Tensor, float]:
        """Return which atoms of this worker's crystals are hidden, and the weight of its loss on them.

        At least one atom of the batch is, and the same ones however many workers share it.
        """
        device = self.run.device
        sizes = torch.from_numpy(self.task.crystals.sizes[rows]).to(device)
        mask = torch.arange(int(sizes.max()), device=device) < sizes[:, None]
        draws = torch.rand(mask.shape, device=device, generator=self._generator(device)).masked_fill(~mask, 1.0)
        hidden = draws <= max(share, float(draws.min()))
        if mine is None:
            return torch.zeros_like(hidden[:1, :n_atoms]), 0.0
        own = hidden[torch.from_numpy(mine).to(device), :n_atoms]
        return own, float(own.sum()) / float(hidden.sum()) * self.run.team.size

    def _generator(self, device: torch.device) -> torch.Generator | None:
        """Return what all workers draw from alike; None for a worker alone, which goes on drawing from torch's own."""
        if self.run.team.size == 1:
            return None
        return torch.Generator(device).manual_seed(_seed_of(self.run.seed, self.step))

    def _load(self, step_and_rows: tuple[int, np.ndarray]) -> _Share:
        """Return this worker's crystals of the batch of a step."""
        step, rows = step_and_rows
        mine, weight = _share_of(len(rows), self.run.team)
        batch = self.crystals.batch(rows[mine])
        if self.config.augment:
            generator = torch.Generator().manual_seed(_seed_of(self.run.seed, step))
            whole = batch if len(mine) == len(rows) else self.crystals.batch(rows)
            moved = augment(whole, self.config.augment, generator).coords
            batch = replace(batch, coords=moved[torch.from_numpy(mine), : batch.coords.shape[1]])
        return _Share(rows, mine, weight, batch.staged(self.run.device))

    def _figures(self, epoch: int, seconds: float) -> dict[str, Any]:
        """Return the figures of an epoch: its loss, and how well targets and teachers are told on the rows held out."""
        rows = self.task.validation_rows
        found = predict(self.model, self.crystals, rows, self.config, self.run.device, team=self.run.team)
        n = len(self.task.units)
        validation = {name: asdict(result) for name, result in self._scores(found[:, :n], rows).items()}
        loss = float(self.epoch_loss) / self.n_batches
        figures = {"epoch": epoch + 1, "loss": loss, "seconds": round(seconds, 2), "validation": validation}
        return figures | ({TEACHERS: self._taught(found, rows)} if self.task.lessons else {})

    def _scores(self, standardized: np.ndarray, rows: np.ndarray) -> dict[str, Score]:
        """Score predictions of every target, (n_rows, n_targets), in physical units."""
        scaler, units = self.task.scaler, self.task.units
        predicted = standardized * scaler.std + scaler.mean
        actual = self.task.crystals.labels[rows, : len(units)] * scaler.std + scaler.mean
        return {name: score(predicted[:, k], actual[:, k], scaler.mean[k]) for k, name in enumerate(units)}

    def _taught(self, predicted: np.ndarray, rows: np.ndarray) -> dict[str, float | None]:
        """Return R2 of each teacher's vectors, given predictions of all columns, (n_rows, n_columns)."""
        actual, found, stop = self.task.crystals.labels[rows], {}, len(self.task.units)
        for lesson in self.task.lessons:
            start, stop = stop, stop + len(lesson.variances)
            found[lesson.name] = lesson.explained(predicted[:, start:stop], actual[:, start:stop])
        return found

    def _describe(self, figures: dict[str, Any]) -> str:
        return described(figures, self.task.units, self.config.epochs)

    def _save(self) -> None:
        if self.run.checkpoint is None or not self.run.team.is_first:
            return
        self._check()
        state = Checkpoint(
            run=self.run.identity,
            step=self.step,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            epoch_loss=float(self.epoch_loss),
            history=self.history,
        )
        write_checkpoint(self.run.checkpoint, state)

    def _read(self) -> Checkpoint | None:
        path = self.run.checkpoint
        return read_checkpoint(path, self.run.identity) if path is not None and path.exists() else None

    def _restore(self, state: Checkpoint) -> None:
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        self.step, self.history = state.step, state.history
        self.epoch_loss.fill_(state.epoch_loss)
        if self.step > 0:
            self.run.reporter.say(f"Resuming the run at step {self.step} of {self.n_steps}.")


def described(figures: dict[str, Any], units: Mapping[str, str], n_epochs: int) -> str:
    """Return the figures of an epoch as people read them."""
    maes = {name: f"{figures['validation'][name]['mae']:.3g}" for name in units}
    errors = ", ".join(f"{name} {with_unit(maes[name], unit)}" for name, unit in units.items())
    taught = "".join(f", R2 of {name} {r2:.3f}" for name, r2 in figures.get(TEACHERS, {}).items() if r2 is not None)
    return f"epoch {figures['epoch']}/{n_epochs}, loss {figures['loss']:.4f}, MAE {errors}{taught}"


def _share_of(n: int, team: Team) -> tuple[np.ndarray, float]:
    """Return which crystals of a batch of ``n`` a worker takes, and the weight of its loss.

    The weights are such that the mean over all workers is the loss of the batch. A worker that is left without a
    crystal takes the first one, at no weight: all of them have to look at something.
    """
    mine = np.arange(team.rank, n, team.size)
    return (mine, len(mine) / n * team.size) if len(mine) else (np.zeros(1, dtype=np.int64), 0.0)


def _seed_of(*parts: Sequence[int] | int) -> int:
    return int(np.random.SeedSequence(list(parts)).generate_state(1)[0])
