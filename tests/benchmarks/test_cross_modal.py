"""The benchmark of composition encoders: folds that leak nothing, rows that survive a kill, the quick mode."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.cross_modal import measuring, rates
from benchmarks.cross_modal.leak import leaky_rows
from benchmarks.cross_modal.models import Head, pooled, scores
from benchmarks.cross_modal.quick import quick_plan
from benchmarks.cross_modal.source import full_workshop
from benchmarks.cross_modal.tables import BEST, NOTHING, UNMEASURED, page, summarize
from benchmarks.harness import Request
from benchmarks.sets import SETS, TargetSet, read_set
from builders.methods.cromel.recipes import RECIPES
from embeddings.errors import InputInvalid
from embeddings.pooling import featurize_compositions
from testing.composition_encoders import write_toy_encoder
from testing.crystals import arrow_table, sample_crystals
from testing.encoders import write_encoder_catalog
from testing.toys import toy_catalog


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory):
    return quick_plan(tmp_path_factory.mktemp("encoders"))


def test_all_spellings_of_a_formula_are_tested_in_one_fold():
    formulas = np.array(["NaCl", "Na0.5Cl0.5", "Fe", "FeO", "Fe2O2", "KCl", "LiF", "MgO"])
    task = TargetSet("efe", formulas, np.arange(8.0), None)
    for seed in range(5):
        folds = task.folds(seed)
        assert folds[0] == folds[1]
        assert folds[3] == folds[4]


def test_official_folds_are_kept(tmp_path: Path):
    path = tmp_path / SETS["steels"].path
    path.parent.mkdir()
    pq.write_table(pa.table({"composition": ["Fe", "FeC"], "target": [1.0, 2.0], "fold": [3, 4]}), path)
    assert read_set(tmp_path, "steels").folds(seed=7).tolist() == [3, 4]
    with pytest.raises(InputInvalid, match="expt_gap"):
        read_set(tmp_path, "expt_gap")


def test_rows_whose_formula_cannot_be_read_are_left_out_and_counted(tmp_path: Path):
    path = tmp_path / SETS["efe"].path
    path.parent.mkdir()
    pq.write_table(pa.table({"composition": ["Fe", "Fe=z", "FeO"], "target": [1.0, 2.0, 3.0]}), path)
    task = read_set(tmp_path, "efe")
    assert (task.formulas.tolist(), task.values.tolist(), task.n_unreadable) == (["Fe", "FeO"], [1.0, 3.0], 1)


def test_what_is_left_out_of_the_source_is_never_learned_from(plan, monkeypatch: pytest.MonkeyPatch):
    learned_from = []
    monkeypatch.setattr(
        "benchmarks.cross_modal.ways.train_encoder", lambda lessons, *_, **__: learned_from.append(lessons) or 1 / 0
    )
    own = plan.tasks["efe"].groups.tolist()
    with pytest.raises(ZeroDivisionError):
        plan.workshop.encoder(BEST, own)
    assert not set(learned_from[0].formulas) & set(own)
    assert len(learned_from[0]) == len(plan.workshop.lessons) - len(set(own))


def test_an_encoder_is_trained_once_and_kept(plan):
    first = plan.workshop.encoder(BEST)
    assert len(list(plan.workshop.folder.glob("*.npz"))) == 1
    np.testing.assert_array_equal(first.encode(["LiC"]), plan.workshop.encoder(BEST).encode(["LiC"]))


def test_every_fold_starts_from_the_same_encoder_but_for_the_leak(plan):
    task, encoder = plan.tasks["efe"], plan.workshop.encoder(BEST)
    before = encoder.encode(task.formulas.tolist())
    head = Head(encoder, options=(("n_members", 1), ("epochs", 2)))
    tested = task.folds(0) == 0
    np.testing.assert_array_equal(head(task, tested, 0), head(task, tested, 0))
    rows = leaky_rows(task, encoder, np.zeros(len(task.values), bool), seed=0)
    assert [row["fold"] for row in rows] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(encoder.encode(task.formulas.tolist()), before)


def test_pooled_catalogs_stand_under_the_same_head():
    catalog = toy_catalog()
    encoded = pooled(catalog, ("mean", "max")).encode(["Fe2O3", "NaCl"])
    wanted = featurize_compositions(["Fe2O3", "NaCl"], catalog, stats=("mean", "max"))
    np.testing.assert_allclose(encoded, wanted, atol=1e-4)


def test_scores_tell_seen_from_unseen():
    task = TargetSet("efe", np.array(["Fe", "Co", "Ni"]), np.array([1.0, 2.0, 4.0]), None)
    tested = np.array([True, True, True])
    figures = scores(task, tested, np.array([1.0, 2.5, 5.0]), np.array([True, True, False]))
    assert figures["score"] == pytest.approx(0.5)
    assert (figures["score_unseen"], figures["n_unseen"]) == (1.0, 1)


def test_classes_are_judged_by_their_ranks_and_by_labels_cut_at_one_half():
    """Well ranked scores that all lie above one half make a ROC-AUC of one, and labels that are worth nothing."""
    task = TargetSet("glass", np.array(["Fe", "Co", "Ni", "Cu"]), np.array([False, False, True, True]), None)
    tested, seen = np.ones(4, bool), np.array([True, False, False, False])
    figures = scores(task, tested, np.array([0.6, 0.7, 0.8, 0.9]), seen)
    assert (figures["score"], figures["balanced_accuracy"]) == (1.0, 0.5)
    assert scores(task, tested, np.array([0.5, 0.7, 0.8, 0.9]), seen)["balanced_accuracy"] == 0.75
    assert scores(task, tested, np.array([0.1, 0.7, 0.8, 0.4]), seen)["balanced_accuracy_unseen"] == 0.25
    assert scores(task, tested, np.zeros(4), task.values)["balanced_accuracy_unseen"] is None


def test_published_classes_are_compared_by_balanced_accuracy_alone():
    rows = [
        {"model": model, "source": source, "seed": 0, "score": score, "balanced_accuracy": accuracy}
        for model, source, score, accuracy in ((BEST, "without some", 0.97, 0.91), (NOTHING, "none", 0.94, 0.88))
    ]
    overlap = {"rows": 4, "unreadable rows": 0, "formulas": 4, "in the source": 0}
    text = page([{"name": "glass", "overlap": overlap, "rows": rows}])
    assert "| glass (ROC-AUC) | 0.97 | 0.94 | - | - | - |" in text
    assert "| glass (balanced accuracy) | 0.91 | 0.88 | - | - | 0.9603 |" in text
    assert "| best from composition (published) | - | - | - | 0.9603 | - | - |" in text
    assert "| open pull request #363 (not merged) | - | - | - | 0.8658 | - | - |" in text
    assert UNMEASURED not in text
    rows[0]["balanced_accuracy"] = None
    text = page([{"name": "glass", "overlap": overlap, "rows": rows}])
    assert UNMEASURED in text
    assert "| glass (balanced accuracy) | - | 0.88 | - | - | 0.9603 |" in text


def test_a_run_that_was_stopped_goes_on_and_measures_nothing_twice(plan, monkeypatch: pytest.MonkeyPatch):
    asked, kept = [], []
    monkeypatch.setattr(measuring, "scores", lambda task, tested, *_: asked.append(tested) or {"score": len(asked)})

    def keep_two(result):
        kept.append(json.loads(json.dumps(result)))
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Head, "__call__", lambda self, task, tested, seed: None)
    with pytest.raises(KeyboardInterrupt):
        measuring.measure(plan, "efe", Request(True, keep=keep_two), seeds=(0,), folds=(0, 1))
    assert len(asked) == len(kept[-1]["rows"]) == 4
    result = measuring.measure(plan, "efe", Request(True, known=kept[-1]), seeds=(0,), folds=(0, 1))
    assert len(asked) == len(result["rows"]) == len({measuring._key(row) for row in result["rows"]})
    assert sorted(row["score"] for row in result["rows"]) == list(range(1, len(asked) + 1))
    changed = kept[-1] | {"settings": kept[-1]["settings"] | {"source": "other crystals"}}
    with pytest.raises(InputInvalid, match=r"other settings \(source\)"):
        measuring.measure(plan, "efe", Request(True, known=changed), seeds=(0,))


def test_figures_are_means_over_seeds_and_folds():
    rows = [{"model": "m", "source": "s", "seed": seed, "score": 1.0 + seed, "score_unseen": None} for seed in (0, 1)]
    assert summarize(rows) == [
        {"model": "m", "source": "s", "n_seeds": 2, "score": 1.5, "score_std": 0.5,
         "score_unseen": None, "score_unseen_std": None, "balanced_accuracy": None, "balanced_accuracy_std": None,
         "balanced_accuracy_unseen": None, "balanced_accuracy_unseen_std": None, "r2": None, "r2_std": None}
    ]  # fmt: skip


@pytest.mark.slow
def test_the_quick_mode_runs(tmp_path: Path):
    """Every way of moving knowledge, on formulas whose property is known."""
    result = CliRunner().invoke(main, ["cross-modal", "efe", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "efe.json").read_text())
    scores = {row["model"]: row["score"] for row in summarize(document["rows"])}
    assert {BEST, "d: labels", "a: critic, penalty as released", NOTHING} <= set(scores)
    assert scores[BEST] < scores[NOTHING]
    assert "| efe (MAE, eV/atom) |" in page([document])


def test_lessons_that_are_kept_are_those_of_this_very_file(tmp_path: Path) -> None:
    """Files of one size are not one file."""
    teacher, path, sizes, sources = write_encoder_catalog(tmp_path / "teachers"), tmp_path / "s.parquet", [], []
    crystals, _ = sample_crystals(24)
    for step in (1.0, -1.0):
        labels = {name: step * np.arange(24.0) for name in RECIPES["cromel-multi"].targets}
        pq.write_table(arrow_table(crystals, **labels), path, compression="none", use_dictionary=False)
        sizes.append(path.stat().st_size)
        workshop = full_workshop(path, str(teacher), tmp_path / "kept")
        sources.append(workshop.source)
        assert np.nanmax(step * workshop.lessons.labels[:, 0]) == 23
    assert sizes[0] == sizes[1]
    assert sources[0] != sources[1]


def test_rates_are_compared_on_inner_folds_and_shown_on_the_tested_one(tmp_path: Path) -> None:
    formulas = [f"{a}{n}{b}" for a in ("Li", "Na", "K", "Mg") for b in ("O", "S", "F") for n in (1, 2)]
    path = tmp_path / "data" / SETS["steels"].path
    path.parent.mkdir(parents=True)
    folds = np.arange(len(formulas)) % 5
    pq.write_table(pa.table({"composition": formulas, "target": np.arange(24.0), "fold": folds}), path)
    command = [write_toy_encoder(tmp_path), "--data", tmp_path / "data", "--sets", "steels"]
    result = CliRunner().invoke(rates.main, [*map(str, command), "--rates", "0.001,0.01", "--folds", "2"])
    assert result.exit_code == 0, result.output
    title, _, *rows = result.output.splitlines()
    assert title == "steels, fold 0, seed 0"
    assert [row.split(":")[0] for row in rows] == ["1 2 0.001 16", "1 2 0.01 16"]
