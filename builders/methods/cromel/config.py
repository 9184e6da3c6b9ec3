"""Every size of a composition encoder, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from builders.methods.recipe import Schedule

Activation = Literal["silu", "relu"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Every size of the generator.

    Attributes:
        statistics: what is made of the element vectors of a formula, out of `POOLINGS`.
        element_dim: width of an element vector.
        hidden: widths of the hidden layers.
        dim: width of a formula's vector.
        activation: after every layer but the last.
        table_std: standard deviation of the initial element vectors.
        dropout: after every activation, in training.
    """

    statistics: tuple[str, ...] = ("mean", "std", "min", "max")
    element_dim: int = 64
    hidden: tuple[int, ...] = (352, 352)
    dim: int = 128
    activation: Activation = "silu"
    table_std: float = 0.5
    dropout: float = 0.0


@dataclass(frozen=True)
class TransferConfig(Schedule):
    """How a generator learns.

    Attributes:
        labels: weight of the absolute error of the heads, on standardized labels.
        alignment: weight of the distance of a formula's vector, projected, to that of its own structures.
        contrast: weight of telling a formula's own structures from those of the others in the batch.
        stochastic: learn from samples around a formula's vector, whose spread is learned too, in place of the vector.
    """

    labels: float = 1.0
    alignment: float = 0.0
    contrast: float = 1.0
    stochastic: bool = False
    epochs: int = 40
    batch_size: int = 512
    learning_rate: float = 2e-3
    validation_fraction: float = 0.05

    @property
    def needs_teacher(self) -> bool:
        """Whether vectors of structures take part."""
        return bool(self.alignment or self.contrast)
