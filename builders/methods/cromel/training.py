"""The training of a composition encoder: labels, alignment with structures, or both; seeded and resumable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.compositions import pack
from builders.learning.devices import mixed_precision
from builders.learning.lessons import Lessons
from builders.learning.optimization import check_loss, check_weights, learning_rate_factor, masked_loss
from builders.learning.scores import Score, score
from builders.learning.targets import Scaler, faults_in_training, refuse_faults
from builders.methods.cromel.config import TransferConfig
from builders.methods.cromel.model import CompositionGenerator, CroMEL
from builders.progress import Reporter
from builders.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from embeddings.errors import TrainingError

TEMPERATURE = 0.1
"""Of the contrast."""


@dataclass(frozen=True)
class Trained:
    """The outcome of a training.

    Attributes:
        model: with its generator, ready to encode.
        scaler: of the labels.
        training_rows: rows of the lessons that were learned from.
        scores: target -> score on the formulas held out.
        history: figures of each epoch.
    """

    model: CroMEL
    scaler: Scaler
    training_rows: np.ndarray
    scores: dict[str, Score]
    history: list[dict[str, Any]]


class TransferRecipe(Protocol):
    """What a training reads of a recipe, of whatever method."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def seed_of_split(self) -> int: ...  # noqa: D102
    @property
    def training(self) -> TransferConfig: ...  # noqa: D102


