"""The trainable twin of a composition encoder, by the architecture of its network."""

from __future__ import annotations

from importlib import import_module

from builders.learning.encoders import FormulaEncoder
from embeddings.encoder import CompositionEncoder, Network
from embeddings.errors import InputInvalid
from embeddings.transformer import Transformer

TWINS: dict[type, str] = {
    Network: "builders.methods.cromel.encoder",
    Transformer: "builders.methods.language.encoder",
}
"""For each kind of network the module whose ``trainable`` makes the twin."""


def trainable(encoder: CompositionEncoder) -> FormulaEncoder:
    """Return the trainable twin of an encoder that was loaded.

    Raises:
        InputInvalid: nothing here can train a network of its kind.
    """
    kind = type(encoder.network)
    if kind not in TWINS:
        known = ", ".join(one.__name__ for one in TWINS)
        raise InputInvalid(f"{encoder!r} cannot be trained: its network is a {kind.__name__}. Trainable are: {known}.")
    twin: FormulaEncoder = import_module(TWINS[kind]).trainable(encoder)
    return twin
