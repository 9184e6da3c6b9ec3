"""What is said of a network that goes on learning: where it began, what it had seen, how it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from builders.learning.folds import Fold, deal
from builders.learning.material import Material
from builders.methods.crystal_transformer.config import TuningConfig
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.start import FOUND, Start
from builders.methods.crystal_transformer.tuning import Tuned
from embeddings.display.numbers import with_unit
from embeddings.elements import SYMBOLS


@dataclass
class GoingOn:
    """A network, the material that it goes on with, and what came of it.

    Attributes:
        start: the network.
        folds: rows to learn from and rows that are held out, for each member.
        n_rounds: of folds; 0 where formulas are held out once and for all.
        n_formulas: distinct ones of the material.
        seen: how many of them the network was trained on; None where nobody knows.
        new: atomic numbers that it was not trained on.
        n_with_new: structures that hold them.
        tuned: what came of it; None before.
    """

    start: Start
    folds: tuple[Fold, ...]
    n_rounds: int
    n_formulas: int
    seen: int | None
    new: np.ndarray
    n_with_new: int
    tuned: Tuned | None = None

    @classmethod
    def of(cls, start: Start, material: Material, recipe: CrystalTransformerRecipe) -> GoingOn:
        """Look at what a network is to go on with."""
        tuning = recipe.tuning or TuningConfig()
        n_rounds = 0 if len(material.validation_rows) else tuning.n_rounds
        folds = [Fold(material.training_rows, material.validation_rows)]
        if n_rounds:
            folds = deal(material.formulas, n_folds=tuning.n_folds, n_rounds=n_rounds, seed=recipe.seed_of_split)
        distinct = sorted(set(material.formulas))
        seen, table = start.seen(distinct), material.table
        new = start.unknown(np.unique(table.atomic_numbers))
        holds_new = np.repeat(np.arange(len(table)), table.n_sites)[np.isin(table.atomic_numbers, new)]
        n_seen = None if seen is None else len(seen)
        return cls(start, tuple(folds), n_rounds, len(distinct), n_seen, new, len(np.unique(holds_new)))

    @property
    def start_sentence(self) -> str:
        """Where it began."""
        return f"Began as {self.start.name} {self.start.version}."

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a user has to know of where it began."""
        seen = "an unknown number" if self.seen is None else f"{self.seen:,}"
        found = [
            f"The network began as that of {self.start.identity}, which was trained on {seen} of these "
            f"{self.n_formulas:,} formulas, perhaps with other properties."
        ]
        if len(self.new):
            symbols = ", ".join(SYMBOLS[number - 1] for number in self.new)
            found.append(
                f"{self.start.identity} was not trained on {symbols}, found in {self.n_with_new:,} of these "
                f"structures: the table of elements grew by {len(self.new)}, begun at the mean of the others."
            )
        return tuple(found)

    @property
    def split(self) -> str | None:
        """The rule by which rows were held out; None for that of every recipe."""
        if not self.n_rounds:
            return None
        return (
            f"by reduced formula: {len(self.folds) // self.n_rounds} folds, dealt {_times(self.n_rounds)}, each "
            "structure held out once a round; published is the mean of the networks of all folds"
        )

    def measured(self) -> dict[str, Any]:
        """Return what was found out, as JSON values."""
        frozen = {} if self.tuned is None else {name: one.mae for name, one in self.tuned.frozen.items() if one.n}
        found = {
            "n_formulas": self.n_formulas,
            "n_formulas_seen": self.seen,
            "new_elements": [SYMBOLS[number - 1] for number in self.new],
            "frozen_mae": frozen,
            "epoch": 0 if self.tuned is None else self.tuned.epoch,
        }
        return {FOUND: found}

    def outcome(self, units: Mapping[str, str], n_epochs: int) -> str:
        """Return a sentence on what training was worth, beside the network as it was."""
        tuned = self.tuned
        if tuned is None or tuned.epoch == 0:
            return (
                f"No epoch was better than ridge regressions on {self.start.identity} as it was, so its network is "
                "published unchanged."
            )
        errors = ", ".join(
            f"{name} {with_unit(f'{one.mae:.4g}', units[name])} ({tuned.frozen[name].mae:.4g})"
            for name, one in tuned.scores.items()
            if one.n
        )
        return (
            f"Epoch {tuned.epoch} of {n_epochs} is kept: {errors}; in brackets a ridge regression on the vectors of "
            "the network as it was."
        )


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
