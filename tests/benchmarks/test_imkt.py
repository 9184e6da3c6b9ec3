"""The benchmark of encoders on tasks with published scores: splits, parts of the rows, resumption, pairs, tables."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")
pytest.importorskip("torch")

from benchmarks.__main__ import main
from benchmarks.harness import Request, Store
from benchmarks.imkt import SUITE, measuring
from benchmarks.imkt.figures import PARTS, figures_of, paired_p
from benchmarks.imkt.jarvis import JARVIS, NOT_PHYSICAL
from benchmarks.imkt.kept import Predictions
from benchmarks.imkt.models import BOOSTING, MAKERS, Contender, Fewer, chosen, contenders
from benchmarks.imkt.outcome import outcome_of
from benchmarks.imkt.scratch import architecture, untrained_like
from benchmarks.imkt.summary import verdict
from benchmarks.imkt.tables import page, table
from benchmarks.imkt.tasks import CRABNET_FOLDS, JARVIS_FILE, MP_FILE, NEVER, TASKS, folds_tested, read_task
from benchmarks.imkt.ways import MODELS, rival_of
from benchmarks.sets import PUBLISHED, SETS, TargetSet
from embeddings import load_composition_encoder, load_encoder
from embeddings.errors import InputInvalid
from embeddings.formula import reduced_formulas
from testing.language_encoders import write_language_encoder

FORMULAS = ["NaCl", "KCl", "Na2Cl2", "MgO", "CaO", "LiF"]
SPLIT = np.array([NEVER, NEVER, 0, 0, NEVER, 0])


def write_tables(folder: Path) -> None:
    """Write a table of each file of the development data that tasks are read from."""
    (folder / "compositions").mkdir()
    rows = {"formula": FORMULAS, "value": np.arange(6.0), "split": ["test" if one == 0 else "train" for one in SPLIT]}
    pq.write_table(pa.table({"property": ["slme"] * 6, **rows}), folder / "compositions" / JARVIS_FILE)
    large = {"task": ["mp_gap"] * 6, "formula": FORMULAS, "target": np.arange(6.0), "fold": [0, 1, 2, 3, 4, 0]}
    pq.write_table(pa.table(large), folder / "compositions" / MP_FILE)
    path = folder / SETS["steels"].path
    path.parent.mkdir()
    pq.write_table(pa.table({"composition": ["Fe", "FeC"], "target": [1.0, 2.0], "fold": [3, 4]}), path)
    pq.write_table(pa.table({"formula": ["NaCl", "MgO", "CaO"]}), folder / "mp_structures.parquet")


def a_request(choices: dict[str, Any] | None = None, **more: Any) -> Request:
    return Request(False, choices=measuring.QUICK | (choices or {}), **more)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Contenders that predict nought, and a list of what they were asked for; tasks are made up."""
    asked: list[tuple[str, int]] = []

    def nought(name: str) -> Any:
        def predict(task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
            asked.append((name, seed))
            return np.zeros(int(tested.sum()))

        return predict

    def made(models: Any, encoders: Any, n_rows: int) -> list[Contender]:
        return [Contender(name, "-" if "elements" in name else "cromel-multi", name, nought(name)) for name in models]

    monkeypatch.setattr(measuring, "contenders", made)
    monkeypatch.setattr(measuring, "read_task", lambda folder, name: measuring.quick_task(name))
    return asked


def test_every_published_split_is_kept(tmp_path: Path) -> None:
    write_tables(tmp_path)
    one = read_task(tmp_path, "slme")
    assert (one.folds(0).tolist(), folds_tested(one)) == (SPLIT.tolist(), (0,))
    large = read_task(tmp_path, "mp_gap")
    assert (large.folds(0) == 0).tolist() == [True, False, False, False, False, True]
    steels = read_task(tmp_path, "steels")
    assert (steels.folds(0).tolist(), folds_tested(steels)) == ([3, 4], (3, 4))
    with pytest.raises(InputInvalid, match='no rows whose property is "spillage"'):
        read_task(tmp_path, "spillage")
    with pytest.raises(InputInvalid, match="Name the folder"):
        read_task(tmp_path / "nowhere", "spillage")


def test_the_tasks_and_their_published_scores() -> None:
    assert len(JARVIS) == 41
    assert len(set(NOT_PHYSICAL) & set(JARVIS)) == 3
    assert all(JARVIS[name].remark for name in NOT_PHYSICAL)
    for name, folds in CRABNET_FOLDS.items():
        if len(folds) == 5:
            assert np.mean(folds) == pytest.approx(PUBLISHED[name]["CrabNet"], rel=1e-3)
    assert not any(SETS[name].is_class for name in TASKS if name in SETS)


def test_the_published_scores_are_those_of_the_table(data_folder: Path) -> None:
    path = data_folder / "compositions" / "gupta2021_table4.csv"
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        one = JARVIS[row["property"]]
        columns = ("mae_base", "mae_best_scratch", "mae_best_transfer")
        assert (one.mean, one.scratch, one.transfer) == tuple(float(row[name]) for name in columns)


def test_rows_are_parted_by_what_training_and_source_hold() -> None:
    """Na2Cl2 stands in the training part under another spelling, LiF in the source."""
    task = TargetSet("slme", np.array(FORMULAS), np.arange(6.0), SPLIT)
    source = task.groups == "LiF"
    found = figures_of(np.array([1.0, 2.0, 6.0]), task.groups, task.folds(0) == 0, source)
    assert (found["n"], found["mae"]) == (3, 3.0)
    assert (found["n_new"], found["mae_new"]) == (2, 4.0)
    assert (found["n_seen"], found["mae_seen"]) == (1, 6.0)
    assert (found["n_unseen"], found["mae_unseen"]) == (2, 1.5)
    nothing = figures_of(np.ones(3), task.groups, task.folds(0) == 0, source & False)
    assert (nothing["n_seen"], nothing["mae_seen"]) == (0, None)


def test_rows_of_a_formula_count_as_one_in_a_pair() -> None:
    groups = np.array(["A", "A", "B", "C", "D"])
    ours, theirs = np.array([0.0, 0.0, 1.0, 1.0, 1.0]), np.array([9.0, 9.0, 1.1, 1.2, 1.3])
    once = paired_p([ours[1:]], [theirs[1:]], [groups[1:]], 50)
    assert paired_p([ours], [theirs], [groups], 50) == pytest.approx(once)
    folds = [np.full(4, value) for value in (1.0, 1.1, 1.2)]
    worse = [one + 0.5 + 0.01 * k for k, one in enumerate(folds)]
    assert paired_p(folds, worse, [groups[:4]] * 3, 12) < 0.01


def test_a_run_that_was_stopped_goes_on_and_learns_nothing_twice(
    tmp_path: Path, counted: list[tuple[str, int]]
) -> None:
    kept: list[Any] = []

    def keep_one(result: Any) -> None:
        kept.append(json.loads(json.dumps(result)))
        raise KeyboardInterrupt

    choices = {"models": ("elements-ridge", "ridge"), "seeds": (0, 1), "work": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        measuring.run(a_request(choices, keep=keep_one), name="slme")
    assert counted == [("elements-ridge", 0), ("elements-ridge", 1)]
    result = measuring.run(a_request(choices, known=kept[0]), name="slme")
    assert counted[2:] == [("ridge", 0), ("ridge", 1)]
    assert len(result["rows"]) == 4
    assert [(one["model"], one["other_model"], one["p"]) for one in result["pairs"]] == [("ridge", "elements-ridge", 1)]
    again = measuring.run(a_request(choices, known=json.loads(json.dumps(result))), name="slme")
    assert (len(counted), again) == (4, result)
    fresh = measuring.run(a_request(choices), name="slme")
    assert len(counted) == 4
    assert [row["mae"] for row in fresh["rows"]] == [row["mae"] for row in result["rows"]]


def test_models_join_a_table_and_other_settings_do_not(tmp_path: Path, counted: list[tuple[str, int]]) -> None:
    first = measuring.run(a_request({"models": ("elements-ridge",)}), name="slme")
    both = measuring.run(a_request({"models": ("ridge",)}, known=first), name="slme")
    assert {row["model"] for row in both["rows"]} == {"elements-ridge", "ridge"}
    with pytest.raises(InputInvalid, match=r"other settings \(network_rows\)"):
        measuring.run(a_request({"models": ("ridge",), "network_rows": 7}, known=first), name="slme")
    changed = first | {"encoders": {"cromel-multi": first["encoders"]["cromel-multi"] | {"sha256": "another"}}}
    with pytest.raises(InputInvalid, match=r"other settings \(cromel-multi\)"):
        measuring.run(a_request({"models": ("ridge",)}, known=changed), name="slme")


def test_every_model_is_made_and_rivals_differ_in_the_transfer_alone() -> None:
    assert list(MAKERS) == list(MODELS)
    encoder = load_encoder("cromel-multi")
    found = [(one.model, one.encoder) for one in contenders(tuple(MODELS), {"cromel-multi": encoder})]
    assert len(found) == len(MODELS)
    assert ("scratch", "pooled, 128 wide") in found
    assert rival_of("fine-tuned", "cromel-multi", {"cromel-multi": "pooled, 128 wide"}) in found
    assert rival_of("joined", "cromel-multi", {}) == ("elements-boosting", "-")
    assert rival_of("scratch", "pooled, 128 wide", {}) is None
    assert not any(MODELS[one.model].is_network for one in contenders((), {}))
    with pytest.raises(InputInvalid, match='Did you mean "ridge"'):
        next(contenders(("rigde",), {}))


def test_a_loss_is_chosen_on_training_rows() -> None:
    """Few values that are far off, at random, mislead the squared loss and not the absolute one."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(400, 3))
    values = np.where(rng.random(400) < 0.05, 1e4, columns[:, 0])
    groups = np.arange(400).astype(str)
    assert chosen(BOOSTING, columns, values, groups, 0) == "boosting-l1"
    assert chosen(("ridge",), columns[:0], values[:0], groups[:0], 0) == "ridge"


def test_scratch_has_the_sizes_of_the_encoder_and_nothing_that_it_learned() -> None:
    encoder = load_encoder("cromel-multi")
    fresh = untrained_like(encoder, FORMULAS, seed=1)
    assert fresh.dim == encoder.dim
    assert sum(one.numel() for one in fresh.generator.layers.parameters()) == sum(
        one.size for one in (*encoder.network.weights, *encoder.network.biases)
    )
    assert not np.allclose(fresh.encode(FORMULAS), encoder.encode(FORMULAS), atol=0.1)
    np.testing.assert_array_equal(fresh.encode(FORMULAS), untrained_like(encoder, FORMULAS, seed=1).encode(FORMULAS))


def test_a_language_model_starts_from_scratch_as_well(tmp_path: Path) -> None:
    encoder = load_composition_encoder(write_language_encoder(tmp_path))
    formulas = ["H2O", "HO"]
    fresh = untrained_like(encoder, formulas)
    assert (architecture(encoder), fresh.dim) == (f"transformer, {encoder.dim} wide", encoder.dim)
    assert not np.allclose(fresh.encode(formulas), encoder.encode(formulas), atol=0.01)


def test_too_many_rows_are_drawn_from_those_to_train_on() -> None:
    given: list[TargetSet] = []

    def model(task: TargetSet, tested: np.ndarray, seed: int) -> np.ndarray:
        given.append(task)
        return task.values[tested]

    task = TargetSet("slme", np.array(FORMULAS), np.arange(6.0), SPLIT)
    tested = SPLIT == 0
    assert Fewer(model, 2)(task, tested, 0).tolist() == [2.0, 3.0, 5.0]
    assert len(given[0].values) == 5
    assert set(given[0].values[:2]) <= {0.0, 1.0, 4.0}
    Fewer(model, 3)(task, tested, 0)
    assert given[1] is task


def test_formulas_of_tested_rows_are_written(tmp_path: Path) -> None:
    write_tables(tmp_path)
    out = tmp_path / "f.txt"
    run = CliRunner().invoke(
        main, ["imkt", "formulas", "--data", str(tmp_path), "-o", str(out), "slme", "mp_gap", "steels"]
    )
    assert run.exit_code == 0, run.output
    assert sorted(out.read_text().split()) == sorted(reduced_formulas(["Fe", "FeC", "NaCl", "MgO", "LiF"]))
    assert "1 of 3 formulas of mp_structures.parquet remain" in run.output
    every = CliRunner().invoke(
        main, ["imkt", "formulas", "--data", str(tmp_path), "-o", str(out), "slme", "--all-rows"]
    )
    assert every.exit_code == 0, every.output
    assert len(out.read_text().split()) == len(set(reduced_formulas(FORMULAS)))
    missing = CliRunner().invoke(main, ["imkt", "formulas", "--data", str(tmp_path), "-o", str(out)])
    assert missing.exit_code == 1
    assert "Traceback" not in missing.output


def test_a_table_says_what_transfer_changes_and_a_page_sums_up() -> None:
    def row(model: str, encoder: str, mae: float, n: int = 10) -> dict[str, Any]:
        parts = {
            f"{what}{part}": value for part in ("_new", "_seen", "_unseen") for what, value in (("n", n), ("mae", mae))
        }
        return {"model": model, "encoder": encoder, "seed": 0, "fold": 0, "n": 10, "mae": mae, "seconds": 1.0} | parts

    encoders = {"e": {"name": "e", "version": "1.0.0", "architecture": "pooled, 2 wide", "n_saw": 3}}
    pair = {"model": "joined", "encoder": "e", "other_model": "elements-boosting", "other_encoder": "-", "p": 0.01}
    result = {
        "name": "slme",
        "encoders": encoders,
        "settings": {"n_tested_formulas": 9, "n_rows": 90},
        "rows": [row("elements-boosting", "-", 8.0), row("joined", "e", 6.0), row("boosting", "e", 9.0)],
        "pairs": [pair],
    }
    klu = result | {"name": "klu", "pairs": []}
    one = outcome_of(result)
    assert one.change(("joined", "e")) == pytest.approx(-0.25)
    assert (one.is_clear(("joined", "e")), one.is_clear(("boosting", "e"))) == (True, False)
    assert "| joined | e | 6 | 6 | 6 | 6 | -25.0% | 0.01 | - |" in table(result)
    text = page([result, klu])
    assert "| joined | e | elements-boosting | 2 | -25.0% | -25.0% | -25.0% | -25.0% | 2 | 1 | 0 | 0 |" in text
    assert "**6** (6, 6)" in text
    assert "2 of 2 (1 of 1 no properties) |" in text
    assert "6 of 18" in text
    assert "klu: the length of the k-point mesh" in text
    assert "joined, e is on 2 of 2 measured, not met" in verdict([result, klu])
    few = result | {"rows": [row("elements-boosting", "-", 8.0, n=9), row("joined", "e", 6.0, n=9)]}
    assert "| joined | e | 6 | - | - | - | -25.0% | 0.01 | - |" in table(few)
    assert "same network" not in text


def test_no_encoder_reaches_the_goal_by_a_single_lucky_task() -> None:
    numbers = {f"n{part}": 10 for part in PARTS}

    def row(model: str, encoder: str, mae: float) -> dict[str, Any]:
        return {"model": model, "encoder": encoder, "seed": 0, "fold": 0, "seconds": 1.0} | numbers | {
            f"mae{part}": mae for part in PARTS
        }  # fmt: skip

    def task(name: str, **errors: float) -> dict[str, Any]:
        encoders = {
            one: {"name": one, "version": "1.0.0", "architecture": "pooled, 2 wide", "n_saw": 3} for one in errors
        }
        rows = [row("scratch", "pooled, 2 wide", 10.0), *(row("fine-tuned", *one) for one in errors.items())]
        return {
            "name": name,
            "encoders": encoders,
            "settings": {"n_tested_formulas": 9, "n_rows": 90},
            "rows": rows,
            "pairs": [],
        }

    said = verdict([task("slme", steady=9.0, lucky=1.0), task("klu", steady=9.0)])
    assert "fine-tuned, steady is at -10.0%, mean over 2 tasks, not met." in said
    assert "By rows of the task: 0 to 2,000 -10.0% (2 tasks)." in said


def test_crabnet_is_compared_fold_by_fold() -> None:
    parts = {f"n{part}": 50 for part in PARTS} | {f"mae{part}": 1.0 for part in PARTS}
    head = parts | {"model": "elements-ridge", "encoder": "-", "seed": 0, "seconds": 1.0}
    folds = enumerate(CRABNET_FOLDS["expt_gap"])
    rows = [head | {"fold": k, "mae": 2 * mae + 0.01 * k} for k, mae in folds]
    settings = {"n_tested_formulas": 9, "n_rows": 90}
    result = {"name": "expt_gap", "encoders": {}, "settings": settings, "rows": rows, "pairs": []}
    assert (outcome_of(result).p_of_crabnet(("elements-ridge", "-")) or 1) < 1e-3
    assert outcome_of(result | {"name": "mp_gap"}).p_of_crabnet(("elements-ridge", "-")) is None
    text = page([result])
    assert "| +105.8% (p " in text
    assert "Below CrabNet in the same folds is none on any task." in text


def test_the_quick_mode_runs_and_the_published_results_are_full(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["imkt", "slme", "--quick", "--out", str(tmp_path)])
    assert run.exit_code == 0, run.output
    (row,) = (row for row in json.loads((tmp_path / "slme.json").read_text())["rows"] if row["model"] == "ridge")
    assert row["n"] == row["n_new"] == 8
    assert not any(one["quick"] for one in Store(SUITE.results).read_all(SUITE.names))


def test_predictions_are_kept_apart_by_all_that_they_depend_on(tmp_path: Path) -> None:
    task = TargetSet("slme", np.array(FORMULAS), np.arange(6.0), SPLIT)
    one = Contender("ridge", "e", "a", lambda task, tested, seed: np.full(int(tested.sum()), float(seed)))
    store = Predictions(tmp_path)
    for contender, seed in ((one, 0), (one, 1), (replace(one, identity="b"), 0)):
        store.make(measuring.Asked(task, contender, seed, 0))
    assert len(list(tmp_path.glob("slme-*.npy"))) == 3
    found = Predictions(tmp_path).find(measuring.Asked(task, one, 1, 0))
    assert found is not None
    assert found.tolist() == [1.0, 1.0, 1.0]
    other = TargetSet("slme", task.formulas, task.values + 1, SPLIT)
    assert Predictions(tmp_path).find(measuring.Asked(other, one, 1, 0)) is None
