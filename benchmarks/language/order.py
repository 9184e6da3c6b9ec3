"""How much vectors change with the order of a formula's tokens: not at all, but for rounding."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch

from builders.learning.compositions import Compositions, pack
from builders.learning.encoders import FormulaEncoder
from builders.methods.language.model import by_length

SEED = 0
PRECISIONS = {"single": torch.float32, "double": torch.float64}


@torch.inference_mode()
def largest_changes(encoder: FormulaEncoder, formulas: Sequence[str]) -> dict[str, float]:
    """Return the largest change of any number of any vector as the tokens of each formula are shuffled.

    Args:
        encoder: whose vectors they are.
        formulas: to encode.

    Returns:
        ``single`` and ``double`` precision -> the change.
    """
    rng = np.random.default_rng(SEED)
    parts = [part for _, part in by_length(pack(formulas, encoder.atomic_numbers, missing="impute"))]
    pairs = [(part, _shuffled(part, rng)) for part in parts]
    return {name: _largest(encoder, pairs, precision) for name, precision in PRECISIONS.items()}


def _largest(
    encoder: FormulaEncoder, pairs: Sequence[tuple[Compositions, Compositions]], precision: torch.dtype
) -> float:
    network = deepcopy(encoder.generator).to(precision)

    def encoded(some: Compositions) -> torch.Tensor:
        return network(Compositions(some.atomic_numbers, some.fractions.to(precision)))

    return max(float((encoded(one) - encoded(other)).abs().max()) for one, other in pairs)


def _shuffled(part: Compositions, rng: np.random.Generator) -> Compositions:
    """Return formulas of equally many elements with these in another order, drawn for each."""
    places = np.tile(np.arange(part.fractions.shape[1]), (len(part), 1))
    order = torch.from_numpy(rng.permuted(places, axis=1))
    return Compositions(part.atomic_numbers.gather(1, order), part.fractions.gather(1, order))
