"""Language encoders that nobody trained, as networks and as published files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from builders.learning.encoders import FormulaEncoder, tensors_of
from builders.methods.language.config import LanguageConfig
from builders.methods.language.model import LanguageModel
from testing.composition_encoders import COVERED, write_toy_encoder

SMALL = LanguageConfig(width=8, n_layers=2, n_heads=2, feed_forward=12)
SETTINGS: dict[str, Any] = {"architecture": "transformer", "n_heads": SMALL.n_heads, "dim": SMALL.dim}


def untrained_model(config: LanguageConfig = SMALL, *, seed: int = 0) -> LanguageModel:
    """Return a network of random weights, norms and biases among them."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = LanguageModel(config)
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.add_(torch.randn_like(weight), alpha=0.3)
    return model.eval()


def tensors(config: LanguageConfig = SMALL, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the tensors of such a network, as its file holds them."""
    return tensors_of(FormulaEncoder(untrained_model(config, seed=seed), np.arange(1, len(COVERED) + 1)))


def write_language_encoder(root: Path, found: dict[str, np.ndarray] | None = None, **changes: Any) -> Path:
    """Write such an encoder under a root and return its folder."""
    found = tensors() if found is None else found
    return write_toy_encoder(root, found, **({"hyperparameters": SETTINGS, "name": "toy-language"} | changes))
