"""A trainable composition encoder that learned nothing: a baseline, and a quick one for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from builders.learning.compositions import pack
from builders.learning.encoders import FormulaEncoder
from builders.methods.cromel.config import GeneratorConfig
from builders.methods.cromel.model import CompositionGenerator
from embeddings.elements import N_ELEMENTS


def untrained(config: GeneratorConfig, formulas: Iterable[Any], *, seed: int = 0) -> FormulaEncoder:
    """Return an encoder that learned nothing: random weights, its input standardized over some formulas.

    Args:
        config: sizes.
        formulas: n formulas, at least two.
        seed: of the weights.
    """
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        generator = CompositionGenerator(config)
        moments = generator.standardize
        pooled = generator.pool(pack(formulas))
        moments.running_mean, moments.running_var = pooled.mean(0), pooled.var(0)
    return FormulaEncoder(generator, np.arange(1, N_ELEMENTS + 1), "untrained")
