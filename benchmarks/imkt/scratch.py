"""The network of an encoder before it learned anything: what transfer is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from builders.methods.cromel.encoder import FormulaEncoder, trainable
from embeddings.encoder import CompositionEncoder, Network
from embeddings.errors import InputInvalid
from testing.formula_encoders import untrained


def architecture(encoder: CompositionEncoder) -> str:
    """Return the name of what an encoder's network is, with its width."""
    kind = "pooled" if isinstance(encoder.network, Network) else type(encoder.network).__name__.lower()
    return f"{kind}, {encoder.dim} wide"


def untrained_like(encoder: CompositionEncoder, formulas: Sequence[str], *, seed: int = 0) -> FormulaEncoder:
    """Return a trainable encoder of the same sizes that learned nothing.

    Args:
        encoder: whose sizes are taken, and nothing else.
        formulas: those that a pooled network standardizes its input over.
        seed: of the weights.

    Raises:
        InputInvalid: its network is not a pooled one.
    """
    if not isinstance(encoder.network, Network):
        raise InputInvalid(f"{encoder!r} has no network that pools element vectors; no other can start from scratch.")
    return untrained(trainable(encoder).generator.config, formulas, seed=seed)
