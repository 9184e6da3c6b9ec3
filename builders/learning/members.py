"""Fine-tuning: copies of a generator with a head each, stopped when formulas that they do not see say so.

Members of folds advance together, epoch by epoch, and stop at the epoch in which the held-out rows of all folds are
predicted best: of a few hundred rows, one fold alone would choose its epoch by luck. Others then learn from all rows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from builders.learning.compositions import Compositions
from builders.learning.encoders import FormulaModule
from builders.learning.optimization import learning_rate_factor
from embeddings.errors import TrainingError

WARMUP = 0.05
"""Share of all steps in which the learning rates rise."""

AT_ONCE = 4096
"""Formulas that are predicted together."""

LIMIT = 4.0
"""Standardized columns end here: a rare element is no reason to go far beyond what was trained."""

MIN_SPREAD = 1e-6
"""A column that varies less, beside its size, is not looked at."""


@dataclass(frozen=True)
class Budget:
    """How a member is trained; see `CrossModalRegressor`.

    Attributes:
        patience: epochs without a better one after which training ends.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    encoder_learning_rate: float
    weight_decay: float
    dropout: float
    patience: int = 1_000


@dataclass(frozen=True)
class Lesson:
    """What is learned.

    Attributes:
        compositions: n formulas.
        columns: (n, n_columns) float32, what the head sees beside the generator's vector.
        wanted: (n, 1) float32 standardized values; (n, 2) with a column for the gate, 0 where the value is exactly zero
            and 1 elsewhere; or (n,) int64 class numbers.
    """

    compositions: Compositions
    columns: Tensor
    wanted: Tensor

    def take(self, rows: Tensor) -> Lesson:
        """Return the chosen rows."""
        return Lesson(self.compositions.take(rows), self.columns[rows], self.wanted[rows])

    def to(self, device: torch.device) -> Lesson:
        """Return the lesson on a device; who learns it does so there."""
        return Lesson(self.compositions.to(device), self.columns.to(device), self.wanted.to(device))


class Member(nn.Module):
    """A generator, its vectors and the columns beside them standardized, and a head: linear plus one hidden layer."""

    shift: Tensor
    scale: Tensor

    def __init__(self, generator: FormulaModule, n_columns: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        dim = generator.config.dim
        width = dim + n_columns
        self.generator = copy.deepcopy(generator).eval()
        self.register_buffer("shift", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.linear = nn.Linear(width, n_outputs)
        self.hidden = nn.Sequential(nn.Linear(width, dim), nn.SiLU(), nn.Dropout(dropout), nn.Linear(dim, n_outputs))

    def standardize_on(self, vectors: Tensor, columns: Tensor) -> None:
        """Fix shift and scale by the vectors and columns of the training rows."""
        inputs = torch.cat([vectors, columns], dim=1).double()
        mean, spread = inputs.mean(0), inputs.std(0, correction=0)
        self.shift.copy_(mean)
        self.scale.copy_(torch.where(spread > MIN_SPREAD * (1 + mean.abs()), spread, torch.inf))

    def head(self, vectors: Tensor, columns: Tensor) -> Tensor:
        """Return the outputs for vectors of the generator and columns, (B, n_outputs)."""
        dim = vectors.shape[1]
        vectors = (vectors - self.shift[:dim]) / self.scale[:dim]
        columns = ((columns - self.shift[dim:]) / self.scale[dim:]).clamp(-LIMIT, LIMIT)
        inputs = torch.cat([vectors, columns], dim=1)
        return self.linear(inputs) + self.hidden(inputs)

    def forward(self, compositions: Compositions, columns: Tensor) -> Tensor:
        """Return the outputs for formulas, (B, n_outputs)."""
        return self.head(self.generator(compositions), columns)

    @torch.inference_mode()
    def predict(self, compositions: Compositions, columns: Tensor) -> np.ndarray:
        """Return the outputs, (n, n_outputs) float64."""
        parts = torch.arange(len(compositions)).split(AT_ONCE)
        return torch.cat([self(compositions.take(rows), columns[rows]) for rows in parts]).double().cpu().numpy()


@dataclass(frozen=True)
class Stopped:
    """What folds say.

    Attributes:
        n_epochs: the best epoch, counted from 1.
        loss: on all rows that were held out, in that epoch.
        out_of_fold: (n, n_outputs) float64 outputs for the rows that were held out, in that epoch; the mean, where
            several members did so; NaN for others.
        members: of each fold, in that epoch, on the processor.
    """

    n_epochs: int
    loss: float
    out_of_fold: np.ndarray
    members: list[Member]


def fit_folds(
    generator: FormulaModule,
    lesson: Lesson,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    budget: Budget,
    *,
    n_outputs: int,
    seed: int,
    allows: Callable[[], bool] = lambda: True,
) -> Stopped:
    """Train a member for each fold, all at once, and find the epoch in which they predict best what they hold out.

    Args:
        generator: to start from; it is copied.
        lesson: n rows, on the device that computes.
        folds: rows to train on, and rows that are held out, no formula in both; of one deal, or of several.
        budget: how.
        n_outputs: 1, 2 with a gate, or the number of classes.
        seed: of the heads and the batches.
        allows: asked after each epoch whether there is time for more.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fits = [_Fit(generator, lesson, train, n_outputs, budget) for train, _ in folds]
        held_out = [torch.from_numpy(rows) for _, rows in folds]
        sizes = [len(rows) for rows in held_out]
        best, lowest, kept = -1, float("inf"), [fit.weights() for fit in fits]
        for epoch in range(budget.epochs):
            for fit in fits:
                fit.run_epoch(epoch)
            losses = [fit.loss_of(rows) for fit, rows in zip(fits, held_out, strict=True)]
            if (loss := float(np.average(losses, weights=sizes))) < lowest:
                best, lowest, kept = epoch, loss, [fit.weights() for fit in fits]
            if epoch - best >= budget.patience or not allows():
                break
    for fit, weights in zip(fits, kept, strict=True):
        fit.member.load_state_dict(weights)
    members = [fit.member for fit in fits]
    out_of_fold = _out_of_fold(members, lesson, held_out, n_outputs)
    return Stopped(max(best, 0) + 1, lowest, out_of_fold, [member.cpu() for member in members])


def _out_of_fold(members: list[Member], lesson: Lesson, held_out: list[Tensor], n_outputs: int) -> np.ndarray:
    total, counts = np.zeros((len(lesson.columns), n_outputs)), np.zeros((len(lesson.columns), 1))
    for member, rows in zip(members, held_out, strict=True):
        places = rows.numpy()  # as an index of NumPy a tensor of one row is a number
        total[places] += member.predict(lesson.compositions.take(rows), lesson.columns[rows])
        counts[places] += 1
    return np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)


def fit_all_rows(
    generator: FormulaModule,
    lesson: Lesson,
    budget: Budget,
    *,
    n_members: int,
    n_epochs: int,
    n_outputs: int,
    seed: int,
    allows: Callable[[], bool] = lambda: True,
) -> list[Member]:
    """Train members on all rows, for as many epochs as folds say, and return them on the processor.

    Arguments are as `fit_folds` says.

    Raises:
        TrainingError: the weights are no longer numbers.
    """
    members = []
    for number in range(n_members):
        with torch.random.fork_rng():
            torch.manual_seed(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
            fit = _Fit(generator, lesson, np.arange(len(lesson.columns)), n_outputs, budget)
            for epoch in range(n_epochs):
                fit.run_epoch(epoch)
                if not allows():
                    break
            _check(fit.member)
            members.append(fit.member.cpu())
        if not allows():
            break
    return members


def _check(member: Member) -> None:
    if not all(torch.isfinite(weights).all() for weights in member.parameters()):
        raise TrainingError(
            "Fine-tuning diverged: weights are no longer numbers. Lower the learning rates of encoder and head."
        )


class _Fit:
    """The training of one member. A frozen encoder encodes once."""

    def __init__(
        self,
        generator: FormulaModule,
        lesson: Lesson,
        rows: np.ndarray,
        n_outputs: int,
        budget: Budget,
    ) -> None:
        self.lesson, self.budget = lesson, budget
        self.rows = torch.from_numpy(rows)
        member = Member(generator, lesson.columns.shape[1], n_outputs, budget.dropout)
        self.member = member = member.to(lesson.columns.device)
        with torch.no_grad():
            vectors = member.generator(lesson.compositions)
            member.standardize_on(vectors[self.rows], lesson.columns[self.rows])
        self.vectors = None if budget.encoder_learning_rate else vectors
        self.n_batches = max(1, len(self.rows) // budget.batch_size)
        head = [*member.linear.parameters(), *member.hidden.parameters()]
        groups = [{"params": head, "base": budget.learning_rate}]
        if budget.encoder_learning_rate:
            groups.append({"params": list(member.generator.parameters()), "base": budget.encoder_learning_rate})
        self.optimizer = torch.optim.AdamW(groups, weight_decay=budget.weight_decay, fused=True)

    def run_epoch(self, epoch: int) -> None:
        """Pass over the training rows once."""
        self.member.hidden.train()
        order = self.rows[torch.randperm(len(self.rows))].to(self.lesson.columns.device)
        for k, rows in enumerate(order.tensor_split(self.n_batches)):
            factor = learning_rate_factor(epoch * self.n_batches + k, self.n_batches * self.budget.epochs, WARMUP)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * factor
            loss = self._loss(rows)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
        self.member.hidden.eval()

    @torch.inference_mode()
    def loss_of(self, rows: Tensor) -> float:
        """Return the loss of some rows."""
        return float(self._loss(rows))

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of all weights."""
        return copy.deepcopy(self.member.state_dict())

    def _loss(self, rows: Tensor) -> Tensor:
        lesson = self.lesson
        if self.vectors is None:
            outputs = self.member(lesson.compositions.take(rows), lesson.columns[rows])
        else:
            outputs = self.member.head(self.vectors[rows], lesson.columns[rows])
        return _loss_of(outputs, lesson.wanted[rows])


def _loss_of(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the absolute error of values, with the cross-entropy of their gate, or the cross-entropy of classes."""
    if not wanted.is_floating_point():
        return F.cross_entropy(outputs, wanted)
    if wanted.shape[1] == 1:
        return F.l1_loss(outputs, wanted)
    passed = wanted[:, 1]
    errors = (outputs[:, 0] - wanted[:, 0]).abs() * passed
    return errors.sum() / len(wanted) + F.binary_cross_entropy_with_logits(outputs[:, 1], passed)


def head_of(member: Member) -> dict[str, np.ndarray]:
    """Return what a member's head computes with, as `embeddings.tuning.network.TunedNetwork` reads it."""
    kept = ("shift", "scale", "linear.", "hidden.")
    return {name: values.numpy().copy() for name, values in member.state_dict().items() if name.startswith(kept)}
