"""A language encoder as torch trains it, and as the plain tensors that NumPy can read and compute with."""

from __future__ import annotations

import numpy as np
import torch
from safetensors.numpy import save

from builders.learning.encoders import FormulaEncoder
from builders.methods.language.config import LanguageConfig
from builders.methods.language.model import LanguageModel
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid, TrainingError
from embeddings.transformer import Transformer

HALVED = (".weight", 2)
"""Matrices are published in half precision: tensors of such names and of so many dimensions."""


def tensors_of(model: LanguageModel, atomic_numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Return what an encoder computes with, as it is published; ``docs/format.md`` lists the tensors.

    Args:
        model: the network.
        atomic_numbers: (n_elements,) those that it was trained on; the others get rows of NaN.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    state = model.tensors()
    elements = np.full_like(state["elements"], np.nan)
    elements[atomic_numbers] = state["elements"][atomic_numbers]
    tensors = {name: _halved(name, values) for name, values in state.items()} | {"elements": elements}
    unfit = [name for name, values in tensors.items() if name != "elements" and not np.isfinite(values).all()]
    if unfit or not np.isfinite(elements[atomic_numbers]).all():
        raise TrainingError(
            f"Weights do not fit their precision ({', '.join(unfit) or 'elements'}): training diverged."
        )
    return tensors


def encoder_bytes(model: LanguageModel, atomic_numbers: np.ndarray) -> bytes:
    """Return the content of an encoder's file; the same weights give the same bytes.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    return save({name: np.ascontiguousarray(values) for name, values in tensors_of(model, atomic_numbers).items()})


def trainable(encoder: CompositionEncoder) -> FormulaEncoder:
    """Return the trainable twin of a language encoder that was loaded.

    Raises:
        InputInvalid: the encoder is of another architecture.
    """
    network = encoder.network
    if not isinstance(network, Transformer):
        raise InputInvalid(f"{encoder!r} is no language model: its network is a {type(network).__name__}.")
    elements = np.zeros((N_ELEMENTS + 1, network.element_dim), dtype=np.float32)
    elements[encoder.atomic_numbers] = encoder.elements.vectors
    tensors = {**network.tensors, "elements": elements}
    with torch.random.fork_rng():
        model = LanguageModel(_config_of(network))
    model.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in tensors.items()})
    return FormulaEncoder(model, encoder.atomic_numbers, encoder.name)


def _config_of(network: Transformer) -> LanguageConfig:
    """Return the sizes of a network, as its tensors say them."""
    tensors = network.tensors
    return LanguageConfig(
        width=network.element_dim,
        n_layers=network.n_layers,
        n_heads=network.n_heads,
        feed_forward=len(tensors["layers.0.expand.bias"]),
        n_linear=len(tensors["expansion.linear"]),
        n_log=len(tensors["expansion.log"]),
        smallest_log=float(tensors["expansion.log"][0]),
    )


def _halved(name: str, values: np.ndarray) -> np.ndarray:
    ending, n_dimensions = HALVED
    if not name.endswith(ending) or values.ndim != n_dimensions:
        return values
    with np.errstate(over="ignore"):  # the caller looks for infinity
        return values.astype(np.float16)
