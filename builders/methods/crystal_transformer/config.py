"""Every size of the CrystalTransformer, and how it is trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self

from builders.methods.recipe import Schedule
from embeddings.store.readout import Readout, structure_dim

Geometry = Literal["periodic", "cartesian"]
Loss = Literal["l1", "mse"]
Balance = Literal["labels", "targets"]
Vectors = Literal["table", "context"]
Tune = Literal["all", "last", "adapter"]


@dataclass(frozen=True)
class CrystalTransformerConfig:
    """Every size of the network.

    Attributes:
        geometry: how positions enter, see the module.
        dim: width of the atom table, where every atom begins.
        width: width of the tokens.
        depth: number of layers.
        n_heads: attention heads of a layer.
        feed_forward: width of the hidden layer of each feed-forward step.
        cutoff: neighbors are seen up to this distance, angstrom (periodic only).
        n_radial: number of radial basis functions (periodic only).
        message_dim: width of the values that a radial message carries (periodic only).
        dropout: within the layers.
        table_std: standard deviation of the table's initial values. It is small, since what training does not move
            is published as it started.
        readout: what the vector of a crystal is beyond the mean over its atoms, see `embeddings.store.readout`
            (periodic only); None for nothing.
    """

    geometry: Geometry = "periodic"
    dim: int = 128
    width: int = 128
    depth: int = 3
    n_heads: int = 4
    feed_forward: int = 256
    cutoff: float = 5.0
    n_radial: int = 12
    message_dim: int = 16
    dropout: float = 0.0
    table_std: float = 0.05
    readout: Readout | None = None

    @property
    def structure_dim(self) -> int:
        """Width of the vector of a crystal; that of an atom is `width`."""
        return structure_dim(self.readout, width=self.width, depth=self.depth)


@dataclass(frozen=True)
class TrainingConfig(Schedule):
    """How the network is trained.

    Attributes:
        max_pairs: pairs of atoms in a batch, at most (keeps large cells from filling the memory).
        loss: on standardized targets.
        augment: probability that a crystal is turned, shifted, mirrored and shaken (Cartesian geometry only).
        balance: what a target weighs in the loss: ``"labels"`` all its known labels alike, ``"targets"`` all targets
            alike however few labels they have; None lies between, by the square root of the share of known labels.
        hidden_atoms: share of the atoms whose element has to be told from their surroundings, as one more task;
            None for none.
        teacher_weight: what a teacher weighs in the loss beside 1 for a target; None for a network without teachers.
    """

    max_pairs: int = 128 * 32 * 32
    loss: Loss = "l1"
    augment: float = 0.0
    balance: Balance | None = None
    hidden_atoms: float | None = None
    teacher_weight: float | None = None

    def changed(self, *, epochs: int | None, batch_size: int | None, learning_rate: float | None) -> Self:
        """Return the schedule with the given fields changed: larger batches hold more pairs, in proportion."""
        changed = super().changed(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
        return dataclasses.replace(changed, max_pairs=self.max_pairs * changed.batch_size // self.batch_size)


@dataclass(frozen=True)
class TuningConfig:
    """How a published network goes on learning from other crystals.

    Attributes:
        tune: which of its weights move: ``"all"``, those of the ``"last"`` layer and norm, or an ``"adapter"``, a
            change of low rank to each matrix.
        encoder_learning_rate: of these weights, at the end of the warm-up; the heads have that of the schedule.
        folds_below: with fewer crystals than this, each is held out in turn; with more, a share of the formulas is.
        n_folds: of a round.
        n_rounds: how often all crystals are dealt into folds.
        rank: of an adapter.
    """

    tune: Tune = "all"
    encoder_learning_rate: float = 1e-3
    folds_below: int = 1000
    n_folds: int = 5
    n_rounds: int = 2
    rank: int = 8


TUNING_SCHEDULE = TrainingConfig(epochs=20, batch_size=32, learning_rate=1e-3, warmup_fraction=0.1)
"""Of a network that goes on learning."""
