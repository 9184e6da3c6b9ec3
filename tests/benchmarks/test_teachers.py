"""The comparison of teachers: nothing tested was learned from, a run goes on, the better head is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.harness import Request
from benchmarks.teachers import heads, measuring
from benchmarks.teachers.copied import ANSWERS, STIFFNESS
from benchmarks.teachers.phonons import examined_phonons
from benchmarks.teachers.problem import TARGETS, Examined, Problem, read_problem
from benchmarks.teachers.tables import table
from benchmarks.teachers.ways import COPIED, TAUGHT, WAYS
from builders.structures.formulas import reduced_formulas_of
from embeddings.errors import InputInvalid
from testing.crystals import sample_crystals, structure_table

SIZES = measuring.Sizes(60, 24, 20, 20)
LABELS = ("formation_energy_per_atom", "band_gap")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return tuple(measuring.made_up(tmp_path_factory.mktemp("teachers")))[:3]


@pytest.fixture(scope="module")
def problem(files: tuple[Path, Path, Path]) -> Problem:
    return read_problem(*files, LABELS, SIZES)


def test_nothing_is_tested_that_a_network_or_a_head_learned_from(problem: Problem) -> None:
    tested, material = problem.tested, problem.material
    assert (len(tested.training_rows), material.targets) == (20, LABELS)
    assert 0 < len(tested.test_rows) <= 20
    assert not set(material.formulas) & set(tested.formulas)
    assert not set(tested.formulas[tested.training_rows]) & set(tested.formulas[tested.test_rows])
    assert tested.formulas.tolist() == reduced_formulas_of(tested.table)
    assert set(tested.table.atomic_numbers) <= set(material.trained_on.atomic_numbers)
    assert tested.vectors.shape == (len(tested.table), 128)


def test_a_file_of_other_structures_is_refused_and_both_are_needed(files: tuple[Path, Path, Path]) -> None:
    data, teacher, tested = files
    with pytest.raises(InputInvalid, match="are of other structures"):
        read_problem(data, tested, tested, LABELS, SIZES)
    with pytest.raises(InputInvalid, match="Name the vectors of a teacher"):
        measuring.run(Request(False, data=data, choices={"teacher": teacher, "tested": None}), ways=list(TAUGHT))
    with pytest.raises(InputInvalid, match=r"Name copies of structures .* with --copies\."):
        measuring.run(Request(False, data=data, choices={"teacher": teacher, "tested": tested}), ways=list(COPIED))


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    ways = ("labels", "teacher-4", "teacher-alone")
    choices = {"ways": ways}
    whole = measuring.run(
        Request(True, keep=lambda result: kept.append(len(result["rows"])), choices=choices), ways=ways
    )
    assert kept == [10, 20, 30, 40]
    assert [one["r2"] is None for one in whole["trainings"]] == [True, False, False]
    assert whole["trainings"][-1]["validation"] == {}
    assert all(np.isfinite(row["mae"]) for row in whole["rows"])
    own = [row["mae"] for row in whole["rows"] if row["way"] in ways and row["vectors"] == "its own"]
    assert len({tuple(errors) for errors in np.reshape(own, (len(ways), -1)).tolist()}) == len(ways)
    monkeypatch.setattr(measuring, "_measured", None)
    assert measuring.run(Request(True, known=whole, choices=choices), ways=ways)["rows"] == whole["rows"]
    text = table(whole | {"title": "Taught"})
    assert "network: labels and teacher, weight 4" in text
    assert "the teacher is starter@" in text


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    data, teacher, tested, copies = measuring.made_up(tmp_path_factory.mktemp("copies"), with_copies=True)
    return read_problem(data, teacher, tested, LABELS, SIZES, copies=copies)


def test_copies_are_learned_on_the_side_of_their_structures_and_add_their_answers(copied: Problem) -> None:
    whole, alone, n = copied.material_of(WAYS["copies"]), copied.material, len(copied.material.table)
    assert copied.copied is not None
    assert (len(whole.table), whole.targets) == (n + copied.copied.n_copies, (*LABELS, *ANSWERS))
    assert not {whole.formulas[k] for k in whole.training_rows} & {whole.formulas[k] for k in whole.validation_rows}
    np.testing.assert_array_equal(whole.labels[:n, :2], alone.labels)
    assert np.isnan(whole.labels[n:, :2]).all()
    assert np.isfinite(whole.labels[n:, whole.targets.index("pressure")]).all()
    asked = np.isfinite(whole.labels[:n, whole.targets.index("pressure")])
    assert copied.copied.n_copies == 3 * asked.sum() > n
    assert whole.table.n_sites[n:].tolist() == np.repeat(alone.table.n_sites[asked], 3).tolist()


def test_stiffness_stands_beside_the_labels_of_the_same_structures(copied: Problem) -> None:
    stiff, alone = copied.material_of(WAYS["stiffness"]), copied.material
    assert (stiff.targets, len(stiff.table)) == ((*LABELS, *STIFFNESS), len(alone.table))
    answered = np.isfinite(copied.material_of(WAYS["copies"]).labels[: len(alone.table), -1])
    np.testing.assert_array_equal(np.isfinite(stiff.labels[:, -1]), answered)
    np.testing.assert_array_equal(stiff.training_rows, alone.training_rows)


def test_the_control_takes_as_many_steps_as_copies_make(copied: Problem) -> None:
    n_rows = {way: len(copied.material_of(WAYS[way]).training_rows) for way in ("copies", "longer")}
    steps = {way: copied.epochs_of(WAYS[way], 8) * n_rows[way] for way in n_rows}
    assert abs(steps["longer"] / steps["copies"] - 1) < 0.05


def test_no_phonon_is_tested_whose_formula_a_head_or_a_network_learned_from(
    data_folder: Path, problem: Problem
) -> None:
    tested = examined_phonons(data_folder, problem.material)
    learned, others = tested.formulas[tested.training_rows], tested.formulas[tested.test_rows]
    assert len(learned) > len(others) > 0
    assert not {*learned, *problem.material.formulas} & set(others)
    assert set(tested.table.atomic_numbers) <= set(problem.material.trained_on.atomic_numbers)
    assert tested.formulas.tolist() == reduced_formulas_of(tested.table)
    assert (tested.vectors, list(tested.targets)) == (None, ["phonons"])


def test_without_copies_no_network_pretends_to_learn_from_them(problem: Problem) -> None:
    for way in ("copies", "stiffness"):
        with pytest.raises(InputInvalid, match="embeddings perturb"):
            problem.material_of(WAYS[way])


def test_each_target_has_the_head_that_inner_folds_prefer() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 4))
    values = np.stack([features @ [1.0, 2, 3, 4], np.sign(features[:, 0] * features[:, 1])], axis=1)
    table_of_one = structure_table(sample_crystals(1)[0])
    rows = np.arange(300)
    tested = Examined(table_of_one, rows.astype(str), values, features, rows[:200], rows[200:])
    found, chosen = heads.predicted(features, tested)
    assert chosen == ["ridge", "trees"]
    assert np.abs(found[:, 0] - values[200:, 0]).max() < 0.1


def test_ways_are_compared_in_pairs() -> None:
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.1, 1, 20)
    settings = {"teacher": "potential@1", "recipe": "ct-multi", "epochs": 1, "n_learned": 9, "max_sites": 24,
                "n_test": 20, "n_training": 9, "n_trees": 200, "targets": TARGETS, "labels": ["gap"],
                "n_held_out": 3}  # fmt: skip
    rows = [
        {"way": way, "seed": seed, "vectors": "its own", "target": target, "head": "ridge", "mae": parts.mean(),
         "parts": parts.tolist()}
        for way, seed, parts in (("labels", 0, hard), ("labels", 1, hard), ("teacher-1", 0, hard * 0.9),
                                 ("teacher-1", 1, hard * 0.7))
        for target in TARGETS
    ]  # fmt: skip
    text = table({"title": "T", "settings": settings, "rows": rows, "trainings": []})
    assert "| network: labels and teacher, weight 1 | network: labels alone | -20.0%, p < 0.001 |" in text
