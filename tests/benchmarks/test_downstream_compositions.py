"""The downstream benchmarks on formulas, elemental properties and other databases, on made-up files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.downstream import compositions, probe, transfer
from benchmarks.downstream.compositions import QUICK_TASKS, measure, predict, read_task, seen_by_any, summarize
from benchmarks.downstream.element_tables import random_rows
from benchmarks.downstream.vectors import NamedVectors, load_vectors
from benchmarks.harness import Request
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from embeddings.formula import fraction_matrix
from testing.crystals import arrow_table, sample_crystals
from testing.toys import toy_catalog

METALS = SYMBOLS[20:30]
FORMULAS = [f"{a}{b}{n}" for a in METALS for b in ("O", "S", "N") for n in (2, 3)]
"""60 formulas: a metal, an anion, and how much of it."""


def write_task(folder: Path, name: str, values: Any, formulas: list[str] = FORMULAS) -> None:
    folds = np.random.default_rng(0).permutation(len(formulas)) % 5
    table = pa.table({"composition": formulas, "target": values, "fold": folds})
    pq.write_table(table, folder / f"matbench_{name}.parquet")


@pytest.fixture(scope="module")
def matbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tasks of the quick mode: a number that is linear in the fractions, and a class that one element decides."""
    folder = tmp_path_factory.mktemp("data") / "matbench"
    folder.mkdir()
    matrix = fraction_matrix(FORMULAS)
    mean_number = np.add.reduceat(matrix.fractions * matrix.atomic_numbers, matrix.offsets[:-1])
    write_task(folder, "steels", mean_number)
    write_task(folder, "expt_is_metal", ["S" in formula for formula in FORMULAS])
    return folder


def vectors() -> NamedVectors:
    return NamedVectors.of_rows("random", random_rows())


def test_a_linear_property_and_a_class_are_learned(matbench: Path) -> None:
    unseen = np.ones(len(FORMULAS), dtype=bool)
    mae = summarize(measure(read_task(matbench, "steels"), vectors(), unseen, models=("ridge",)))[0]
    assert mae["score"] < 1
    auc = summarize(measure(read_task(matbench, "expt_is_metal"), vectors(), unseen))
    assert [row["model"] for row in auc] == ["ridge", "gradient boosting"]
    assert all(row["score"] > 0.9 for row in auc)


def test_a_fold_is_predicted_from_the_others(matbench: Path) -> None:
    """What the tested rows hold does not bear on their prediction."""
    task = read_task(matbench, "steels")
    features = np.random.default_rng(0).normal(size=(len(FORMULAS), 3))
    tested = task.folds == 2
    other = np.where(tested, 1e6, task.values)
    for model in compositions.MODELS:
        assert np.array_equal(predict(model, features, task.values, tested), predict(model, features, other, tested))


def test_rounding_is_no_signal() -> None:
    """A column that is constant where the ridge learns says nothing about a row where it is not."""
    rng = np.random.default_rng(0)
    features, tested = rng.normal(size=(60, 3)), np.arange(60) == 59
    features[:, 2] = 1 + 1e-7 * features[:, 2]
    features[59, 2] = 5
    predicted = predict("ridge", features, features[:, 0] + 0.1 * rng.normal(size=60), tested)
    assert abs(predicted[0] - features[59, 0]) < 1


def test_rows_say_what_was_measured_and_on_how_much(matbench: Path) -> None:
    unseen = np.arange(len(FORMULAS)) % 3 == 0
    rows = measure(read_task(matbench, "steels"), vectors(), unseen, models=("ridge",))
    assert [row["fold"] for row in rows] == [0, 1, 2, 3, 4]
    assert sum(row["n_test"] for row in rows) == len(FORMULAS)
    assert sum(row["n_unseen"] for row in rows) == unseen.sum()
    summary = summarize(rows)[0]
    assert summary["score"] == pytest.approx(np.mean([row["score"] for row in rows]))
    assert summary["score_std"] == pytest.approx(np.std([row["score"] for row in rows]))
    assert summary["score_unseen"] == pytest.approx(np.mean([row["score_unseen"] for row in rows]))


def test_a_score_that_does_not_exist_is_none(matbench: Path) -> None:
    for name in QUICK_TASKS:
        rows = measure(read_task(matbench, name), vectors(), np.zeros(len(FORMULAS), dtype=bool), models=("ridge",))
        assert all(row["score_unseen"] is None and row["n_unseen"] == 0 for row in rows)
        assert summarize(rows)[0]["score_unseen"] is None


def test_formulas_that_a_catalog_saw() -> None:
    formulas = np.array(["NaCl", "Na2Cl2", "Fe2O3", "FeO", "HCl"])
    assert seen_by_any([toy_catalog()], formulas).tolist() == [True, True, True, False, False]
    assert not seen_by_any([], formulas).any()


def test_a_stand_in_is_counted_for_each_formula() -> None:
    table = NamedVectors("few", np.array([8, 26]), np.eye(2))
    assert compositions.n_with_a_stand_in(table, np.array(["FeO", "Fe2O3", "CoO", "CoNiO2"])) == 2


