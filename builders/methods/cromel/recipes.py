"""Recipes of composition encoders: every hyperparameter."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from builders.methods.cromel.model import GeneratorConfig
from builders.methods.crystal_transformer.recipes import RECIPES, Adjustable, Recipe, TrainingConfig, listed
from embeddings.errors import InputInvalid, did_you_mean

Penalty = Literal["none", "released", "gradient"]


@dataclass(frozen=True)
class TransferConfig:
    """How a generator learns: AdamW, a linear warm-up, then a cosine down to zero.

    Attributes:
        labels: weight of the absolute error of the heads, on standardised labels.
        alignment: weight of the distance of a formula's vector, projected, to that of its own structures.
        contrast: weight of telling a formula's own structures from those of the others in the batch.
        critic: ``"gradient"`` matches the *distributions* of the vectors by a Wasserstein critic with a penalty on its
            slope, ``"released"`` with the penalty as the CroMEL code has it, ``"none"`` does not.
        stochastic: learn from samples around a formula's vector, whose spread is learned too, in place of the vector.
        epochs: passes over the formulas.
        batch_size: formulas in a batch.
        learning_rate: at the end of the warm-up.
        weight_decay: AdamW's, on all weights.
        warmup_fraction: share of all steps.
        clip_norm: gradients are scaled down to this norm.
        validation_fraction: share of the formulas that is held out.
    """

    labels: float = 1.0
    alignment: float = 0.0
    contrast: float = 1.0
    critic: Penalty = "none"
    stochastic: bool = False
    epochs: int = 40
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup_fraction: float = 0.05
    clip_norm: float = 1.0
    validation_fraction: float = 0.05

    @property
    def needs_teacher(self) -> bool:
        """Whether vectors of structures take part."""
        return bool(self.alignment or self.contrast or self.critic != "none")


@dataclass(frozen=True)
class EncoderRecipe(Adjustable):
    """How a composition encoder is made.

    Attributes:
        name: of the recipe, and by default of the encoder.
        description: one sentence for the card.
        targets: properties to learn.
        teacher: catalog whose network gives the vectors of structures.
        max_sites: larger cells are left out, and counted.
        seed: of the split, the initial weights and the order of the batches.
        model: sizes of the generator.
        training: how it is trained.
    """

    name: str
    description: str
    targets: tuple[str, ...]
    teacher: str = "ct-ef-eg"
    max_sites: int | None = 100
    seed: int = 0
    model: GeneratorConfig = field(default_factory=GeneratorConfig)
    training: TransferConfig = field(default_factory=TransferConfig)

    @property
    def crystals(self) -> Recipe:
        """What is asked of the crystals, as a recipe of their own kind."""
        return Recipe(
            name=self.name,
            description=self.description,
            targets=self.targets,
            max_sites=self.max_sites,
            seed=self.seed,
            training=TrainingConfig(epochs=self.training.epochs, validation_fraction=self.training.validation_fraction),
        )

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        return f"Vectors for formulas, learned from {listed(targets)} and from the structures behind them."

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain JSON values."""
        return dataclasses.asdict(self)


MULTI = ("formation_energy_per_atom", "band_gap", "log10_k_vrh", "log10_g_vrh", "volume_per_atom")
MORE = ("refractive_index", "band_gap_hse", "seebeck_p", "seebeck_n")

ENCODER_RECIPES: dict[str, EncoderRecipe] = {
    recipe.name: recipe
    for recipe in (
        EncoderRecipe(
            name="cromel-formation-energy",
            description="Vectors for formulas, learned from formation energies and from the structures behind them.",
            targets=("formation_energy_per_atom",),
        ),
        EncoderRecipe(
            name="cromel-band-gap",
            description="Vectors for formulas, learned from band gaps and from the structures behind them.",
            targets=("band_gap",),
        ),
        EncoderRecipe(
            name="cromel-multi",
            description="Vectors for formulas, learned from nine calculated properties and the structures behind them.",
            targets=MULTI + MORE,
        ),
        EncoderRecipe(
            name="cromel-samples",
            description="Vectors for formulas, with a spread, learned from nine calculated properties and the "
            "structures behind them.",
            targets=MULTI + MORE,
            training=TransferConfig(stochastic=True),
        ),
    )
}
"""Every recipe of a composition encoder by name."""


def find_any_recipe(name: str) -> Recipe | EncoderRecipe:
    """Return the recipe of this name, of a catalog of elements or of a composition encoder.

    Raises:
        InputInvalid: there is none; names the closest and all that there are.
    """
    known: dict[str, Recipe | EncoderRecipe] = {**RECIPES, **ENCODER_RECIPES}
    if name not in known:
        raise InputInvalid(f'No recipe "{name}".{did_you_mean(name, known)} Available: {", ".join(known)}.')
    return known[name]
