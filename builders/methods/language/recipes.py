"""Recipes of language encoders: every hyperparameter of every one that is published, in one table.

Parts of the training are taken away by its fields: ``pretraining.epochs=0`` leaves out reading, ``training.epochs=0``
alignment and labels (both: a random network), ``training.labels=0`` and ``training.contrast=0`` one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from builders.methods.cromel.config import TransferConfig
from builders.methods.cromel.recipes import MORE, MULTI
from builders.methods.language.config import LanguageConfig, ReadingConfig
from builders.methods.recipe import Recipe, listed


@dataclass(frozen=True)
class LanguageRecipe(Recipe):
    """How a language encoder is made.

    Attributes:
        teacher: catalog whose network gives the vectors of structures.
        model: sizes of the network.
        pretraining: how it reads formulas alone, before it is trained.
        training: how it is then aligned with structures and labels.
        temperature: eV/atom; of polymorphs: each counts by ``exp(-energy above the lowest / temperature)``.
    """

    teacher: str = "ct-ef-eg"
    max_sites: int | None = 100
    model: LanguageConfig = field(default_factory=LanguageConfig)
    pretraining: ReadingConfig = field(default_factory=ReadingConfig)
    training: TransferConfig = field(default_factory=TransferConfig)
    temperature: float = 0.05

    method: ClassVar[str] = "language"
    takes_corpus: ClassVar[bool] = True

    @property
    def wanted_teacher(self) -> str | None:
        """Name of the catalog whose network teaches this one; None where labels alone do."""
        return self.teacher if self.training.needs_teacher else None

    @property
    def takes_vectors(self) -> bool:
        """Whether files of structure vectors can teach it, in place of that catalog or beside it."""
        return self.training.needs_teacher

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        return f"Vectors for formulas, read by a language model that learned from {listed(targets)} and structures."


RECIPES: dict[str, LanguageRecipe] = {
    recipe.name: recipe
    for recipe in (
        LanguageRecipe(
            name="imkt-multi",
            description="Vectors for formulas, read by a language model that learned from formulas, nine calculated "
            "properties and the structures behind them.",
            targets=MULTI + MORE,
            training=TransferConfig(epochs=20, learning_rate=1.5e-3, alignment=1.0),
        ),
    )
}
"""Every recipe by name."""
