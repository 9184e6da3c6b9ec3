"""Training a back end: the same rules for every client and every kind of atom features."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.downstream.features import AtomFeatures
from benchmarks.downstream.problem import Problem
from builders.learning.optimization import learning_rate_factor
from builders.learning.scores import score
from embeddings.errors import TrainingError


class Client(Protocol):
    """A back end that holds the crystals of a problem in its own form."""

    name: str

    def network(self, features: AtomFeatures) -> nn.Module:
        """Return a fresh network that takes a batch and returns one standardized value for each crystal, (n,)."""

    def batch(self, rows: np.ndarray, *, per_site: bool) -> Any:
        """Put the crystals at the given rows together; nodes are atomic numbers, or numbers of atoms."""


@dataclass(frozen=True)
class Budget:
    """How long a back end is trained: AdamW on the absolute error, a linear warm-up, then a cosine down to zero.

    Attributes:
        epochs: passes over the training rows.
        batch_size: crystals in a batch.
        weight_decay: AdamW's.
        clip_norm: gradients are scaled down to this norm.
        n_checks: how often the validation error is measured, evenly over the second half of the epochs.
        learning_rates: to choose from, separately for each kind of features.
        spreads: to choose from as well, beside the features' own spread: some back ends learn better from small
            numbers, others from large ones.
        seeds: of the initial weights and the order of the batches.
    """

    epochs: int
    batch_size: int
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    n_checks: int = 10
    learning_rates: tuple[float, ...] = (3e-3,)
    spreads: tuple[float, ...] = (0.1, 1.0)
    seeds: tuple[int, ...] = (0, 1, 2)


def fit(
    client: Client, features: AtomFeatures, problem: Problem, budget: Budget, *, learning_rate: float, seed: int
) -> dict[str, Any]:
    """Train a fresh network and report it on the test rows, at the epoch that was best on the validation rows.

    Returns:
        ``mae``, ``r2`` and ``baseline_mae`` on the test rows, ``validation_mae``, ``epoch`` (the best).

    Raises:
        TrainingError: the loss is no longer a number.
    """
    return train(client, features, problem, budget, learning_rate=learning_rate, seed=seed)[1]


def train(
    client: Client, features: AtomFeatures, problem: Problem, budget: Budget, *, learning_rate: float, seed: int
) -> tuple[nn.Module, dict[str, Any]]:
    """Return the trained network beside what `fit` reports of it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        run = _Fit(client, features, problem, budget, learning_rate, seed)
        result = run.run()
        return run.network, result


class _Fit:
    def __init__(
        self,
        client: Client,
        features: AtomFeatures,
        problem: Problem,
        budget: Budget,
        learning_rate: float,
        seed: int,
    ) -> None:
        self.client, self.features, self.problem, self.budget = client, features, problem, budget
        self.learning_rate, self.rng = learning_rate, np.random.default_rng(seed)
        known = problem.values[problem.split.training]
        self.mean, self.std = float(known.mean()), float(known.std())
        self.network = client.network(features)
        self.weights = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(self.weights, lr=learning_rate, weight_decay=budget.weight_decay)
        self.step, self.n_steps = 0, budget.epochs * len(self._batches(problem.split.training))

    def run(self) -> dict[str, Any]:
        split, best = self.problem.split, {"validation_mae": math.inf}
        weights = self.network.state_dict()
        for epoch in range(1, self.budget.epochs + 1):
            for rows in self._batches(self.rng.permutation(split.training)):
                self._update(rows)
            if epoch in self._checks():
                error = self._score(split.validation).mae
                if error < best["validation_mae"]:
                    best = {"validation_mae": error, "epoch": epoch}
                    weights = copy.deepcopy(self.network.state_dict())
        self.network.load_state_dict(weights)
        test = self._score(split.test)
        return {"mae": test.mae, "r2": test.r2, "baseline_mae": test.baseline_mae} | best

    def _checks(self) -> set[int]:
        epochs = self.budget.epochs
        checks = np.linspace(epochs, epochs // 2, self.budget.n_checks, endpoint=False)
        return set(checks.round().astype(int).tolist())

    def _batches(self, rows: np.ndarray) -> list[np.ndarray]:
        return np.array_split(rows, math.ceil(len(rows) / self.budget.batch_size))

    def _predict(self, rows: np.ndarray) -> Tensor:
        return self.network(self.client.batch(rows, per_site=self.features.per_site))

    def _update(self, rows: np.ndarray) -> None:
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * learning_rate_factor(self.step, self.n_steps, 0.05)
        wanted = torch.from_numpy(((self.problem.values[rows] - self.mean) / self.std).astype(np.float32))
        loss = (self._predict(rows) - wanted).abs().mean()
        if not math.isfinite(loss.item()):
            raise TrainingError(f"{self.client.name} with {self.features.name}: the loss is {loss.item()}.")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, self.budget.clip_norm)
        self.optimizer.step()
        self.step += 1

    def _score(self, rows: np.ndarray) -> Any:
        self.network.eval()
        with torch.inference_mode():
            parts = [self._predict(part).numpy() for part in self._batches(rows)]
        return score(np.concatenate(parts) * self.std + self.mean, self.problem.values[rows], self.mean)
