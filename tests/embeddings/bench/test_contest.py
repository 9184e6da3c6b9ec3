"""The contest: what is chosen is chosen without looking, what helps is found, and the budget is kept."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from embeddings.bench import contest as contest_module
from embeddings.bench import workers
from embeddings.bench.candidates import Candidate, ZeroGate, absolute_error, treatments
from embeddings.bench.clock import Clock, Deadline
from embeddings.bench.comparison import difference
from embeddings.bench.contest import BASELINE, CHOSEN, Contest, hold_contest
from embeddings.bench.feature_store import FeatureStore
from embeddings.bench.features import BASE, BLOCKS, FeatureMaker, fractions, size
from embeddings.bench.folds import Split, outer_folds
from embeddings.bench.heads import HEADS
from embeddings.bench.magnitudes import determination, root_mean_square
from embeddings.bench.measurements import Measurements, measurements
from embeddings.bench.paired import corrected_p
from embeddings.bench.selection import Race
from embeddings.bench.trials import Settings
from embeddings.elements import SYMBOLS
from embeddings.formula import fraction_matrix
from testing.toys import toy_catalog

LEARNED = [name for name, head in HEADS.items() if name != "in-context" and not head.needs_encoder]
"""Heads that learn from columns of any kind, and need no weights from elsewhere."""

FEW = Settings(heads=("ridge", "neighbors"), n_inner=3)
"""Heads that take no time."""
METALS, PARTNERS = SYMBOLS[2:4] + SYMBOLS[10:13] + SYMBOLS[18:30], ("O", "S", "Se", "F", "Cl", "N")


def planted(n: int = 120, noise: float = 0.05, seed: int = 0) -> Measurements:
    """Formulas whose value follows from their fractions."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b, k) for a in METALS for b in PARTNERS for k in (1, 2, 3)]
    rows = [pairs[place] for place in rng.permutation(len(pairs))[:n]]
    formulas = [f"{a}{b}{k}" for a, b, k in rows]
    values = [k / (k + 1) * PARTNERS.index(b) + noise * rng.normal() for _, b, k in rows]
    return measurements(formulas, values)


@pytest.fixture(scope="module")
def contest() -> Contest:
    data = planted()
    return hold_contest(data, FeatureMaker({}), outer_folds(data), settings=FEW)


def test_the_choice_beats_the_baseline_and_every_row_is_predicted_once(contest: Contest) -> None:
    rows, predicted = contest.predictions()
    assert sorted(rows.tolist()) == list(range(len(contest.data)))
    assert np.isfinite(predicted).all()
    assert contest.losses(CHOSEN).mean() < 0.3 * contest.losses(BASELINE).mean()
    assert difference(contest, CHOSEN, BASELINE).outcome == "better"


def test_no_formula_is_on_both_sides_of_any_fold(contest: Contest) -> None:
    formulas = contest.data.formulas
    assert all(not set(formulas[fold.train]) & set(formulas[fold.test]) for fold in contest.folds)


def test_the_values_that_are_tested_have_no_part_in_the_choice(contest: Contest) -> None:
    data = contest.data
    train, test = contest.folds[0].train, contest.folds[0].test
    spoiled = data.values.copy()
    spoiled[test] = 1e6
    other = measurements(data.spelled.tolist(), spoiled.tolist())
    again = Race(FeatureStore(FeatureMaker({}), other), train, FEW).run()
    assert again.weights == contest.folds[0].choice.weights


def test_the_same_seed_gives_the_same_numbers() -> None:
    data = planted(60)
    one, two = (hold_contest(data, FeatureMaker({}), outer_folds(data, n_folds=2), settings=FEW) for _ in range(2))
    assert np.array_equal(one.predictions()[1], two.predictions()[1])


def test_a_budget_that_is_too_small_leaves_a_verdict_and_says_so() -> None:
    data = planted(60)
    cut = hold_contest(data, FeatureMaker({}), outer_folds(data), settings=FEW, clock=Clock(1e-6))
    assert cut.was_cut
    assert len(cut.folds) == 1
    assert {CHOSEN, BASELINE} <= set(cut.contenders)


