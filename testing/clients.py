"""What the tests against real clients share: vectors, four crystals, and two steps of training."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from embeddings.vectors.sites import Sites
from testing.toys import toy_catalog

torch = pytest.importorskip("torch", reason="needs the extra backends")
pymatgen = pytest.importorskip("pymatgen.core", reason="needs the extra build")

HOW = "pip install '.[backends]'"

DIM = 6
CATALOG = toy_catalog(
    {
        name: vector
        for name, vector in zip(SYMBOLS, np.random.default_rng(0).normal(size=(86, DIM)), strict=False)
        if name != "Po"
    }
)
"""Random vectors of the elements up to Rn, without polonium."""

ELEMENTS = ("Fe", "Cl", "Na", "O")
CRYSTALS = (("Na", "Cl", 3.5), ("Fe", "O", 3.0), ("Na", "O", 3.2), ("Fe", "Cl", 3.3))
CENTRE = [[0, 0, 0], [0.5, 0.5, 0.5]]
STRUCTURES = [pymatgen.Structure(pymatgen.Lattice.cubic(a), pair, CENTRE) for *pair, a in CRYSTALS]

LAYERS = [[0, 0, 0], [0, 0, 0.22], [0, 0, 0.5]]
"""Sites in a cell of 3 x 3 x 9, of which only the middle one touches both others."""

ORDERS = ([0, 1, 2], [1, 2, 0], [0, 1, 2])


def vectors_of(structure: Sized, seed: int = 0) -> np.ndarray:
    """Return made-up vectors for the sites of a crystal."""
    return np.random.default_rng(seed).normal(size=(len(structure), DIM)).astype(np.float32)


def sites_of(structure: Any, seed: int = 0) -> Sites:
    """Return made-up vectors for the sites of a crystal, and its atomic numbers."""
    return Sites(vectors_of(structure, seed), np.array(structure.atomic_numbers))


def train(model: Any, output: Callable[[], Any], steps: int = 2) -> None:
    """Let a model take steps towards made-up targets."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((output().ravel() - torch.arange(4.0)) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert torch.isfinite(loss)
