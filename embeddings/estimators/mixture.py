"""A fine-tuned encoder and plain models beside it, each counted as far as it helps on formulas that it did not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.folds import Folds, grouped_folds
from embeddings.bench.stack import stack_weights
from embeddings.estimators.parts import PlainPart, fit_part, sees_encoder
from embeddings.formula import FractionMatrix
from embeddings.tuning.network import KeptEncoder, TunedNetwork
from embeddings.tuning.targets import Target

FINETUNED = "finetuned"
"""The part that is a network; the others are in `embeddings.estimators.parts.PLAIN_PARTS`."""

FEW_ROWS, REPEATS_OF_FEW = 500, 3
"""Below so many rows folds are dealt so often."""


@dataclass(frozen=True, eq=False)
class Formulas:
    """Formulas as the parts see them.

    Attributes:
        matrix: n formulas.
        replaced: (119,) for each atomic number the one whose vector is taken.
        columns: (n, d) fractions and properties; d is 0 where no part sees them.
    """

    matrix: FractionMatrix
    replaced: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, matrix: FractionMatrix, replaced: np.ndarray, *, joined: bool) -> Self:
        """Return formulas, with fractions and properties if a part sees them."""
        return cls(matrix, replaced, FeatureMaker({}).make(BASE, matrix) if joined else np.empty((len(matrix), 0)))


@dataclass(frozen=True, eq=False)
class Mixture:
    """Fitted parts and their weights.

    Attributes:
        target: what is predicted.
        start: the encoder as it was.
        networks: the members of the fine-tuned part.
        plain: the other parts that count, by name.
        weights: part -> weight, one in sum.
    """

    target: Target
    start: KeptEncoder
    networks: tuple[TunedNetwork, ...]
    plain: Mapping[str, PlainPart]
    weights: Mapping[str, float]

    def each(self, formulas: Formulas) -> tuple[np.ndarray, np.ndarray]:
        """Return what every model says, (n_models, n, k), and the weight of each, (n_models,), one in sum."""
        made, weights = [], []
        if share := self.weights.get(FINETUNED, 0.0):
            for network in self.networks:
                outputs = network(formulas.matrix, formulas.replaced, formulas.columns)
                made.append(self.target.said(outputs))
                weights.append(share / len(self.networks))
        for name, part in self.plain.items():
            made.append(part.said(part_features(name, formulas, self.start)))
            weights.append(self.weights[name])
        return np.array(made), np.array(weights)

    def said(self, formulas: Formulas) -> np.ndarray:
        """Return what all say together, (n, k)."""
        made, weights = self.each(formulas)
        return np.tensordot(weights, made, axes=1)


def part_features(name: str, formulas: Formulas, start: KeptEncoder) -> np.ndarray:
    """Return the columns that a plain part sees, (n, d)."""
    if not sees_encoder(name):
        return formulas.columns
    return np.hstack([start.encode(formulas.matrix, formulas.replaced), formulas.columns])


def out_of_fold(
    name: str, features: np.ndarray, values: np.ndarray, folds: Folds, target: Target, *, seed: int
) -> np.ndarray:
    """Return what a plain part says of rows that it did not see, (n, k); the mean, where several folds hold one out."""
    said, counts = np.zeros((len(values), target.n_outputs)), np.zeros((len(values), 1))
    for train, held_out in folds:
        part = fit_part(name, features[train], values[train], target, seed=seed)
        said[held_out] += part.said(features[held_out])
        counts[held_out] += 1
    return said / counts


@dataclass(frozen=True, eq=False)
class Weighing:
    """What each part says of the rows that it did not see, and what follows.

    Attributes:
        target: what is predicted.
        values: (n,).
        fold_of: (n,) the fold that held each row out.
        said: part -> (n, k).
    """

    target: Target
    values: np.ndarray
    fold_of: np.ndarray
    said: Mapping[str, np.ndarray]

    def losses(self) -> dict[str, float]:
        """Return the loss of each part."""
        return {name: self.target.loss(made, self.values) for name, made in self.said.items()}

    def weights(self, rows: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Return the weight of each part, one in sum: those of a stack that is at least as good as the best part."""
        made = [one[rows] for one in self.said.values()]
        found = stack_weights(made, self.values[rows], self.target.loss)
        return {name: float(weight) for name, weight in zip(self.said, found, strict=True)}

    def together(self) -> np.ndarray:
        """Return what all say together, (n, k), each fold by the weights of the others."""
        total = np.empty_like(next(iter(self.said.values())))
        for fold in (distinct := np.unique(self.fold_of)):
            own = self.fold_of == fold
            weights = self.weights(~own if len(distinct) > 1 else slice(None))
            total[own] = sum(weight * self.said[name][own] for name, weight in weights.items())
        return total


def dealt(groups: np.ndarray, n_folds: int, n_repeats: int | None, seed: int) -> tuple[Folds, np.ndarray]:
    """Deal rows into folds, more than once where there are few, for then one deal stops training by luck.

    Args:
        groups: (n,) of the rows; none is on both sides of a fold.
        n_folds: of a deal, or as many as there are groups.
        n_repeats: deals; if None, `REPEATS_OF_FEW` below `FEW_ROWS` rows, and one elsewhere.
        seed: of the deals.

    Returns:
        The folds of all deals, and the fold that holds each row out in the first of them, (n,).
    """
    n_deals = n_repeats or (REPEATS_OF_FEW if len(groups) < FEW_ROWS else 1)
    later = np.random.SeedSequence(seed).generate_state(n_deals - 1).tolist()
    n_folds = min(n_folds, len(np.unique(groups)))
    deals = [grouped_folds(groups, n_folds, one) for one in (seed, *later)]
    fold_of = np.empty(len(groups), dtype=np.int64)
    for number, (_, held_out) in enumerate(deals[0]):
        fold_of[held_out] = number
    return [fold for deal in deals for fold in deal], fold_of
