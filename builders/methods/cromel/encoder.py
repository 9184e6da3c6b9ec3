"""A composition encoder as torch trains it, and as the plain tensors that NumPy can read and compute with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import torch
from safetensors.numpy import save

from builders.learning.compositions import pack
from builders.methods.cromel.config import Activation, GeneratorConfig
from builders.methods.cromel.model import POOLINGS, CompositionGenerator, Noise
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid, TrainingError
from embeddings.missing import Missing

BATCH_SIZE = 4096


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
        generator: CompositionGenerator,
        atomic_numbers: np.ndarray,
        name: str = "encoder",
        noise: Noise | None = None,
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
            missing: what to do with an element that the encoder was not trained on; see `.packing`.

        Raises:
            FormulaInvalid: a formula cannot be read.
            ElementNotCovered: an element has no vector and ``missing`` is ``"raise"``.
        """
        compositions = pack(formulas, self.atomic_numbers, missing=missing)
        parts = torch.arange(len(compositions)).split(BATCH_SIZE)
        return torch.cat([self.generator(compositions.take(rows)) for rows in parts]).numpy()


def tensors_of(encoder: FormulaEncoder) -> dict[str, np.ndarray]:
    """Return what an encoder computes with, as it is published.

    Returns:
        ``elements`` (119, element_dim) float32, NaN where an element was never seen; ``input_mean`` and ``input_scale``
        (n_statistics * element_dim,) float32, which standardize the pooled vectors; and for each layer ``k``
        ``layers.k.weight`` (n_out, n_in) float16 and ``layers.k.bias`` (n_out,) float32; for a stochastic encoder also
        ``spread.weight`` (dim, dim) float16 and ``spread.bias`` (dim,) float32.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    config, state = encoder.generator.config, encoder.generator.state_dict()
    elements = np.full((N_ELEMENTS + 1, config.element_dim), np.nan, dtype=np.float32)
    elements[encoder.atomic_numbers] = state["table.weight"].numpy()[encoder.atomic_numbers]
    tensors = {
        "elements": elements,
        "input_mean": state["standardize.running_mean"].numpy(),
        "input_scale": (state["standardize.running_var"] + encoder.generator.standardize.eps).sqrt().numpy(),
    }
    for k in range(len(config.hidden) + 1):
        tensors[f"layers.{k}.weight"] = state[f"layers.{k}.weight"].half().numpy()
        tensors[f"layers.{k}.bias"] = state[f"layers.{k}.bias"].numpy()
    if encoder.noise is not None:
        tensors["spread.weight"] = encoder.noise.spread.weight.detach().half().numpy()
        tensors["spread.bias"] = encoder.noise.spread.bias.detach().numpy()
    unfit = [name for name, values in tensors.items() if name != "elements" and not np.isfinite(values).all()]
    if unfit or not np.isfinite(elements[encoder.atomic_numbers]).all():
        raise TrainingError(
            f"Weights do not fit their precision ({', '.join(unfit) or 'elements'}): training diverged."
        )
    return tensors


def composition_encoder_bytes(encoder: FormulaEncoder) -> bytes:
    """Return the content of an encoder's file; the same weights give the same bytes.

    Raises:
        TrainingError: a weight is too large for half precision, or not a number.
    """
    return save({name: np.ascontiguousarray(values) for name, values in tensors_of(encoder).items()})


def encoder_of_tensors(
    tensors: dict[str, np.ndarray], config: GeneratorConfig, *, name: str = "encoder"
) -> FormulaEncoder:
    """Return the trainable encoder of published tensors; the opposite of `tensors_of`.

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
        InputInvalid: the encoder pools element vectors by a statistic that cannot be trained through.
    """
    network, elements = encoder.network, np.full((N_ELEMENTS + 1, encoder.elements.dim), np.nan, dtype=np.float32)
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
