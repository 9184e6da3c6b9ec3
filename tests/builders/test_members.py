"""Members of a fine-tuning: what torch trains is what NumPy computes, and folds say when to stop."""

from __future__ import annotations

import numpy as np
import torch

from builders.learning.compositions import packed
from builders.learning.members import Budget, Lesson, arrays_of, fit_all_rows, fit_folds
from builders.methods.cromel.config import GeneratorConfig
from embeddings.elements import N_ELEMENTS
from embeddings.formula import fraction_matrix
from embeddings.tuning.network import TunedNetwork
from testing.formula_encoders import untrained

FORMULAS = ["Fe2O3", "NaCl", "KCl", "MgO", "SiO2", "LiFePO4", "Cu", "ZnS", "CaF2", "TiO2"]
CONFIG = GeneratorConfig(element_dim=6, hidden=(12,), dim=8)
BUDGET = Budget(6, 4, 1e-2, 1e-3, 1e-2, 0.1, patience=2)
MATRIX = fraction_matrix(FORMULAS)
COLUMNS = np.random.default_rng(0).normal(size=(len(FORMULAS), 3))
FOLDS = [(np.arange(5, 10), np.arange(5)), (np.arange(5), np.arange(5, 10))]


def lesson(wanted: np.ndarray) -> Lesson:
    return Lesson(packed(MATRIX), torch.from_numpy(COLUMNS.astype(np.float32)), torch.from_numpy(wanted))


def test_numpy_computes_what_torch_trained() -> None:
    values = COLUMNS[:, :1].astype(np.float32)
    generator = untrained(CONFIG, FORMULAS).generator
    (member,) = fit_all_rows(generator, lesson(values), BUDGET, n_members=1, n_epochs=3, n_outputs=1, seed=0)
    network = TunedNetwork(CONFIG.statistics, CONFIG.activation, arrays_of(member))
    asked = lesson(values)
    np.testing.assert_allclose(
        network(MATRIX, np.arange(N_ELEMENTS + 1), COLUMNS),
        member.predict(asked.compositions, asked.columns),
        rtol=1e-3,
        atol=1e-4,
    )


def test_every_row_is_predicted_by_the_member_that_held_it_out() -> None:
    """A value that stands out cannot be known to the member that never saw it."""
    values = np.zeros((10, 1), dtype=np.float32)
    values[0] = 100.0
    generator = untrained(CONFIG, FORMULAS).generator
    stopped = fit_folds(generator, lesson(values), FOLDS, BUDGET, n_outputs=1, seed=0)
    assert 1 <= stopped.n_epochs <= BUDGET.epochs
    assert np.isfinite(stopped.out_of_fold).all()
    assert abs(stopped.out_of_fold[0, 0]) < 10


def test_training_ends_when_it_is_not_allowed_to_go_on() -> None:
    asked: list[int] = []

    def allows() -> bool:
        asked.append(1)
        return len(asked) < 2

    generator = untrained(CONFIG, FORMULAS).generator
    fit_folds(generator, lesson(COLUMNS[:, :1].astype(np.float32)), FOLDS, BUDGET, n_outputs=1, seed=0, allows=allows)
    assert len(asked) == 2
