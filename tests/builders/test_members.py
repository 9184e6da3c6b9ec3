"""Members of a fine-tuning: what torch trains is what NumPy computes, and folds say when to stop."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from builders.learning.compositions import packed
from builders.learning.encoders import FormulaModule
from builders.learning.members import Budget, Lesson, Member, Stopped, fit_all_rows, fit_folds, head_of
from builders.methods.cromel.config import GeneratorConfig
from embeddings.elements import N_ELEMENTS
from embeddings.formula import fraction_matrix
from embeddings.tuning.fitting import TuningOptions, tune
from embeddings.tuning.network import KeptEncoder, TunedNetwork
from testing.formula_encoders import untrained
from testing.language_encoders import untrained_model

FORMULAS = ["Fe2O3", "NaCl", "KCl", "MgO", "SiO2", "LiFePO4", "Cu", "ZnS", "CaF2", "TiO2"]
CONFIG = GeneratorConfig(element_dim=6, hidden=(12,), dim=8)
BUDGET = Budget(6, 4, 1e-2, 1e-3, 1e-2, 0.1, patience=2)
MATRIX = fraction_matrix(FORMULAS)
COLUMNS = np.random.default_rng(0).normal(size=(len(FORMULAS), 3))
NETWORKS = {"pooled": untrained(CONFIG, FORMULAS).generator, "language": untrained_model()}
FOLDS = [(np.arange(5, 10), np.arange(5)), (np.arange(5), np.arange(5, 10))]


def lesson(wanted: np.ndarray) -> Lesson:
    return Lesson(packed(MATRIX), torch.from_numpy(COLUMNS.astype(np.float32)), torch.from_numpy(wanted))


def members(network: FormulaModule) -> list[Member]:
    asked = lesson(COLUMNS[:, :1].astype(np.float32))
    return fit_all_rows(network, asked, BUDGET, n_members=2, n_epochs=3, n_outputs=1, seed=0)


def kept(member: Member) -> TunedNetwork:
    return TunedNetwork(KeptEncoder(member.generator.settings, member.generator.tensors()), head_of(member))


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_numpy_computes_what_torch_trained(network: FormulaModule) -> None:
    member, _ = members(network)
    asked = lesson(COLUMNS[:, :1].astype(np.float32))
    np.testing.assert_allclose(
        kept(member)(MATRIX, np.arange(N_ELEMENTS + 1), COLUMNS),
        member.predict(asked.compositions, asked.columns),
        atol=1e-5,
    )


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_same_seed_gives_the_same_bytes(network: FormulaModule) -> None:
    one, other = (pickle.dumps(list(map(kept, members(network)))) for _ in range(2))
    assert one == other


def test_every_row_is_predicted_by_the_member_that_held_it_out() -> None:
    """A value that stands out cannot be known to the member that never saw it."""
    values = np.zeros((10, 1), dtype=np.float32)
    values[0] = 100.0
    generator = untrained(CONFIG, FORMULAS).generator
    stopped = fit_folds(generator, lesson(values), FOLDS, BUDGET, n_outputs=1, seed=0)
    assert 1 <= stopped.n_epochs <= BUDGET.epochs
    assert np.isfinite(stopped.out_of_fold).all()
    assert abs(stopped.out_of_fold[0, 0]) < 10


def test_a_fold_may_hold_out_one_row_and_several_folds_the_same_one() -> None:
    values = COLUMNS[:, :1].astype(np.float32)
    folds = [(np.arange(1, 10), np.array([0])), (np.arange(1, 10), np.array([0])), (np.arange(9), np.array([9]))]
    network = untrained(CONFIG, FORMULAS).generator
    stopped = fit_folds(network, lesson(values), folds, BUDGET, n_outputs=1, seed=0)
    asked = lesson(values).take(torch.tensor([0]))
    said = [one.predict(asked.compositions, asked.columns) for one in stopped.members[:2]]
    np.testing.assert_allclose(stopped.out_of_fold[:1], np.mean(said, axis=0))
    assert np.isnan(stopped.out_of_fold[1:9]).all()


def test_training_ends_when_it_is_not_allowed_to_go_on() -> None:
    asked: list[int] = []

    def allows() -> bool:
        asked.append(1)
        return len(asked) < 2

    generator = untrained(CONFIG, FORMULAS).generator
    fit_folds(generator, lesson(COLUMNS[:, :1].astype(np.float32)), FOLDS, BUDGET, n_outputs=1, seed=0, allows=allows)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("losses", "time_for", "trained"),
    [
        ({8: 0.3, 40: 0.4}, 2, 8),
        ({8: 0.3, 40: 0.2}, 2, 40),
        ({8: 0.3, 40: 0.2}, 1, 8),
        ({8: np.inf, 40: np.inf}, 2, 8),
    ],
)
def test_folds_say_whether_to_train_long(
    monkeypatch: pytest.MonkeyPatch, losses: dict[int, float], time_for: int, trained: int
) -> None:
    tried: list[int] = []
    all_rows: list[tuple[int, int]] = []

    def on_folds(generator: FormulaModule, lesson: Lesson, folds: object, budget: Budget, **_: object) -> Stopped:
        tried.append(budget.epochs)
        return Stopped(budget.epochs - 1, losses[budget.epochs], np.zeros((10, 1)), [])

    def on_all_rows(generator: FormulaModule, lesson: Lesson, budget: Budget, *, n_epochs: int, **_: object) -> list:
        all_rows.append((budget.epochs, n_epochs))
        return []

    monkeypatch.setattr("builders.learning.members.fit_folds", on_folds)
    monkeypatch.setattr("builders.learning.members.fit_all_rows", on_all_rows)
    tuned = tune(
        untrained(CONFIG, FORMULAS), MATRIX, COLUMNS, COLUMNS[:, :1].astype(np.float32), FOLDS,
        TuningOptions(epochs=40),
        replaced=np.arange(N_ELEMENTS + 1), n_outputs=1, seed=0, allows=lambda: len(tried) < time_for,
    )  # fmt: skip
    assert tried == [8, 40][:time_for]
    assert all_rows == [(trained, tuned.n_epochs)] == [(trained, trained - 1)]
