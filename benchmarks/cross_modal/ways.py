"""Ways of moving knowledge from structures to compositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.cross_modal.critic import Adversary, Penalty
from benchmarks.cross_modal.tables import BEST
from builders.learning.encoders import FormulaEncoder, tensors_of
from builders.learning.lessons import Lessons
from builders.methods.cromel.config import TransferConfig
from builders.methods.cromel.encoder import encoder_of_tensors
from builders.methods.cromel.method import published
from builders.methods.cromel.recipes import RECIPES, CromelRecipe
from builders.methods.cromel.training import train_encoder
from builders.runs.identity import identity_of
from embeddings.formula import fraction_matrix
from embeddings.store.folders import atomic_file

_TRAINING = RECIPES["cromel-multi"].training
_CRITIC = replace(_TRAINING, labels=0, alignment=0, contrast=0, stochastic=True)

WAYS: dict[str, TransferConfig] = {
    BEST: _TRAINING,
    "d: labels": replace(_TRAINING, alignment=0, contrast=0),
    "c: alignment by contrast": replace(_TRAINING, labels=0, alignment=0, contrast=1),
    "c: alignment by distance": replace(_TRAINING, labels=0, alignment=1, contrast=0),
    "c+d: distance and labels": replace(_TRAINING, alignment=1, contrast=0),
    "c+d: contrast and labels, stochastic": replace(_TRAINING, stochastic=True),
    "b: critic, gradient penalty": _CRITIC,
    "a: critic, penalty as released": _CRITIC,
}
"""The ways that learn, the most promising first; "e" is an untrained encoder."""

CRITICS: dict[str, Penalty] = {
    "b: critic, gradient penalty": "gradient",
    "a: critic, penalty as released": "released",
}
"""The ways that are moved by a critic, and the penalty on its slope."""


@dataclass(frozen=True)
class Workshop:
    """Trains encoders and keeps them.

    Attributes:
        lessons: of the whole source.
        recipe: sizes and budget; only the way of learning changes.
        folder: where trained encoders are kept.
        source: identity of the lessons.
    """

    lessons: Lessons
    recipe: CromelRecipe
    folder: Path
    source: str

    def encoder(self, way: str, excluded: Sequence[str] = ()) -> FormulaEncoder:
        """Return the encoder of one way, trained on the lessons of all formulas but some.

        Args:
            way: a key of `WAYS`.
            excluded: canonical reduced formulas to leave out.
        """
        recipe = replace(self.recipe, training=_within(WAYS[way], self.recipe.training))
        identity = identity_of(self.source, recipe.to_dict(), CRITICS.get(way), sorted(set(excluded)))
        path = self.folder / f"{identity[:16]}.npz"
        if not path.exists():
            lessons = self.lessons.without(excluded) if len(excluded) else self.lessons
            trained = train_encoder(lessons, recipe, extra=self._critic(way))
            numbers = np.unique(fraction_matrix(lessons.formulas[trained.training_rows].tolist()).atomic_numbers)
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **tensors_of(published(trained, numbers, way)))
        with np.load(path) as tensors:
            return encoder_of_tensors(dict(tensors), recipe.model, name=way)

    def _critic(self, way: str) -> Adversary | None:
        if way not in CRITICS:
            return None
        return Adversary(self.lessons.vectors.shape[1], CRITICS[way], seed=self.recipe.seed)


def _within(way: TransferConfig, budget: TransferConfig) -> TransferConfig:
    """Return a way of learning with the epochs, batches and learning rate of a budget."""
    return replace(way, epochs=budget.epochs, batch_size=budget.batch_size, learning_rate=budget.learning_rate)
