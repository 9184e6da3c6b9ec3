"""Composition encoders as torch trains them, whatever their architecture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from builders.learning.compositions import pack
from embeddings.missing import Missing

BATCH_SIZE = 4096


class Sizes(Protocol):
    """Every size of a network."""

    @property
    def dim(self) -> int:
        """Width of a formula's vector."""


class FormulaModule(nn.Module):
    """A network with a twin that needs NumPy alone, which `embeddings.store.networks` makes of what this one gives.

    ``forward`` takes `Compositions` and returns one vector for each, (B, dim).
    """

    config: Sizes

    @property
    def settings(self) -> dict[str, Any]:
        """What the twin needs beside tensors, by the names of ``docs/format.md``."""
        raise NotImplementedError

    def tensors(self) -> dict[str, np.ndarray]:
        """Return what the twin computes with, as float32 by the names of ``docs/format.md``.

        ``elements`` has a row for every atomic number, of training or not.
        """
        raise NotImplementedError


class FormulaEncoder:
    """Formulas in, vectors out: the trainable twin of the encoder that needs NumPy alone.

    Attributes:
        generator: the network, in evaluation mode.
        atomic_numbers: (n_elements,) those that it was trained on, ascending.
        name: for messages.
        noise: the learned spread of samples; None for an encoder that has none.
    """

    def __init__(
        self,
        generator: FormulaModule,
        atomic_numbers: np.ndarray,
        name: str = "encoder",
        noise: nn.Module | None = None,
    ) -> None:
        self.generator, self.name, self.noise = generator.eval(), name, noise
        self.atomic_numbers = np.sort(np.asarray(atomic_numbers))

    def __repr__(self) -> str:
        return f'FormulaEncoder("{self.name}", {len(self.atomic_numbers)} elements, dim={self.dim})'

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.generator.config.dim

    @torch.inference_mode()
    def encode(self, formulas: Iterable[Any], *, missing: Missing = "raise") -> np.ndarray:
        """Return one vector for each formula, (n, dim) float32.

        Args:
            formulas: n formulas: strings, mappings or Compositions.
            missing: what to do with an element that the encoder was not trained on; see `.compositions.pack`.

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        """
        compositions = pack(formulas, self.atomic_numbers, missing=missing)
        parts = torch.arange(len(compositions)).split(BATCH_SIZE)
        return torch.cat([self.generator(compositions.take(rows)) for rows in parts]).numpy()
