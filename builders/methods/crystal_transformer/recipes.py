"""Recipes: every hyperparameter of every published catalog, in one table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from builders.methods.crystal_transformer.model import CrystalTransformerConfig
from embeddings.errors import InputInvalid, did_you_mean

Loss = Literal["l1", "mse"]
Balance = Literal["labels", "targets"]
Vectors = Literal["table", "context"]


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained: AdamW, a linear warm-up, then a cosine down to zero.

    Attributes:
        epochs: passes over the training crystals.
        batch_size: crystals in a batch, at most.
        max_pairs: pairs of atoms in a batch, at most (keeps large cells from filling the memory).
        learning_rate: at the end of the warm-up.
        weight_decay: AdamW's, on all weights.
        warmup_fraction: share of all steps.
        clip_norm: gradients are scaled down to this norm.
        loss: on standardised targets.
        augment: probability that a crystal is turned, shifted, mirrored and shaken (cartesian geometry only).
        validation_fraction: share of the reduced formulas that is held out.
        balance: what a target weighs in the loss: ``"labels"`` all its known labels alike, ``"targets"`` all targets
            alike however few labels they have; None lies between, by the square root of the share of known labels.
        hidden_atoms: share of the atoms whose element has to be told from their surroundings, as one more task;
            None for none.
    """

    epochs: int = 20
    batch_size: int = 128
    max_pairs: int = 128 * 32 * 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup_fraction: float = 0.05
    clip_norm: float = 1.0
    loss: Loss = "l1"
    augment: float = 0.0
    validation_fraction: float = 0.1
    balance: Balance | None = None
    hidden_atoms: float | None = None


OF_ONE_SOURCE = {"starter": "starter"}
"""Recipe -> the source whose data its description names."""


def listed(names: tuple[str, ...]) -> str:
    """Return names as a list in words."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


class Adjustable:
    """What recipes of catalogs and of composition encoders have in common: their main fields may be changed."""

    name: str
    targets: tuple[str, ...]
    seed: int
    training: Any

    def with_options(
        self, *, targets: tuple[str, ...] | None = None, epochs: int | None = None, seed: int | None = None
    ) -> Self:
        """Return the recipe with the given fields changed; None keeps a field. Other targets are said of it too."""
        changed: dict[str, Any] = {"targets": targets, "seed": seed}
        if targets and targets != self.targets:
            changed["description"] = self.sentence(targets)
        if epochs is not None:
            changed["training"] = dataclasses.replace(self.training, epochs=epochs)
        given = {name: value for name, value in changed.items() if value is not None}
        return dataclasses.replace(self, **given)  # type: ignore[type-var]  # every recipe is a dataclass

    def on_source(self, source: str) -> Self:
        """Return the recipe as it is said of a source: a sentence that names other data is not repeated."""
        if OF_ONE_SOURCE.get(self.name, source) == source:
            return self
        changed = {"description": self.sentence(self.targets)}
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        raise NotImplementedError


@dataclass(frozen=True)
class Recipe(Adjustable):
    """How a catalog is made.

    Attributes:
        name: of the recipe, and by default of the catalog.
        description: one sentence for the card.
        targets: properties to learn; empty means every floating-point property of the source.
        max_sites: larger cells are left out, and counted.
        seed: of the split, the initial weights and the order of the batches.
        model: sizes of the network.
        training: how it is trained.
        vectors: what is published of an element: its row of the network's atom table, as in the paper, or the mean of
            what the network makes of its atoms in their context, over all training crystals.
        split_seed: of the split alone; None for `seed`.
    """

    name: str
    description: str
    targets: tuple[str, ...] = ()
    max_sites: int | None = None
    seed: int = 0
    model: CrystalTransformerConfig = field(default_factory=CrystalTransformerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    vectors: Vectors = "context"
    split_seed: int | None = None

    def sentence(self, targets: tuple[str, ...]) -> str:
        """Return the sentence on vectors that were learned from these targets."""
        return f"Universal atomic embeddings learned from {listed(targets)}."

    def to_dict(self) -> dict[str, Any]:
        """Return every field that is set as plain JSON values."""
        return _set_fields(dataclasses.asdict(self))

    def training_dict(self) -> dict[str, Any]:
        """Return what the trained network depends on: recipes that agree in this share one training run."""
        return {name: value for name, value in self.to_dict().items() if name not in ("name", "description", "vectors")}


def _set_fields(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _set_fields(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


_PAPER_MODEL = CrystalTransformerConfig(
    geometry="cartesian", width=256, depth=8, n_heads=8, feed_forward=512, dropout=0.1
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
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
        Recipe(
            name="ct-formation-energy",
            description="Universal atomic embeddings learned from formation energy alone.",
            targets=("formation_energy_per_atom",),
            max_sites=100,
            training=TrainingConfig(epochs=20),
        ),
        Recipe(
            name="ct-band-gap",
            description="Universal atomic embeddings learned from the band gap alone.",
            targets=("band_gap",),
            max_sites=100,
            training=TrainingConfig(epochs=20),
        ),
        Recipe(
            name="ct-ef-eg",
            description="Universal atomic embeddings learned from formation energy and band gap (the paper's MT@2p).",
            targets=("formation_energy_per_atom", "band_gap"),
            max_sites=100,
            training=TrainingConfig(epochs=25),
        ),
        Recipe(
            name="ct-multi",
            description="Universal atomic embeddings learned from energy, band gap, elastic moduli and volume.",
            targets=("formation_energy_per_atom", "band_gap", "log10_k_vrh", "log10_g_vrh", "volume_per_atom"),
            max_sites=100,
            training=TrainingConfig(epochs=32, balance="labels"),
        ),
        Recipe(
            name="ct-all",
            description="Universal atomic embeddings learned from every numeric property of the source.",
            max_sites=100,
            training=TrainingConfig(epochs=40),
        ),
        Recipe(
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


def find_recipe(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises:
        InputInvalid: there is none; names the closest and all that there are.
    """
    if name not in RECIPES:
        raise InputInvalid(f'No recipe "{name}".{did_you_mean(name, RECIPES)} Available: {", ".join(RECIPES)}.')
    return RECIPES[name]
