"""A plan that takes seconds: made-up formulas whose property is known, and tiny networks."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.cross_modal.plan import Plan
from benchmarks.cross_modal.ways import Workshop
from benchmarks.sets import TargetSet
from builders.learning.lessons import Lessons
from builders.methods.cromel.config import GeneratorConfig
from builders.methods.cromel.recipes import RECIPES
from embeddings import load_uae
from embeddings.elements import SYMBOLS
from embeddings.formula import fraction_matrix, reduced_formulas

QUICK = (
    ("n_members", 1),
    ("n_folds", 2),
    ("n_repeats", 1),
    ("epochs", 20),
    ("learning_rate", 1e-2),
    ("encoder_learning_rate", 1e-2),
)

N_TARGETS, TEACHER_DIM = 2, 8


def quick_plan(folder: Path, name: str = "efe") -> Plan:
    """Return a plan with a source of a few hundred formulas, of which forty are "measured", with an offset and noise.

    Args:
        folder: where its encoders are kept.
        name: that the measured set goes by.
    """
    rng = np.random.default_rng(0)
    pairs = list(combinations(SYMBOLS[2:20], 2))
    formulas = np.array(sorted(reduced_formulas([f"{a}{n}{b}" for a, b in pairs for n in (1, 2)])))
    energies = _energies(formulas)
    labels = np.stack([energies, np.abs(energies)], axis=1)
    vectors = (labels @ rng.normal(size=(N_TARGETS, TEACHER_DIM))).astype(np.float32)
    measured = rng.permutation(len(formulas))[:40]
    values = energies[measured] + 0.05 * rng.normal(size=len(measured)) + 0.2
    recipe = RECIPES["cromel-multi"]
    recipe = replace(
        recipe,
        targets=("energy", "size"),
        model=GeneratorConfig(element_dim=8, hidden=(32,), dim=16),
        training=replace(recipe.training, epochs=30, batch_size=64, learning_rate=1e-2),
    )
    lessons = Lessons(formulas, recipe.targets, labels, vectors)
    workshop = Workshop(lessons, recipe, folder, "made up")
    return Plan({name: TargetSet(name, formulas[measured], values, None)}, workshop, load_uae("starter"), QUICK)


def _energies(formulas: np.ndarray) -> np.ndarray:
    """Return minus the spread of the atomic numbers: unlike elements bind."""
    matrix = fraction_matrix(formulas)
    starts = matrix.offsets[:-1]
    mean = np.add.reduceat(matrix.fractions * matrix.atomic_numbers, starts)
    square = np.add.reduceat(matrix.fractions * matrix.atomic_numbers.astype(float) ** 2, starts)
    return -np.sqrt(np.maximum(square - mean**2, 0)) / 10