@pytest.mark.parametrize("slow", FEW.heads)
@pytest.mark.parametrize("n_fits", [1, 2, 3, 5, 7, 9, 10, 11, 13, 15, 18])
def test_a_race_that_time_cuts_keeps_its_best(monkeypatch: pytest.MonkeyPatch, slow: str, n_fits: int) -> None:
    """There is no time for one head after so many fits, and its best must not make room for what is fast and worse."""
    monkeypatch.setattr(workers, "n_workers", lambda: 1)
    data, fits = planted(60), count(1)

    def advance() -> None:
        if next(fits) == n_fits:
            race.seconds[slow] = np.inf

    race = Race(FeatureStore(FeatureMaker({}), data), np.arange(60), FEW, Deadline(1e9, lambda: 0.0), advance)
    weights = race.run().weights
    models = [one for one in race.predicted if one.head != "mean"] or list(race.predicted)
    assert set(weights) <= set(models)
    best = min(models, key=lambda one: absolute_error(race.predicted[one][0], data.values[race.folds[0][1]]))
    folds = sorted(race.predicted[best])
    wanted = np.concatenate([data.values[race.folds[fold][1]] for fold in folds])
    made = {one: np.concatenate([race.predicted[one][fold] for fold in folds]) for one in {best, *weights}}
    stack = np.sum([weight * made[one] for one, weight in weights.items()], axis=0)
    assert absolute_error(stack, wanted) <= absolute_error(made[best], wanted) * (1 + 1e-12)


def test_pure_noise_is_within_noise() -> None:
    rng = np.random.default_rng(1)
    data = planted(90)
    noise = measurements(data.spelled.tolist(), rng.normal(size=len(data)).tolist())
    contest = hold_contest(noise, FeatureMaker({}), outer_folds(noise), settings=FEW)
    assert difference(contest, "properties", "fractions").outcome == "within noise"


def test_classes_get_probabilities() -> None:
    data = planted(90)
    labels = ["high" if value > np.median(data.values) else "low" for value in data.values]
    classes = measurements(data.spelled.tolist(), labels)
    contest = hold_contest(classes, FeatureMaker({}), outer_folds(classes, n_folds=3), settings=FEW)
    _, predicted = contest.predictions()
    assert predicted.shape == (90, 2)
    assert np.allclose(predicted.sum(axis=1), 1)
    assert contest.losses(CHOSEN).mean() < contest.losses(BASELINE).mean()


def test_a_gate_gives_exact_zeros_and_stays_open_without_them() -> None:
    x = np.linspace(-1, 1, 200)[:, None]
    y = np.where(x[:, 0] < 0, 0.0, 1 + x[:, 0])
    gate = ZeroGate(HEADS["trees"].regressor(0, 1), HEADS["trees"].classifier(0, 1)).fit(x, y)
    assert (gate.predict(np.array([[-0.9], [-0.5]])) == 0).all()
    assert gate.predict(np.array([[0.5]]))[0] == pytest.approx(1.5, abs=0.1)
    assert ZeroGate(HEADS["trees"].regressor(0, 1), HEADS["trees"].classifier(0, 1)).fit(x, y + 5).is_open_


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0] * 50 + [1.0, 2.0] * 25, ("", "gate")),
        ([0.1, 1.0, 10.0, 100.0] * 10, ("", "log")),
        ([1.0, 1.1, 1.2] * 10, ("",)),
        ([-1.0, 10.0, 100.0] * 10, ("",)),
        ([0.0] * 99 + [1.0], ("",)),
    ],
)
def test_values_are_treated_as_they_ask_for(values: list[float], expected: tuple[str, ...]) -> None:
    assert treatments(np.array(values), 0) == expected


@pytest.mark.parametrize("split", ["given", "formula"])
def test_inner_folds_ask_what_the_outer_ones_ask(split: Split) -> None:
    """Where the folds of a table have most formulas on both sides, inner folds have, too."""
    formulas = [formula for formula in planted(60).spelled for _ in range(2)]
    data = measurements(formulas, [1.0, -1.0] * 60, folds=[0, 1] * 60)
    contest = hold_contest(data, FeatureMaker({}), outer_folds(data, split), settings=FEW)
    race = Race(FeatureStore(FeatureMaker({}), data), np.arange(len(data)), contest.settings)
    shared = [set(data.formulas[train]) & set(data.formulas[test]) for train, test in race.folds]
    assert any(shared) == (split == "given")


def test_logarithms_do_not_grow_beyond_all_measure_far_from_the_data() -> None:
    x = np.linspace(0, 1, 40)[:, None]
    fitted = Candidate("x", "ridge", "log").fit(x, np.exp(3 * x[:, 0]), n_classes=0, seed=0)
    far = fitted.predict(np.array([[-100.0], [0.5], [100.0]]))[:, 0]
    assert far == pytest.approx([0.1, np.exp(1.5), 10 * np.exp(3)], rel=0.1)


