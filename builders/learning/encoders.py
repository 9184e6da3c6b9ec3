"""Composition encoders as torch trains them, whatever their architecture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.numpy import save
from torch import nn

from builders.learning.compositions import pack
from embeddings.display.numbers import counted
from embeddings.errors import TrainingError
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
        return f'FormulaEncoder("{self.name}", {counted(len(self.atomic_numbers), "element")}, dim={self.dim})'

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


def tensors_of(encoder: FormulaEncoder) -> dict[str, np.ndarray]:
    """Return what an encoder computes with, as it is published, by the names of ``docs/format.md``.

    Returns:
        Matrices named ``.weight`` as float16, all else as float32; ``elements`` with rows of NaN for elements that were
        never seen; for a stochastic encoder also ``spread.weight`` and ``spread.bias``.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    tensors = encoder.generator.tensors()
    if encoder.noise is not None:
        tensors |= {name: values.numpy() for name, values in encoder.noise.state_dict().items()}
    elements = np.full_like(tensors["elements"], np.nan)
    elements[encoder.atomic_numbers] = tensors["elements"][encoder.atomic_numbers]
    tensors = {name: _rounded(name, values) for name, values in tensors.items()} | {"elements": elements}
    unfit = [name for name, values in tensors.items() if name != "elements" and not np.isfinite(values).all()]
    if unfit or not np.isfinite(elements[encoder.atomic_numbers]).all():
        raise TrainingError(
            f"Weights do not fit their precision ({', '.join(unfit) or 'elements'}): training diverged."
        )
    return tensors


def encoder_bytes(encoder: FormulaEncoder) -> bytes:
    """Return the content of an encoder's file; the same weights give the same bytes.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    return save({name: np.ascontiguousarray(values) for name, values in tensors_of(encoder).items()})


def _rounded(name: str, values: np.ndarray) -> np.ndarray:
    """Return a matrix of weights in half precision, where what is too large is infinite; all else as it is."""
    if not name.endswith(".weight") or values.ndim < 2:
        return values
    with np.errstate(over="ignore"):
        return values.astype(np.float16)
