"""A composition encoder as torch trains it, and as the plain tensors that NumPy can read and compute with."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from builders.learning.encoders import FormulaEncoder
from builders.methods.cromel.config import Activation, GeneratorConfig
from builders.methods.cromel.model import POOLINGS, CompositionGenerator, Noise
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder, Network
from embeddings.errors import InputInvalid


def encoder_of_tensors(
    tensors: dict[str, np.ndarray], config: GeneratorConfig, *, name: str = "encoder"
) -> FormulaEncoder:
    """Return the trainable encoder of published tensors; the opposite of `builders.learning.encoders.tensors_of`.

    Raises:
        InputInvalid: the tensors do not fit the sizes.
    """
    generator = CompositionGenerator(config)
    covered = np.flatnonzero(np.isfinite(tensors["elements"]).all(axis=1))
    scale = tensors["input_scale"].astype(np.float64)
    state = {
        "table.weight": np.nan_to_num(tensors["elements"]),
        "standardize.running_mean": tensors["input_mean"],
        "standardize.running_var": scale**2 - generator.standardize.eps,
        "standardize.num_batches_tracked": np.array(0),
    } | {key: values for key, values in tensors.items() if key.startswith("layers.")}
    spread = {key: values for key, values in tensors.items() if key.startswith("spread.")}
    noise = Noise(config.dim) if spread else None
    try:
        generator.load_state_dict(_state(state))
        if noise is not None:
            noise.load_state_dict(_state(spread))
    except RuntimeError as error:
        raise InputInvalid(f"The tensors of {name} do not fit its sizes: {error}.") from error
    return FormulaEncoder(generator, covered, name, noise)


def _state(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(np.array(values)) for key, values in arrays.items()}


def trainable(encoder: CompositionEncoder) -> FormulaEncoder:
    """Return the trainable twin of an encoder that was loaded.

    Raises:
        InputInvalid: the encoder does not pool element vectors, or does so by a statistic that cannot be trained
            through.
    """
    network, elements = encoder.network, np.full((N_ELEMENTS + 1, encoder.elements.dim), np.nan, dtype=np.float32)
    if not isinstance(network, Network):
        raise InputInvalid(f"{encoder!r} does not pool element vectors: its network is a {type(network).__name__}.")
    odd = [name for name in network.statistics if name not in POOLINGS]
    if odd:
        raise InputInvalid(f"{encoder!r} pools by {', '.join(odd)}; trainable are {', '.join(POOLINGS)}.")
    elements[encoder.atomic_numbers] = encoder.elements.vectors
    hidden = tuple(len(bias) for bias in network.biases[:-1])
    activation = cast(Activation, network.activation)
    config = GeneratorConfig(network.statistics, encoder.elements.dim, hidden, encoder.dim, activation)
    tensors = {"elements": elements, "input_mean": network.input_mean, "input_scale": network.input_scale}
    for k, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors |= {f"layers.{k}.weight": weight, f"layers.{k}.bias": bias}
    if encoder.spread is not None:
        tensors |= {"spread.weight": encoder.spread.weight, "spread.bias": encoder.spread.bias}
    return encoder_of_tensors(tensors, config, name=encoder.name)
