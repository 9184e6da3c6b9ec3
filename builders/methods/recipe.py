"""Recipes: every hyperparameter of a build. What those of all methods have in common."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from embeddings.display.numbers import counted

OF_ONE_SOURCE = {"starter": "starter"}
"""Recipe -> the source whose data its description names."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained: AdamW, a linear warm-up, then a cosine down to zero.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows in a batch, at most.
        learning_rate: at the end of the warm-up.
        weight_decay: AdamW's, on all weights.
        warmup_fraction: share of all steps.
        clip_norm: gradients are scaled down to this norm.
        validation_fraction: share of the reduced formulas that is held out.
    """

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup_fraction: float = 0.05
    clip_norm: float = 1.0
    validation_fraction: float = 0.1

    def changed(self, *, epochs: int | None, batch_size: int | None, learning_rate: float | None) -> Self:
        """Return the schedule with the given fields changed; None keeps a field."""
        asked: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
        return dataclasses.replace(self, **{name: value for name, value in asked.items() if value is not None})


@dataclass(frozen=True)
class Recipe:
    """How vectors are made.

    Attributes:
        name: of the recipe, and by default of the catalog.
        description: one sentence for the card.
        targets: properties to learn; empty means every floating-point property of the source.
        max_sites: larger cells are left out, and counted.
        seed: of the split, the initial weights and the order of the batches.
        split_seed: of the split alone; None for `seed`.
        training: how it is trained.
    """

    name: str
    description: str
    targets: tuple[str, ...] = ()
    max_sites: int | None = None
    seed: int = 0
    split_seed: int | None = None
    training: Schedule = field(default_factory=Schedule)

    method: ClassVar[str]
    """Name of the method in `builders.methods.METHODS`."""
    takes_corpus: ClassVar[bool] = False
    """Whether the method also learns from formulas alone, and is set up with a `builders.learning.corpus.Corpus`."""

    @property
    def takes_init(self) -> bool:
        """Whether the method goes on from a network that is there, and is set up with the folder of its catalog."""
        return False

    @property
    def takes_vectors(self) -> bool:
        """Whether the method can be set up with files of structure vectors: some, where no catalog teaches it."""
        return False

    @property
    def folds_below(self) -> int:
        """With fewer structures than this, none is set aside: the method holds each out in turn."""
        return 0

    @property
    def seed_of_split(self) -> int:
        """Of the formulas held out."""
        return self.seed if self.split_seed is None else self.split_seed

    @property
    def wanted_teacher(self) -> str | None:
        """Name of the catalog whose network teaches this one; None where there is none."""
        return None

    def with_options(
        self,
        *,
        targets: tuple[str, ...] | None = None,
        seed: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> Self:
        """Return the recipe with the given fields changed; None keeps a field. Other targets are said of it too."""
        changed: dict[str, Any] = {"targets": targets, "seed": seed}
        if targets and targets != self.targets:
            changed["description"] = self.sentence(targets)
        changed["training"] = self.training.changed(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
        return dataclasses.replace(self, **{name: value for name, value in changed.items() if value is not None})

    def said_of(self, targets: tuple[str, ...], source: str, *, data: str, n_structures: int) -> str:
        """Return the sentence on what was made: from the data that were there and the targets that were learned.

        Args:
            targets: that were learned; a recipe may ask for more.
            source: of the structures, by name.
            data: whose they are.
            n_structures: that were learned from.
        """
        if OF_ONE_SOURCE.get(self.name) == source and targets == self.targets:
            return self.description
        return f"{self.sentence(targets)} Data: {counted(n_structures, 'structure')} of {data}."

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return every field that is set as plain JSON values."""
        return _set_fields(dataclasses.asdict(self))

    def training_dict(self) -> dict[str, Any]:
        """Return what the trained network depends on: recipes that agree in this share one training run."""
        return {name: value for name, value in self.to_dict().items() if name not in ("name", "description")}


def listed(names: tuple[str, ...]) -> str:
    """Return names as a list in words."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _set_fields(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _set_fields(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }
