"""The network of a composition encoder out of its tensors, by the architecture that its manifest names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from embeddings.encoder import FormulaNetwork, Network
from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.transformer import Transformer

SPREAD = ("spread.weight", "spread.bias")
ELEMENTS = "elements"

Settings = Mapping[str, Any]
Tensors = Mapping[str, np.ndarray]


def network_of(settings: Settings, tensors: Tensors, *, where: object) -> FormulaNetwork:
    """Make the network that takes the element vectors among the tensors.

    Args:
        settings: the architecture, and what that one needs: a manifest has them in ``model.hyperparameters``.
        tensors: of an encoder's file.
        where: the file, for messages.

    Raises:
        CatalogCorrupt: the file lacks tensors of this architecture, or has others.
        ManifestInvalid: the architecture is not known, or a setting of it is missing.
        InputInvalid: the tensors do not fit each other or the settings.
    """
    architecture = settings.get("architecture", "pooled")
    if architecture not in tuple(ARCHITECTURES):
        known = ", ".join(ARCHITECTURES)
        raise ManifestInvalid(
            f'model.hyperparameters: no architecture "{architecture}" is known here. Known: {known}. If a newer '
            "library made this version, install that one."
        )
    return ARCHITECTURES[architecture](settings, tensors, where)


def setting(settings: Settings, name: str) -> Any:
    """Return a hyperparameter without which nothing can be computed.

    Raises:
        ManifestInvalid: it is missing.
    """
    if name not in settings:
        raise ManifestInvalid(f"model.hyperparameters: a composition-encoder needs {name}, which is missing.")
    return settings[name]


def _pooled(settings: Settings, tensors: Tensors, where: object) -> Network:
    n_layers = sum(name.startswith("layers.") for name in tensors) // 2
    weights = [f"layers.{k}.weight" for k in range(n_layers)]
    biases = [f"layers.{k}.bias" for k in range(n_layers)]
    spread = SPREAD if SPREAD[0] in tensors or SPREAD[1] in tensors else ()
    _check_names(tensors, {ELEMENTS, "input_mean", "input_scale", *weights, *biases, *spread}, where)
    network = Network(
        statistics=tuple(setting(settings, "statistics")),
        activation=setting(settings, "activation"),
        input_mean=tensors["input_mean"],
        input_scale=tensors["input_scale"],
        weights=tuple(tensors[name] for name in weights),
        biases=tuple(tensors[name] for name in biases),
    )
    n_statistics, (width, *_) = len(network.statistics), tensors[ELEMENTS].shape[-1:] or (0,)
    if (taken := len(network.input_mean)) != (given := n_statistics * width):
        raise InputInvalid(f"{n_statistics} statistics of {width} numbers make {given}, not {taken}.")
    return network


def _transformer(settings: Settings, tensors: Tensors, where: object) -> Transformer:
    _check_names(tensors, {ELEMENTS, *Transformer.names(tensors)}, where)
    others = {name: values for name, values in tensors.items() if name != ELEMENTS}
    network = Transformer(setting(settings, "n_heads"), others)
    if tensors[ELEMENTS].shape[-1:] != (network.element_dim,):
        raise InputInvalid(
            f"Its element vectors have the shape {tensors[ELEMENTS].shape}, not a width of {network.element_dim}."
        )
    return network


ARCHITECTURES: dict[str, Callable[[Settings, Tensors, object], FormulaNetwork]] = {
    "pooled": _pooled,
    "transformer": _transformer,
}
"""What may be named in ``model.hyperparameters``; encoders from before there was a choice name none, and are pooled."""


def _check_names(tensors: Tensors, expected: Collection[str], where: object) -> None:
    """Refuse tensors that are not those of an encoder."""
    lacking, odd = sorted(set(expected) - set(tensors)), sorted(set(tensors) - set(expected))
    if lacking or odd:
        parts = [f"it {does} {', '.join(some[:5])}" for does, some in (("lacks", lacking), ("has", odd)) if some]
        raise CatalogCorrupt(f"{where} is not the file of a composition encoder: {', and '.join(parts)}.")
