"""Slopes by amounts, against the exact derivative: automatic differentiation of the trainable twin."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings import load_encoder
from embeddings.elements import SYMBOLS
from embeddings.explain import explain
from embeddings.formula import fraction_matrix

pytest.importorskip("torch", reason="needs the extra build")

import torch

from builders.learning.compositions import Compositions
from builders.methods.twins import trainable

FORMULAS = ["Fe2O3", "LiFePO4", "La0.7Sr0.3MnO3", "Zn0.995Mn0.005O", "FeC0.0001"]


def head(dim: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=dim)


def exact(twin: torch.nn.Module, weights: np.ndarray, formula: str) -> dict[str, float]:
    """Return what the derivative by each share says of one percent, the others in their ratios."""
    matrix = fraction_matrix([formula])
    fractions = torch.tensor(matrix.fractions[None], requires_grad=True)
    numbers = torch.tensor(matrix.atomic_numbers[None].astype(int))
    (twin(Compositions(numbers, fractions)) @ weights).sum().backward()
    shares, gradient = matrix.fractions, fractions.grad[0].numpy()
    directions = (np.eye(len(shares)) - shares) / (1 - shares)[:, None]
    symbols = [SYMBOLS[z - 1] for z in matrix.atomic_numbers.tolist()]
    return dict(zip(symbols, (0.01 * directions @ gradient).tolist(), strict=True))


@pytest.mark.parametrize("name", ["imkt-multi", "cromel-multi"])
def test_slopes_are_those_of_automatic_differentiation(name: str) -> None:
    encoder = load_encoder(name)
    weights, twin = head(encoder.dim), trainable(encoder).generator.double().eval()
    found = explain(FORMULAS, (encoder, lambda vectors: vectors @ weights), absent="reference:Mg", amounts=True)
    for one in found:
        slopes = exact(twin, torch.tensor(weights), one.formula)
        largest = max(map(abs, slopes.values()))
        given = {amount.element: amount.slope for amount in one.amounts}
        assert given == pytest.approx(slopes, rel=0, abs=1e-4 * largest)