class ExtraLoss(Protocol):
    """One more term of the loss, which may learn on its own; a comparison brings it along.

    Attributes:
        needs_teacher: whether vectors of structures take part.
    """

    needs_teacher: bool

    def loss(self, projected: Tensor, wanted: Tensor, step: int) -> Tensor:
        """Return the term for projected vectors and those of structures, (B, teacher_dim) both."""

    def modules(self) -> dict[str, nn.Module]:
        """Return what it learns with, by name, for checkpoints."""

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return its optimizers by name, for checkpoints."""


def train_encoder(
    lessons: Lessons,
    recipe: TransferRecipe,
    *,
    generator: nn.Module | None = None,
    checkpoint: Path | None = None,
    run: str = "",
    reporter: Reporter | None = None,
    extra: ExtraLoss | None = None,
) -> Trained:
    """Train a generator on the lessons, resuming from the checkpoint if there is one.

    Args:
        lessons: what to learn.
        recipe: how; its targets are those of the lessons.
        generator: that learns, with ``config.dim``; None for a new one of the sizes in a `CromelRecipe`.
        checkpoint: file that a killed run resumes from; None for none.
        run: identity of the run, which the checkpoint has to share.
        reporter: tells a person about it.
        extra: one more term of the loss.

    Raises:
        TargetInvalid: a target is constant or unknown on the rows that are learned from.
        TrainingError: the checkpoint is of another run, the recipe needs vectors that the lessons lack, or the loss is
            no longer a number.
    """
    with torch.random.fork_rng():
        return _Trainer(lessons, recipe, generator, checkpoint, run, extra).fit(reporter or Reporter(quiet=True))


class _Trainer:
    """State of one run."""

    def __init__(
        self,
        lessons: Lessons,
        recipe: TransferRecipe,
        generator: nn.Module | None,
        checkpoint: Path | None,
        run: str,
        extra: ExtraLoss | None,
    ) -> None:
        self.lessons, self.recipe, self.config, self.extra = lessons, recipe, recipe.training, extra
        self.checkpoint, self.run = checkpoint, run
        self.needs_teacher = self.config.needs_teacher or (extra is not None and extra.needs_teacher)
        self.training_rows, self.validation_rows = lessons.split(self.config.validation_fraction, recipe.seed_of_split)
        self.compositions = pack(lessons.formulas.tolist())
        if self.config.labels:
            refuse_faults(faults_in_training(lessons.labels, lessons.targets, self.training_rows))
        self.scaler = Scaler.fit(lessons.labels, self.training_rows)
        self.labels = _tensor(self.scaler.transform(lessons.labels))
        self.weights = _tensor(np.maximum(self.scaler.known_fraction, 1 / len(self.training_rows)) ** -0.5)
        self.vectors = _tensor(self._standardized_vectors())
        torch.manual_seed(recipe.seed)
        n_targets, teacher_dim = len(lessons.targets), self.vectors.shape[1]
        generator = CompositionGenerator(recipe.model) if generator is None else generator  # type: ignore[attr-defined]
        self.model = CroMEL(generator, n_targets, teacher_dim, stochastic=self.config.stochastic)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )
        self.n_batches = max(1, len(self.training_rows) // self.config.batch_size)
        self.history: list[dict[str, Any]] = []
        if checkpoint is not None and checkpoint.exists():
            self._restore(read_checkpoint(checkpoint, run))

    def _standardized_vectors(self) -> np.ndarray:
        """Return the vectors of structures: columns standardized over the training rows, teachers of equal weight."""
        vectors = self.lessons.vectors
        if not self.needs_teacher:
            return np.zeros((len(vectors), 1))
        known = vectors[self.training_rows]
        known = known[np.isfinite(known).all(axis=1)]
        if not known.size:
            raise TrainingError("The recipe needs vectors of structures, and there are none: name a teacher.")
        spread = known.std(axis=0)
        return (vectors - known.mean(axis=0)) / np.where(spread > 0, spread, 1) * self.lessons.scales

    def fit(self, reporter: Reporter) -> Trained:
        done = len(self.history)
        with reporter.stage("Training", self.config.epochs, done=done) as stage:
            for epoch in range(done, self.config.epochs):
                figures = {"epoch": epoch + 1, "loss": self._epoch(epoch)}
                check_weights(self.model)
                self.history.append(figures)
                self._save()
                stage.advance()
                stage.milestone(f"epoch {epoch + 1}/{self.config.epochs}, loss {figures['loss']:.4f}")
        check_weights(self.model)
        return Trained(self.model.eval(), self.scaler, self.training_rows, self._scores(), self.history)

    def _epoch(self, epoch: int) -> float:
        """Pass over the training formulas once and return the mean loss."""
        torch.manual_seed(int(np.random.SeedSequence([self.recipe.seed, epoch]).generate_state(1)[0]))
        self.model.train()
        order = torch.from_numpy(self.training_rows)[torch.randperm(len(self.training_rows))]
        total = 0.0
        for k, rows in enumerate(order.tensor_split(self.n_batches)):
            step = epoch * self.n_batches + k
            factor = learning_rate_factor(step, self.n_batches * self.config.epochs, self.config.warmup_fraction)
            self.optimizer.param_groups[0]["lr"] = self.config.learning_rate * factor
            total += self._update(rows, step)
        return total / self.n_batches

    def _update(self, rows: Tensor, step: int) -> float:
        loss = self._loss(rows, step)
        value = check_loss(loss.item(), step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        return value

    def _loss(self, rows: Tensor, step: int) -> Tensor:
        config = self.config
        with mixed_precision(torch.device("cpu")):
            encoded = self.model.encode(self.compositions.take(rows))
            predicted, projected = self.model.heads(encoded).float(), self.model.project(encoded).float()
        loss = config.labels * masked_loss(predicted, self.labels[rows], self.weights, "l1")
        has = ~torch.isnan(self.vectors[rows]).any(dim=1)
        if self.needs_teacher and has.any():
            projected, wanted = projected[has], self.vectors[rows][has]
            if config.alignment:
                loss = loss + config.alignment * F.smooth_l1_loss(projected, wanted)
            if config.contrast:
                loss = loss + config.contrast * contrast(projected, wanted)
            if self.extra is not None:
                loss = loss + self.extra.loss(projected, wanted, step)
        return loss

    def _scores(self) -> dict[str, Score]:
        """Score every target on the formulas held out, in physical units."""
        rows, scaler = self.validation_rows, self.scaler
        with torch.inference_mode():
            predicted = self.model.eval()(self.compositions.take(torch.from_numpy(rows))).numpy()
        predicted = predicted * scaler.std + scaler.mean
        actual = self.lessons.labels[rows]
        return {
            name: score(predicted[:, k], actual[:, k], scaler.mean[k]) for k, name in enumerate(self.lessons.targets)
        }

    def _save(self) -> None:
        if self.checkpoint is not None:
            state = Checkpoint(
                run=self.run,
                step=len(self.history) * self.n_batches,
                model={name: part.state_dict() for name, part in self._learners().items()},
                optimizer={name: part.state_dict() for name, part in self._optimizers().items()},
                history=self.history,
            )
            write_checkpoint(self.checkpoint, state)

    def _restore(self, state: Checkpoint) -> None:
        for name, part in self._learners().items():
            part.load_state_dict(state.model[name])
        for name, optimizer in self._optimizers().items():
            optimizer.load_state_dict(state.optimizer[name])
        self.history = state.history

    def _learners(self) -> dict[str, nn.Module]:
        return {"model": self.model} | (self.extra.modules() if self.extra else {})

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"model": self.optimizer} | (self.extra.optimizers() if self.extra else {})


def contrast(projected: Tensor, wanted: Tensor) -> Tensor:
    """Return how badly each formula and its own structures find each other in a batch, (B, dim) both.

    The symmetric cross-entropy over cosines of Radford et al., ICML 2021 (arXiv 2103.00020).
    """
    cosines = F.normalize(projected, dim=1) @ F.normalize(wanted, dim=1).T / TEMPERATURE
    own = torch.arange(len(cosines))
    return (F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own)) / 2


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
