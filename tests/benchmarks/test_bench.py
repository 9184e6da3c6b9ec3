"""The benchmark of the bench: runs that are kept, floors in the same folds, goals, stored predictions."""

from __future__ import annotations

import gzip
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

from benchmarks import bench
from benchmarks.__main__ import main
from benchmarks.bench import measuring
from benchmarks.bench.figures import seen_rows
from benchmarks.bench.floors import FLOORS, FOREST, with_floors
from benchmarks.bench.goals import Goal
from benchmarks.bench.outcome import outcome_of
from benchmarks.bench.problem import measured_set, quick_set, split_of
from benchmarks.bench.stored import checks_of
from benchmarks.bench.tables import page, table, verdict
from benchmarks.harness import Request
from benchmarks.sets import SETS
from embeddings.bench.contest import hold_contest
from embeddings.bench.features import FeatureMaker
from embeddings.bench.folds import outer_folds
from embeddings.bench.trials import Settings
from embeddings.errors import InputInvalid


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The quick results of a set of numbers and one of classes, by name."""
    folder = tmp_path_factory.mktemp("results")
    run = CliRunner().invoke(main, ["bench", "steels", "glass", "--quick", "--out", str(folder)])
    assert run.exit_code == 0, run.output
    assert run.output.count("2 of 13 sets are measured.") == 1
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("steels", "glass")}


def write_set(folder: Path, name: str, **columns: Any) -> None:
    path = folder / SETS[name].path
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def made_up(name: str, ours: list[float], forest: list[float], score: str = "mae") -> dict[str, Any]:
    """A result with nothing but what an outcome looks at."""
    rows = [
        {"contender": who, "seed": 0, "fold": k, score: value}
        for who, values in (("chosen", ours), (FOREST, forest))
        for k, value in enumerate(values)
    ]
    return {"name": name, "runs": [{"seed": 0, "was_cut": False}], "rows": rows}


def test_every_contender_is_scored_in_every_fold_beside_the_forests(quick: dict[str, Any]) -> None:
    for name, scores in (("steels", {"mae", "rmse", "r2"}), ("glass", {"log_loss", "auc", "balanced_accuracy"})):
        result = quick[name]
        contenders = {row["contender"] for row in result["rows"]}
        assert {"chosen", "baseline", *FLOORS} <= contenders
        assert {row["fold"] for row in result["rows"]} == {0, 1, 2, 3, 4}
        assert all(scores <= set(row) for row in result["rows"])
        run = result["runs"][0]
        loss = "mae" if name == "steels" else "log_loss"
        chosen = [row[loss] for row in result["rows"] if row["contender"] == "chosen"]
        assert run["scores"]["chosen"][loss]["mean"] == pytest.approx(np.mean(chosen), rel=1e-4)
        assert run["scores"]["chosen"][loss]["std"] == pytest.approx(np.std(chosen, ddof=1), rel=1e-4)
        assert set(run["p"]) == set(FLOORS)


def test_a_result_says_what_took_part_and_how_it_went(quick: dict[str, Any]) -> None:
    result = quick["steels"]
    (catalog,) = result["settings"]["catalogs"]
    assert (catalog["name"], len(catalog["sha256"])) == ("starter", 64)
    run = result["runs"][0]
    assert {"seconds", "was_cut", "code", "members", "interval_coverage"} <= set(run)
    assert {"scikit-learn", "lightgbm"} <= set(run["machine"]["packages"])
    assert 0 < run["seen"]["n_rows"] < 40
    assert set(run["seen"]["unseen"]) >= {"chosen", FOREST}


def test_a_seed_that_is_stored_is_not_run_again(
    quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured = []
    monkeypatch.setattr(measuring, "measured_set", lambda data, name: quick_set(name))
    monkeypatch.setattr(measuring, "measure", lambda task, seed: measured.append(seed) or ({"seed": seed}, []))
    choices = {"catalogs": (), "budget": 60.0, "heads": ("ridge",), "work": None, "seeds": None}
    kept: list[Any] = []
    request = Request(quick=False, keep=lambda result: kept.append(len(result["runs"])), choices=choices)
    first = measuring.run(request, target="steels")
    assert (measured, kept) == ([0, 1, 2], [1, 2, 3])
    known = first | {"runs": first["runs"][:2]}
    measuring.run(replace(request, known=known), target="steels")
    assert measured == [0, 1, 2, 2]
    with pytest.raises(InputInvalid, match="budget"):
        measuring.run(replace(request, known=known, choices=choices | {"budget": 1.0}), target="steels")


def test_official_folds_are_judged_where_there_are_any(tmp_path: Path) -> None:
    formulas = [f"Fe{n}C" for n in range(1, 13)]
    write_set(tmp_path, "steels", composition=formulas, target=np.arange(12.0), fold=[0, 1, 2] * 4)
    write_set(tmp_path, "efe", composition=formulas, target=np.arange(12.0))
    official, other = measured_set(tmp_path, "steels"), measured_set(tmp_path, "efe")
    assert (split_of(official), split_of(other)) == ("given", "formula")
    assert outer_folds(official, "given")[1][1].tolist() == [1, 4, 7, 10]
    assert (official.unit, other.unit) == ("MPa", "eV/atom")


def test_floors_are_kept_and_read_again(tmp_path: Path) -> None:
    data = quick_set("steels", 20)
    folds = outer_folds(data, n_folds=2)
    contest = hold_contest(data, FeatureMaker({}), folds, settings=Settings(("ridge",)))
    first = with_floors(contest, seed=0, work=tmp_path, n_trees=2)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(kept) == len(FLOORS) * len(folds)
    again = with_floors(contest, seed=0, work=tmp_path, n_trees=2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept
    for a, b in zip(first.folds, again.folds, strict=True):
        assert np.array_equal(a.predicted[FOREST], b.predicted[FOREST])
        assert a.predicted[FOREST].shape == (len(a.test), 1)


def test_vectors_that_do_not_tell_what_they_saw_leave_it_open() -> None:
    data = quick_set("steels", 20)
    contest = hold_contest(data, FeatureMaker({}), outer_folds(data, n_folds=2), settings=Settings(("mean",)))
    rows = seen_rows(contest, {})
    assert rows is not None
    assert not rows.any()


def test_not_worse_is_judged_by_the_spread_of_the_difference() -> None:
    forest = [1.0, 2.0, 3.0, 4.0, 5.0]
    level = outcome_of(made_up("steels", [1.2, 1.8, 3.2, 3.8, 5.1], forest))
    worse = outcome_of(made_up("steels", [1.1, 2.1, 3.1, 4.1, 5.11], forest))
    better = outcome_of(made_up("steels", [0.9, 1.9, 2.9, 3.9, 4.9], forest))
    assert [one.is_not_worse for one in (level, worse, better)] == [True, False, True]
    assert [one.is_better for one in (level, worse, better)] == [False, False, True]
    assert better.lead == pytest.approx(0.1)
    larger = outcome_of(made_up("glass", [0.9, 0.8], [0.7, 0.7], "balanced_accuracy"))
    assert larger.is_better


def test_goals_are_met_from_above_by_errors_and_from_below_by_accuracies() -> None:
    assert Goal("x", 80.0).is_met(80.0, is_class=False)
    assert not Goal("x", 80.0).is_met(80.1, is_class=False)
    assert Goal("x", 0.87).is_met(0.9, is_class=True)
    assert not Goal("x", 0.87).is_met(0.86, is_class=True)


def test_the_verdict_counts_sets_goals_and_crabnet() -> None:
    results = [
        made_up("steels", [84.0, 84.2], [100.0, 101.0]),
        made_up("phonons", [70.0, 70.1], [60.0, 60.0]),
        made_up("thermal_conductivity", [1.0, 2.0], [2.0, 3.0]),
    ]
    said = verdict(results)
    assert "better than the random forest on properties on 2, and worse by more than one standard" in said
    assert "error on phonons." in said
    assert "CrabNet is beaten on 1 of 2 sets" in said
    assert "not reached: steels (last goal), phonons (CrabNet), phonons (plain trees)" in said
    assert verdict([]) == ""


def test_the_page_shows_published_scores_and_calls_open_ones_open(quick: dict[str, Any]) -> None:
    shown = page(list(quick.values()))
    assert "open, not merged" in shown
    assert "91.2 (MatBench #360)" in shown
    assert "| glass | chosen |" in shown
    for result in quick.values():
        assert table(result) in shown
    assert "whose training saw" in table(quick["steels"])


def test_questions_beside_the_sets_have_tables_with_goals(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["bench", "coverage", "nested", "--quick", "--budget", "1m", "--out", str(tmp_path)])
    assert run.exit_code == 0, run.output
    coverage, nested = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("coverage", "nested"))
    assert coverage["summary"][0]["rows"] == sum(row["n"] for row in coverage["rows"]) == 40
    assert all(0 <= row["held"] <= 1 for row in coverage["rows"])
    assert {goal["what"].split(",")[0] for goal in nested["goals"]} == {"steels"}
    assert "of the model" in page([coverage, nested])


def test_formulas_of_all_sets_are_written_once_and_reduced(tmp_path: Path) -> None:
    for name in SETS:
        write_set(tmp_path, name, composition=["Fe2O2", "O0.5Fe0.5", name and "NaCl"], target=[1.0, 2.0, 3.0])
    out = tmp_path / "formulas.txt"
    run = CliRunner().invoke(main, ["bench", "formulas", "--data", str(tmp_path), "-o", str(out)])
    assert run.exit_code == 0, run.output
    assert out.read_text() == "FeO\nNaCl\n"
    (tmp_path / SETS["glass"].path).unlink()
    refused = CliRunner().invoke(main, ["bench", "formulas", "--data", str(tmp_path), "-o", str(out)])
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)
    assert "glass" in refused.output


def submission(folder: Path, scores: dict[str, float], data: dict[str, Any], task: str = "steels") -> Path:
    path = folder / "results.json.gz"
    fold = {"data": data, "scores": scores, "parameters": {}}
    path.write_bytes(gzip.compress(json.dumps({"tasks": {f"matbench_{task}": {"results": {"fold_0": fold}}}}).encode()))
    return path


def test_scores_of_stored_predictions_are_computed_anew(tmp_path: Path) -> None:
    write_set(
        tmp_path, "steels", matbench_id=["a", "b", "c"], composition=["Fe"] * 3, target=[1.0, 4.0, 9.0], fold=[0, 0, 1]
    )
    stored = submission(tmp_path, {"mae": 1.5, "max_error": 2.1, "rmse": 2.5**0.5}, {"b": 6.0, "a": 2.0})
    agrees = {one.score: one.agrees for one in checks_of(stored, tmp_path)}
    assert agrees == {"mae": True, "rmse": True, "max_error": False}
    run = CliRunner().invoke(main, ["bench", "stored", str(stored), "--data", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "2 of 3 scores agree to 4 digits." in run.output


def test_stored_areas_under_the_curve_are_those_of_hard_labels(tmp_path: Path) -> None:
    ids, target = list("abcd"), [True, True, False, False]
    write_set(tmp_path, "glass", matbench_id=ids, composition=["Fe"] * 4, target=target, fold=[0] * 4)
    stored = submission(
        tmp_path, {"rocauc": 0.75, "f1": 2 / 3}, dict(zip(ids, (0.9, 0.4, 0.3, 0.2), strict=True)), "glass"
    )
    assert all(one.agrees for one in checks_of(stored, tmp_path))


def test_stored_predictions_of_other_rows_or_files_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path, "steels", matbench_id=["a", "b"], composition=["Fe"] * 2, target=[1.0, 4.0], fold=[0, 0])
    with pytest.raises(InputInvalid, match="other rows"):
        checks_of(submission(tmp_path, {"mae": 1.0}, {"a": 1.0}), tmp_path)
    with pytest.raises(InputInvalid, match=r"none of the tasks.*gap"):
        checks_of(submission(tmp_path, {}, {}, "gap"), tmp_path)
    text = tmp_path / "text.json.gz"
    text.write_text("no")
    with pytest.raises(InputInvalid, match=r"not a results\.json\.gz"):
        checks_of(text, tmp_path)


def test_the_suite_is_known_by_name_and_shows_help_without_heavy_packages() -> None:
    shown = CliRunner().invoke(main, ["bench", "steels", "--help"])
    assert shown.exit_code == 0
    assert "--catalogs" in shown.output
    assert {"coverage", "nested", "heads", "structures", "clock", *SETS} == set(bench.SUITE.names)
