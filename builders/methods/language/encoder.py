"""The trainable twin of a language encoder."""

from __future__ import annotations

import numpy as np
import torch

from builders.learning.encoders import FormulaEncoder
from builders.methods.language.config import LanguageConfig
from builders.methods.language.model import LanguageModel
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid
from embeddings.transformer import Transformer


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
