"""Recipes of catalogs of elements: every hyperparameter of every one that is published, in one table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

from builders.methods.crystal_transformer.config import (
    TUNING_SCHEDULE,
    CrystalTransformerConfig,
    TrainingConfig,
    Tune,
    TuningConfig,
    Vectors,
)
from builders.methods.recipe import Recipe, listed
from embeddings.errors import InputInvalid
from embeddings.store.readout import Readout, fullest


@dataclass(frozen=True)
class CrystalTransformerRecipe(Recipe):
    """How a catalog of elements is made.

    Attributes:
        model: sizes of the network.
        training: how it is trained.
        vectors: what is published of an element: its row of the network's atom table, as in the paper, or the mean of
            what the network makes of its atoms in their context, over all training crystals.
        crystals: what is published of a crystal, where that is more than the heads of the network saw in training, as
            `CrystalTransformerConfig.readout` says; None for what they saw. A network that learns the volume of an atom
            would learn nothing from a readout that holds it.
        tuning: how it goes on from a network that is there, on a group's own data; None to begin with a new one.
        keeps_schedule: True where it goes on from a network that is there by its own schedule, as large sets need, and
            not by that of `tuning`; None otherwise.
        begun: True where it goes on from a network that is there by its own schedule; None otherwise.
    """

    model: CrystalTransformerConfig = field(default_factory=CrystalTransformerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    vectors: Vectors = "context"
    crystals: Readout | None = None
    tuning: TuningConfig | None = None
    keeps_schedule: Literal[True] | None = None
    begun: Literal[True] | None = None

    method: ClassVar[str] = "crystal-transformer"

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        return f"Universal atomic embeddings learned from {listed(targets)}."

    @property
    def takes_init(self) -> bool:
        """Whether it goes on from a network that is there."""
        return self.tuning is not None or bool(self.begun)

    @property
    def folds_below(self) -> int:
        """With fewer crystals than this, none is set aside: folds hold each out in turn."""
        return self.tuning.folds_below if self.tuning else 0

    @property
    def takes_vectors(self) -> bool:
        """Whether it also learns to predict the vectors of teachers."""
        return self.training.teacher_weight is not None

    @property
    def rounds(self) -> int | None:
        """Of refinement until atoms that see the same count as one; None where some are hidden, and each counts."""
        return None if self.training.hidden_atoms else self.model.depth

    @property
    def published(self) -> CrystalTransformerConfig:
        """The sizes of the network as its encoder has them, with the readout of what is published of a crystal."""
        return replace(self.model, readout=self.crystals or self.model.readout)

    def taught(self) -> CrystalTransformerRecipe:
        """Return the recipe with teachers beside the labels, at its own weight or at that of one target."""
        if self.takes_vectors:
            return self
        return replace(self, training=replace(self.training, teacher_weight=TEACHER_WEIGHT))

    def going_on(self, tune: Tune, published: Readout | None = None) -> CrystalTransformerRecipe:
        """Return the recipe for a network that is there and learns on: shorter, in small batches, unless it is broad.

        Args:
            tune: which of its weights move.
            published: what its catalog publishes of a crystal; that of the new network has no less.

        Raises:
            InputInvalid: it keeps its own schedule, by which all weights move, and another way is asked for.
        """
        crystals = fullest(self.published.readout, published)
        recipe = self if crystals == self.published.readout else replace(self, crystals=crystals)
        if self.keeps_schedule:
            if tune != "all":
                raise InputInvalid(f'The recipe "{self.name}" moves all weights of --init. Leave --tune out.')
            return replace(recipe, begun=True)
        schedule = replace(TUNING_SCHEDULE, loss=self.training.loss, balance=self.training.balance)
        return replace(recipe, training=schedule, tuning=TuningConfig(tune=tune))

    def with_options(self, *, learning_rate: float | None = None, **options: Any) -> Self:
        """Return the recipe with the given fields changed. The rate is that of heads and of what `tuning` moves."""
        changed = super().with_options(learning_rate=learning_rate, **options)
        if changed.tuning is None or learning_rate is None:
            return changed
        return replace(changed, tuning=replace(changed.tuning, encoder_learning_rate=learning_rate))

    def training_dict(self) -> dict[str, Any]:
        """Return what the trained network depends on: what is then published of it makes no difference."""
        return {name: value for name, value in super().training_dict().items() if name not in ("vectors", "crystals")}


TEACHER_WEIGHT = 1.0
"""Of each teacher of a recipe that is given some and states no weight."""

_MULTI = ("formation_energy_per_atom", "band_gap", "log10_k_vrh", "log10_g_vrh", "volume_per_atom")

_PAPER_MODEL = CrystalTransformerConfig(
    geometry="cartesian", width=256, depth=8, n_heads=8, feed_forward=512, dropout=0.1
)

RECIPES: dict[str, CrystalTransformerRecipe] = {
    recipe.name: recipe
    for recipe in (
        CrystalTransformerRecipe(
            name="starter",
            description="Universal atomic embeddings learned from prototype crystals computed with CHGNet.",
            targets=(
                "formation_energy_per_atom",
                "volume_per_atom",
                "bulk_modulus",
                "magnetic_moment_per_atom",
            ),
            training=TrainingConfig(epochs=20, learning_rate=2e-3),
        ),
        CrystalTransformerRecipe(
            name="ct-formation-energy",
            description="Universal atomic embeddings learned from formation energy alone.",
            targets=("formation_energy_per_atom",),
            max_sites=100,
            training=TrainingConfig(epochs=20),
        ),
        CrystalTransformerRecipe(
            name="ct-band-gap",
            description="Universal atomic embeddings learned from the band gap alone.",
            targets=("band_gap",),
            max_sites=100,
            training=TrainingConfig(epochs=20),
        ),
        CrystalTransformerRecipe(
            name="ct-ef-eg",
            description="Universal atomic embeddings learned from formation energy and band gap (the paper's MT@2p).",
            targets=("formation_energy_per_atom", "band_gap"),
            max_sites=100,
            training=TrainingConfig(epochs=25),
        ),
        CrystalTransformerRecipe(
            name="ct-multi",
            description="Universal atomic embeddings learned from energy, band gap, elastic moduli and volume.",
            targets=_MULTI,
            max_sites=100,
            training=TrainingConfig(epochs=32, balance="labels"),
            crystals="mean and cell",
        ),
        CrystalTransformerRecipe(
            name="ct-foundation",
            description="Universal atomic embeddings learned from several databases at once.",
            targets=_MULTI[:-1],
            max_sites=100,
            model=CrystalTransformerConfig(readout="mean and cell"),
            crystals="all layers and cell",
            keeps_schedule=True,
            training=TrainingConfig(
                epochs=16,
                max_pairs=256 * 32 * 32,
                learning_rate=8e-4,
            ),
        ),
        CrystalTransformerRecipe(
            name="ct-all",
            description="Universal atomic embeddings learned from every numeric property of the source.",
            max_sites=100,
            training=TrainingConfig(epochs=40),
        ),
        CrystalTransformerRecipe(
            name="ct-cartesian",
            description="The network of the ct-UAE paper (Cartesian coordinates, first-atom read-out), for comparison.",
            max_sites=60,
            model=_PAPER_MODEL,
            training=TrainingConfig(epochs=30, learning_rate=3e-4, loss="mse", augment=0.5),
            vectors="table",
        ),
    )
}
"""Every recipe by name."""
