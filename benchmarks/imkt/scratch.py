"""The network of an encoder before it learned anything: what transfer is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from builders.learning.encoders import FormulaEncoder
from builders.methods.cromel.model import CompositionGenerator
from builders.methods.twins import trainable
from embeddings.elements import N_ELEMENTS
from embeddings.encoder import CompositionEncoder, Network
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
        InputInvalid: nothing can train a network of its kind.
    """
    network = trainable(encoder).generator
    if isinstance(network, CompositionGenerator):
        return untrained(network.config, formulas, seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return FormulaEncoder(type(network)(network.config), np.arange(1, N_ELEMENTS + 1), "untrained")
