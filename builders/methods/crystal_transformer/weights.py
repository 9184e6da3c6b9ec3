"""The file of an encoder: the weights of a network without its heads, and the limits within which one is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch.overrides import TorchFunctionMode

from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from embeddings.errors import ManifestInvalid, TrainingError
from embeddings.store import schema
from embeddings.store.manifest import Manifest
from embeddings.store.readout import readout_of

TURN = "turn"
"""The tensor of an encoder's file that turns its vectors into the frame of an earlier version; most have none."""

_LIMITS = {
    "dim": (1, 65_536),
    "width": (1, 65_536),
    "depth": (1, 256),
    "n_heads": (1, 1024),
    "feed_forward": (1, 65_536),
    "cutoff": (0.5, 20.0),
    "n_radial": (1, 256),
    "message_dim": (1, 4096),
    "dropout": (0.0, 1.0),
    "table_std": (0.0, 1e6),
}
"""Within which a network is run: the cutoff in angstrom sets how many neighbors are held, the rest sets its size."""


def encoder_bytes(model: CrystalTransformer) -> bytes:
    """Return the content of an encoder's file: all weights but the heads, in half precision.

    The same weights give the same bytes.

    Raises:
        TrainingError: a weight is too large for half precision or not a number.
    """
    weights = {
        name: tensor.detach().cpu().half().contiguous()
        for name, tensor in model.state_dict().items()
        if not name.startswith("heads.")
    }
    unfit = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if unfit:
        raise TrainingError(f"Weights do not fit half precision ({', '.join(unfit)}): the training diverged.")
    return save(weights)


def config_of(manifest: Manifest) -> CrystalTransformerConfig:
    """Return the sizes of the published network, each within its limits, before anything of that size is made."""
    stated = manifest.model.hyperparameters.get("model")
    if isinstance(stated, Mapping):
        stated = {**stated, "readout": readout_of(manifest.model.hyperparameters)}
    config: CrystalTransformerConfig = schema.parse(CrystalTransformerConfig, stated, "model.hyperparameters.model")
    for name, (lowest, highest) in _LIMITS.items():
        if not lowest <= getattr(config, name) <= highest:
            raise ManifestInvalid(f"{name} has to lie within {lowest} and {highest}, and is {getattr(config, name)}.")
    if config.readout and config.geometry == "cartesian":
        raise ManifestInvalid(f'the geometry "cartesian" has no readout "{config.readout}".')
    if config.width % config.n_heads:
        raise ManifestInvalid(f"{config.n_heads} heads do not share a width of {config.width}.")
    return config


def check_turn(turn: np.ndarray | None, width: int) -> None:
    """Refuse a turn that is not (width, width)."""
    if turn is not None and turn.shape != (width, width):
        raise ManifestInvalid(f"its turn has the shape {turn.shape}, not ({width}, {width}).")


def network_of(config: CrystalTransformerConfig, tensors: Mapping[str, np.ndarray]) -> CrystalTransformer:
    """Make a network without memory of its own, so that the file alone says how much is taken.

    Args:
        config: its sizes.
        tensors: of an encoder's file, without `TURN`.
    """
    with torch.device("meta"), _Undrawn():
        model = CrystalTransformer(config, n_targets=0)
    weights = {name: torch.from_numpy(tensor.astype(np.float32)) for name, tensor in tensors.items()}
    model.load_state_dict(weights, assign=True)
    return model


class _Undrawn(TorchFunctionMode):
    """Within it no first weights are drawn: for that, on the device "meta", torch would import its compiler, in 2 s."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "normal_":
            return (*args, *kwargs.values())[0]
        return func(*args, **kwargs)
