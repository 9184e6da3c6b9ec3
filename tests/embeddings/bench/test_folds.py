"""Folds: no group stands on both sides, every row is tested once, and the same seed deals the same folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.bench.folds import SPLITS, Folds, grouped_folds, outer_folds, systems
from embeddings.bench.matbench import ROWS
from embeddings.bench.measurements import Measurements, measurements
from embeddings.errors import InputInvalid
from embeddings.formula import parse_formula

FORMULAS = ("Fe2O3", "FeO", "Fe4O6", "NaCl", "KCl", "MgO", "CaO", "LiF", "NaF", "CaF2", "Na2Cl2", "SrTiO3")


def data_of(formulas: Sequence[str] = FORMULAS, **options: Any) -> Measurements:
    return measurements(formulas, [k + 0.5 for k in range(len(formulas))], **options)


def rows_of(folds: Folds) -> list[int]:
    """Return the rows that are tested, in order."""
    return sorted(np.concatenate([test for _, test in folds]).tolist())


tables = st.lists(st.sampled_from(FORMULAS), min_size=20, max_size=80).filter(lambda some: len(set(some)) >= 8)


@given(tables, st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_grouped_folds_share_no_formula_and_test_every_row_once(formulas: list[str], n_folds: int, seed: int) -> None:
    data = data_of(formulas)
    folds = outer_folds(data, "formula", n_folds=n_folds, seed=seed)
    assert len(folds) == n_folds
    assert rows_of(folds) == list(range(len(data)))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(len(data)))
        assert not set(data.formulas[train]) & set(data.formulas[test])
    again = outer_folds(data, "formula", n_folds=n_folds, seed=seed)
    assert all((a == b).all() for one, other in zip(folds, again, strict=True) for a, b in zip(one, other, strict=True))


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_folds_are_as_even_as_the_groups_allow(groups: list[int], n_folds: int) -> None:
    sizes = np.unique(groups, return_counts=True)[1]
    if len(sizes) < n_folds:
        with pytest.raises(InputInvalid, match=r"do(es)? not fill"):
            grouped_folds(np.array(groups), n_folds, 0)
        return
    tests = [len(test) for _, test in grouped_folds(np.array(groups), n_folds, 0)]
    assert max(tests) - min(tests) <= sizes.max()


ROUNDED = ("Fe0.176P0.118O0.706", "Fe3P2O12", "Fe0.1765P0.1176O0.7059", "La1.67Sr0.33CuO4", "La5SrCu3O12")
ALONE = ("NaCl", "KCl", "MgO", "CaO", "LiF", "Ni0.25Al0.75", "Ni0.26Al0.74", "Hg0.7Cd0.3Te")


@given(st.permutations([*ROUNDED, *ALONE]), st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_what_may_be_one_material_rounded_differently_is_on_one_side(
    formulas: list[str], n_folds: int, seed: int
) -> None:
    data = data_of(formulas)
    twins = [{row for row, formula in enumerate(formulas) if formula in some} for some in (ROUNDED[:3], ROUNDED[3:])]
    for train, test in outer_folds(data, n_folds=n_folds, seed=seed):
        assert all(some <= set(train.tolist()) or some <= set(test.tolist()) for some in twins)
    assert len(set(data.materials)) == len(ALONE) + 2


def test_folds_of_exact_formulas_are_those_of_their_formulas() -> None:
    data = data_of([*FORMULAS, "Ni0.25Al0.75", "Fe0.8Ni0.2"])
    assert data.materials.tolist() == data.formulas.tolist()


def test_in_time_a_rounded_formula_does_not_come_back() -> None:
    data = data_of([*ROUNDED[:2], *FORMULAS], order=np.arange(len(FORMULAS) + 2))
    for train, test in outer_folds(data, "time", n_folds=3):
        assert not set(data.materials[train]) & set(data.materials[test])


def test_a_formula_with_most_of_the_rows_is_trained_on_with_another() -> None:
    data = data_of([*["NaCl"] * 40, "FeO", "KCl", "KCl", "MgO", "CaO", "CaO"])
    folds = outer_folds(data, "formula", n_folds=2)
    assert rows_of(folds) == list(range(len(data)))
    assert sorted(len(set(data.formulas[train])) for train, _ in folds) == [2, 3]


def test_another_seed_deals_other_folds() -> None:
    data = data_of(FORMULAS * 3)
    first, other = (outer_folds(data, seed=seed) for seed in (0, 1))
    assert any(a.tolist() != b.tolist() for (_, a), (_, b) in zip(first, other, strict=True))


def test_systems_are_the_elements_in_alphabetical_order() -> None:
    assert systems(data_of())[[0, 3, 11]].tolist() == ["Fe-O", "Cl-Na", "O-Sr-Ti"]


def test_a_chemical_system_is_on_one_side() -> None:
    data = data_of(FORMULAS * 2)
    names = systems(data)
    for train, test in outer_folds(data, "system", n_folds=4):
        assert not set(names[train]) & set(names[test])


def test_an_element_is_left_out() -> None:
    data = data_of()
    held = [set(parse_formula(formula)) for formula in data.spelled]
    folds = outer_folds(data, "element", n_folds=3)
    assert [len(test) for _, test in folds] == [6, 3, 3]
    for train, test in folds:
        left_out = set.intersection(*(held[row] for row in test))
        assert left_out - set.union(*(held[row] for row in train))


def test_time_goes_forward_and_no_formula_comes_back() -> None:
    order = np.array([k // 4 for k in range(24)], dtype=float)
    data = data_of(FORMULAS * 2, order=order)
    for train, test in outer_folds(data, "time", n_folds=3):
        assert order[train].max() < order[test].min()
        assert not set(data.formulas[train]) & set(data.formulas[test])


def test_given_folds_are_taken() -> None:
    data = data_of(folds=list("abcabcabcabc"))
    assert [test.tolist() for _, test in outer_folds(data, "given")] == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


@pytest.mark.parametrize(
    ("split", "options", "words"),
    [
        ("time", {}, "name it with --time"),
        ("given", {}, "name it with --fold"),
        ("given", {"folds": [1] * 12}, "leaves no rows to train on"),
        ("time", {"order": [2000] * 12}, "leaves no rows to train on"),
        ("formula", {"n_folds": 50}, "do not fill 50 folds"),
        ("nonsense", {}, "There are: " + ", ".join(SPLITS)),
    ],
)
def test_what_cannot_be_split_is_named(split: Any, options: dict[str, Any], words: str) -> None:
    n_folds = options.pop("n_folds", 5)
    with pytest.raises(InputInvalid) as caught:
        outer_folds(data_of(**options), split, n_folds=n_folds)
    assert words in str(caught.value)


def test_elements_that_all_hold_cannot_be_left_out() -> None:
    oxides = data_of([f"{metal}{n}O" for metal in ("Fe",) for n in range(1, 13)])
    with pytest.raises(InputInvalid, match="leaves no rows to train on"):
        outer_folds(oxides, "element")


def test_a_fold_needs_two_formulas_to_train_on() -> None:
    names = ["NaCl", "NaCl", "KCl", "MgO", "CaO", "FeO", "SiC", "TiO2", "ZnS", "Al2O3"]
    rows = measurements(names, list(range(10)), order=np.arange(10), folds=[0] + [1] * 9)
    folds = outer_folds(rows, "time")
    assert all(len(set(rows.formulas[train])) > 1 for train, _ in folds)
    with pytest.raises(InputInvalid, match="one formula to train on"):
        outer_folds(rows, "given")


def task(n: int, values: Sequence[Any] | None = None, **options: Any) -> Measurements:
    """Return a table of as many rows as a MatBench task has."""
    formulas = [FORMULAS[k % len(FORMULAS)] for k in range(n)]
    return measurements(formulas, range(n) if values is None else values, **options)


def test_the_folds_of_matbench_are_known_by_the_number_of_rows(data_folder: Path) -> None:
    for name, n_rows in ROWS.items():
        rows = pq.read_table(data_folder / "matbench" / f"{name}.parquet", columns=["target", "fold"])
        assert len(rows) == n_rows
        folds = outer_folds(task(n_rows, rows["target"].to_pylist()), "matbench")
        fold_of = rows["fold"].to_numpy()
        assert [np.unique(fold_of[test]).tolist() for _, test in folds] == [[0], [1], [2], [3], [4]]


def test_rows_that_are_set_aside_keep_their_place_in_matbench() -> None:
    whole = outer_folds(task(312), "matbench")
    part = task(312, [*range(100), None, *range(101, 312)])
    assert len(part) == 311
    for (_, test), (_, others) in zip(outer_folds(part, "matbench"), whole, strict=True):
        assert part.lines[test].tolist() == [row + 1 for row in others if row != 100]


def test_identifiers_of_matbench_tell_the_order() -> None:
    whole, order = task(312), np.random.default_rng(0).permutation(312)
    shuffled = task(312, order.tolist(), ids=[f"mb-steels-{k + 1:03d}" for k in order])
    for (_, test), (_, others) in zip(outer_folds(shuffled, "matbench"), outer_folds(whole, "matbench"), strict=True):
        assert sorted(shuffled.values[test]) == others.tolist()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: task(100), "none has 100 rows. There are: dielectric 4,764"),
        (lambda: task(4921), "but the target holds numbers, not classes"),
        (lambda: task(312, ["yes", "no"] * 156), "but the target holds classes, not numbers"),
        (lambda: task(5680, ["yes", "no"] * 2839 + ["yes", None]), "1 of 5,680 rows was set aside"),
        (lambda: task(312, ids=["mb-steels-001"] * 312), "are not those of the rows of one MatBench task"),
        (lambda: task(312, ids=[f"mb-glass-{k}" for k in range(1, 313)]), "matbench_glass has 5,680"),
    ],
)
def test_what_is_no_task_of_matbench_is_named(data: Any, words: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        outer_folds(data(), "matbench")
    assert words in str(caught.value)
