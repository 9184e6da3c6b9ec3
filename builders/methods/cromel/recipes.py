"""Recipes of composition encoders: every hyperparameter of every one that is published, in one table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from builders.methods.cromel.config import GeneratorConfig, TransferConfig
from builders.methods.recipe import Recipe, listed


@dataclass(frozen=True)
class CromelRecipe(Recipe):
    """How a composition encoder is made.

    Attributes:
        teacher: catalog whose network gives the vectors of structures.
        model: sizes of the generator.
        training: how it is trained.
    """

    teacher: str = "ct-ef-eg"
    max_sites: int | None = 100
    model: GeneratorConfig = field(default_factory=GeneratorConfig)
    training: TransferConfig = field(default_factory=TransferConfig)

    method: ClassVar[str] = "cromel"

    @property
    def wanted_teacher(self) -> str | None:
        """Name of the catalog whose network teaches this one; None where labels alone do."""
        return self.teacher if self.training.needs_teacher else None

    @property
    def takes_vectors(self) -> bool:
        """Whether files of structure vectors can teach it, in place of that catalog or beside it."""
        return self.training.needs_teacher

    def to_dict(self) -> dict[str, Any]:
        """Return every field that is set, and that there is no critic, as the identity of released encoders states."""
        fields = super().to_dict()
        return fields | {"training": fields["training"] | {"critic": "none"}}

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        return f"Vectors for formulas, learned from {listed(targets)} and from the structures behind them."


MULTI = ("formation_energy_per_atom", "band_gap", "log10_k_vrh", "log10_g_vrh", "volume_per_atom")
MORE = ("refractive_index", "band_gap_hse", "seebeck_p", "seebeck_n")

RECIPES: dict[str, CromelRecipe] = {
    recipe.name: recipe
    for recipe in (
        CromelRecipe(
            name="cromel-formation-energy",
            description="Vectors for formulas, learned from formation energies and from the structures behind them.",
            targets=("formation_energy_per_atom",),
        ),
        CromelRecipe(
            name="cromel-band-gap",
            description="Vectors for formulas, learned from band gaps and from the structures behind them.",
            targets=("band_gap",),
        ),
        CromelRecipe(
            name="cromel-multi",
            description="Vectors for formulas, learned from nine calculated properties and the structures behind them.",
            targets=MULTI + MORE,
        ),
        CromelRecipe(
            name="cromel-samples",
            description="Vectors for formulas, with a spread, learned from nine calculated properties and the "
            "structures behind them.",
            targets=MULTI + MORE,
            training=TransferConfig(stochastic=True),
        ),
    )
}
"""Every recipe by name."""