@pytest.mark.parametrize("head", LEARNED)
@pytest.mark.parametrize("treatment", ["", "gate", "log"])
def test_every_head_learns_with_every_treatment(head: str, treatment: str) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3))
    values = np.exp(features[:, 0]) * (np.ones(60) if treatment == "log" else features[:, 1] > 0)
    fitted = Candidate("x", head, treatment).fit(features, values, n_classes=0, seed=0)
    error = np.abs(fitted.predict(features)[:, 0] - values).mean()
    assert error <= np.abs(values - np.median(values)).mean() * 1.01


def test_blocks_have_a_row_for_each_formula_and_no_gap() -> None:
    matrix = fraction_matrix(["Fe2O3", "Og", "H", "Fe0.7Cr0.2Ni0.1", "LiFePO4"])
    for name, make in BLOCKS.items():
        made = make(matrix)
        assert made.shape[0] == 5, name
        assert np.isfinite(made).all(), name
    assert fractions(matrix)[0, [7, 25]] == pytest.approx([0.6, 0.4])
    assert size(fraction_matrix(["Fe2O3", "Fe4O6"]))[:, 0].tolist() == [5, 10]


def test_vectors_are_joined_to_the_base() -> None:
    data = planted(60)
    choice = Race(FeatureStore(FeatureMaker({"toy": toy_catalog()}), data), np.arange(60), FEW).run()
    names = {one.features for one in choice.losses}
    assert {"fractions", "properties", BASE, "toy", f"{BASE}+size+toy"} <= names
    assert sum(choice.weights.values()) == pytest.approx(1)


def test_differences_of_folds_that_share_rows_are_judged_with_care() -> None:
    differences = np.array([0.1, 0.3, 0.2, 0.15, 0.25])
    assert corrected_p(differences, 0.25) > corrected_p(differences, 0.0)
    assert corrected_p(differences, 0.25) == pytest.approx(0.01958, abs=1e-4)
    assert corrected_p(-differences, 0.25) == corrected_p(differences, 0.25)
    assert np.isnan(corrected_p(np.array([0.1]), 0.25))


@pytest.mark.parametrize("head", LEARNED)
def test_the_unit_of_the_values_does_not_matter(head: str) -> None:
    """Trees see no variance below 1e-16: a conductivity in S/m has to be learned as well as one in nS/m."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 3))
    values = features[:, 0] + features[:, 1] ** 2
    one, tiny = (
        Candidate("x", head).fit(features[:60], values[:60] * unit, n_classes=0, seed=0).predict(features[60:]) / unit
        for unit in (1.0, 2.0**-40)
    )
    np.testing.assert_allclose(tiny, one, rtol=1e-6, atol=1e-9)


def test_a_class_that_occurs_once_is_no_obstacle() -> None:
    """The training rows of some folds then hold one class alone, which most heads refuse."""
    data = planted(40)
    classes = measurements(data.spelled.tolist(), ["often"] * 39 + ["once"])
    contest = hold_contest(classes, FeatureMaker({}), outer_folds(classes, n_folds=3), settings=Settings(n_inner=2))
    _, predicted = contest.predictions()
    assert predicted.shape == (40, 2)
    assert np.allclose(predicted.sum(axis=1), 1)


@pytest.mark.parametrize("unit", [1.0, 1e-170, 1e170])
def test_scores_do_not_depend_on_the_unit(unit: float) -> None:
    values, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    assert root_mean_square((predicted - values) * unit) == pytest.approx(unit * (1.25 / 3) ** 0.5)
    assert determination(predicted * unit, values * unit) == pytest.approx(1 - 1.25 / (14 / 3))


def test_the_time_that_is_left_is_shared_out_from_now_on():
    """Features are made before the folds begin: the first fold does not pay for them."""
    moment = [0.0]
    clock = Clock(10.0, now=lambda: moment[0])
    moment[0] = 6.0
    assert clock.rest().until(0.5).moment == 8.0
    assert clock.until(0.5).moment == 5.0


def test_a_fold_that_takes_too_long_leaves_the_others_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that is left is dealt among the folds that are left; before, those that were late had the median."""
    data, moment, refits = planted(60), [0.0], count()
    predict = contest_module._predict

    def slow_at_first(*args: Any) -> dict[str, np.ndarray]:
        moment[0] += 0.5 if next(refits) else 4.0
        return predict(*args)

    monkeypatch.setattr(contest_module, "_predict", slow_at_first)

    def now() -> float:
        moment[0] += 1e-6  # time moves on between any two looks
        return moment[0]

    clock = Clock(10.0, now=now)
    late = hold_contest(data, FeatureMaker({}), outer_folds(data), settings=FEW, clock=clock)
    assert len(late.folds) == 5
    assert all(one.head != "mean" for fold in late.folds for one in fold.choice.weights)