def test_the_whole_run(matbench: Path, tmp_path: Path) -> None:
    arguments = ["downstream", "compositions", "--quick", "--data", str(matbench.parent), "--out", str(tmp_path)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "compositions.json").read_text())
    assert {row["task"] for row in result["summary"]} == set(QUICK_TASKS)
    assert {row["features"].partition("@")[0] for row in result["summary"]} == {"ct-multi", "random"}
    assert result["settings"]["tasks"]["steels"]["n"] == len(FORMULAS)


def test_a_run_that_was_stopped_goes_on_where_it_stood(matbench: Path) -> None:
    kept: list[dict[str, Any]] = []

    def stop(result: dict[str, Any]) -> None:
        kept.append(json.loads(json.dumps(result)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compositions.run(Request(True, matbench.parent, keep=stop), models=("ridge",))
    again = compositions.run(Request(True, matbench.parent, known=kept[0]), models=("ridge",))
    whole = compositions.run(Request(True, matbench.parent), models=("ridge",))
    assert len(kept[0]["rows"]) == 2
    assert again["rows"] == whole["rows"]
    with pytest.raises(InputInvalid, match=r"other settings \(tasks\)"):
        compositions.run(Request(True, matbench.parent, known=kept[0]), catalogs=("starter",))


def test_what_is_not_there(matbench: Path, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"matbench_glass\.parquet"):
        read_task(matbench, "glass")
    with pytest.raises(InputInvalid, match='No model "forest"'):
        predict("forest", np.eye(3), np.ones(3), np.array([True, False, False]))
    missing = CliRunner().invoke(main, ["downstream", "compositions", "--quick", "--data", str(tmp_path / "nowhere")])
    assert missing.exit_code == 1
    assert "--data" in missing.output


def test_tables_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.downstream.vectors.published", lambda name: None)
    found, notes = load_vectors([toy_catalog()], ["mat2vec"])
    assert [table.name for table in found] == ["toy@0.1.0", "random"]
    assert notes == ["mat2vec: not measured, ElementEmbeddings is not installed."]


def test_probe_ranks_a_catalog_above_random_rows() -> None:
    result = json.loads(json.dumps(probe.run(Request(quick=True))))
    assert [row["features"].partition("@")[0] for row in result["summary"]] == ["ct-multi", "random"]
    assert [row["dim"] for row in result["summary"]] == [128, 128]
    assert {row["property"] for row in result["rows"]} == set(probe.QUICK_PROPERTIES)
    of_first = [row["r2"] for row in result["rows"] if row["features"].startswith("ct-multi")]
    assert result["summary"][0]["mean_r2"] == pytest.approx(np.mean(of_first))


def write_crystals(path: Path, **columns: Any) -> None:
    crystals, _ = sample_crystals(150)
    values = {name: pa.array(np.full(150, value) + np.arange(150.0)) for name, value in columns.items()}
    pq.write_table(arrow_table(crystals, **values), path)


def test_logarithms_of_moduli(tmp_path: Path) -> None:
    write_crystals(tmp_path / "aflow.parquet", bulk_modulus=1.0, debye_temperature=300.0)
    (tmp_path / "work").mkdir()
    table = pq.read_table(transfer.with_logarithms(tmp_path / "aflow.parquet", tmp_path / "work"))
    np.testing.assert_allclose(table["log10_bulk_modulus"], np.log10(table["bulk_modulus"]))
    assert "log10_shear_modulus" not in table.column_names
    with pytest.raises(InputInvalid, match="--data"):
        transfer.with_logarithms(tmp_path / "other.parquet", tmp_path)


@pytest.fixture
def other_databases(tmp_path: Path) -> Path:
    write_crystals(tmp_path / "aflow.parquet", bulk_modulus=1.0, shear_modulus=2.0, debye_temperature=300.0)
    write_crystals(tmp_path / "cmr_perovskites.parquet", formation_energy_per_cell=-1.0)
    return tmp_path


def run_transfer(folder: Path, **request: Any) -> dict[str, Any]:
    result = transfer.run(Request(True, folder, **request), catalog="starter", only=("starter frozen",))
    return json.loads(json.dumps(result))


def test_transfer_runs_on_every_target(other_databases: Path) -> None:
    result = run_transfer(other_databases)
    assert [row["target"] for row in result["rows"]] == list(transfer.COMPARISONS)
    assert {row["back_end"] for row in result["rows"]} == {"CGCNN"}
    assert all(settings["overlap"] == 0 for settings in result["settings"].values())


def test_a_killed_transfer_goes_on_where_it_stood(other_databases: Path) -> None:
    kept: list[dict[str, Any]] = []

    def keep_two(result: dict[str, Any]) -> None:
        kept.append(json.loads(json.dumps(result)))
        if len(kept) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_transfer(other_databases, keep=keep_two)
    measured: list[str] = []
    result = run_transfer(
        other_databases, known=kept[-1], keep=lambda result: measured.append(result["rows"][-1]["target"])
    )
    assert measured == list(transfer.COMPARISONS)[2:]
    assert result["rows"][:2] == kept[-1]["rows"]
    assert [row["target"] for row in result["rows"]] == list(transfer.COMPARISONS)
