"""The parts of the language model: variants that differ in one part, a run that goes on, tables, the quick mode."""

from __future__ import annotations

import json
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
from benchmarks.harness import Request
from benchmarks.language import measuring
from benchmarks.language.order import largest_changes
from benchmarks.language.source import Sizes, Source, corpora_of, read_source
from benchmarks.language.tables import ALL, TUNED, table
from benchmarks.language.teaching import Further, further_teachers
from benchmarks.language.variants import budgeted, chosen_variants, variants_of
from builders.learning.encoders import FormulaEncoder
from builders.learning.lessons import ENERGY, Lessons
from builders.methods.language.recipes import RECIPES
from builders.structures.formulas import reduced_formulas_of
from embeddings.errors import InputInvalid
from testing.crystals import arrow_table, sample_crystals, structure_table
from testing.encoders import write_encoder_catalog
from testing.language_encoders import untrained_model
from testing.vector_files import write_structures

VARIANTS = variants_of(budgeted(RECIPES["imkt-multi"], reading=3, training=6, seed=0))


def test_each_variant_lacks_what_its_name_does_not_say() -> None:
    parts = {
        name: {part for part in ("reads", "structures", "labels") if one.about[part]} for name, one in VARIANTS.items()
    }
    assert parts["random weights"] == set()
    assert parts["reading"] == parts["reading: OQMD is read"] == {"reads"}
    assert parts["structures and labels"] == {"structures", "labels"}
    assert parts["reading and structures"] == {"reads", "structures"}
    assert parts["reading and labels"] == {"reads", "labels"}
    assert (parts["structures"], parts["labels"]) == ({"structures"}, {"labels"})
    assert all(found == {"reads", "structures", "labels"} for name, found in parts.items() if name.startswith(ALL))


def test_all_variants_have_one_budget_and_one_split() -> None:
    for one in VARIANTS.values():
        assert one.recipe.pretraining.epochs in (0, 3)
        assert one.recipe.training.epochs in (0, 6)
        assert one.recipe.seed_of_split == 0
    assert sum(one.recipe.seed != 0 for one in VARIANTS.values()) == 1


def test_a_variant_that_there_is_not_is_refused() -> None:
    assert list(chosen_variants(VARIANTS, ("labels", ALL))) == [ALL, "labels"]
    with pytest.raises(InputInvalid, match=r'No variant "lables"\. Did you mean "labels"'):
        chosen_variants(VARIANTS, ("lables",))


def test_the_corpus_has_what_something_else_than_enumeration_vouches_for(tmp_path: Path) -> None:
    columns = {"formula": ["NaCl", "KCl", "MgO", "CaO"], "in_mp": [True, False, False, True]}
    path = tmp_path / "compositions.parquet"
    pq.write_table(pa.table(columns | {"in_oqmd": [True] * 4}), path)
    vouched, everything = corpora_of(path, Sizes(9, 9, 9, 0), ["CaO"])
    assert vouched.tolist() == ["NaCl"]
    assert everything.tolist() == ["KCl", "MgO", "NaCl"]


def test_the_source_has_no_formula_of_the_tested_sets_and_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crystals, _ = sample_crystals(24)
    labels = {name: np.arange(24.0) for name in RECIPES["imkt-multi"].targets}
    pq.write_table(arrow_table(crystals, **labels), tmp_path / "mp_structures.parquet")
    (tmp_path / "compositions").mkdir()
    listed = pa.table({"formula": ["NaCl", "KCl"], "in_mp": [True, True], "in_oqmd": [False, False]})
    pq.write_table(listed, tmp_path / "compositions" / "compositions.parquet")
    teacher = write_encoder_catalog(tmp_path / "teachers")
    recipe = measuring.replace(RECIPES["imkt-multi"], teacher=str(teacher))

    def made(*excluded: str) -> Any:
        return read_source(tmp_path, tmp_path / "work", recipe, Sizes(15, 9, 50, 0), excluded=excluded)

    first = made("KCl")
    assert first.corpus.tolist() == ["NaCl"]
    out = first.lessons.formulas[0]
    monkeypatch.setattr("benchmarks.language.source.clean", None)
    np.testing.assert_array_equal(made("KCl").lessons.vectors, first.lessons.vectors)
    monkeypatch.undo()
    second = made("KCl", out)
    assert out not in second.lessons.formulas
    assert second.identity != first.identity
    with pytest.raises(InputInvalid, match="mp_structures"):
        read_source(tmp_path / "x", tmp_path, recipe, Sizes(9, 9, 9, 0), excluded=())


def test_the_order_of_elements_changes_nothing_but_rounding() -> None:
    encoder = FormulaEncoder(untrained_model(), np.arange(1, 119))
    found = largest_changes(encoder, ["Fe2O3", "LiFePO4", "YBa2Cu3O7", "Al0.9Ti0.1"])
    assert found["single"] < 1e-5
    assert found["double"] < 1e-14


def test_a_run_that_was_stopped_goes_on_and_measures_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, recipe = measuring._quick("efe", tmp_path)
    kept: list[Any] = []

    def keep_two(result: Any) -> None:
        kept.append(json.loads(json.dumps(result)))
        if len(kept) == 2:
            raise KeyboardInterrupt

    choices = measuring.QUICK | {"models": ("ridge",), "variants": (ALL, "random weights", "reading")}
    with pytest.raises(KeyboardInterrupt):
        measuring.measure(bench, recipe, Request(True, keep=keep_two, choices=choices))
    monkeypatch.setattr(measuring, "_maes", lambda bench, variant, model: [1.0])
    done = measuring.measure(bench, recipe, Request(True, known=kept[-1], choices=choices))
    assert done["rows"][:2] == kept[-1]["rows"]
    assert [row["variant"] for row in done["rows"]] == [ALL, "random weights", "reading"]
    assert [(one["variant"], one["p"] is None) for one in done["pairs"]] == [
        ("random weights", False),
        ("reading", True),
    ]
    with pytest.raises(InputInvalid, match=r"other settings \(recipe\)"):
        measuring.measure(bench, recipe, Request(True, known=kept[-1], choices=choices | {"training_epochs": 9}))
    with pytest.raises(InputInvalid, match=r'No model "rigde"\. Did you mean "ridge"'):
        measuring.measure(bench, recipe, Request(True, choices=choices | {"models": ("rigde",)}))


def test_other_teachers_are_variants_and_what_was_measured_of_them_stays(tmp_path: Path) -> None:
    bench, recipe = measuring._quick("efe", tmp_path)
    vectors = np.random.default_rng(0).normal(size=(len(bench.source.lessons), 3)).astype(np.float32)
    other = Further("other@0.1.0", "0" * 64, tmp_path / "taught.npz", lambda: (vectors, 7))
    names = (ALL, f"{ALL}: other teaches", f"{ALL}: {recipe.teacher} and other teach")
    choices = measuring.QUICK | {"models": ("ridge",), "variants": names}
    taught = measuring.replace(bench, further={"other": other})
    done = measuring.measure(taught, recipe, Request(True, choices=choices))
    assert [row["variant"] for row in done["rows"]] == list(names)
    assert len({tuple(row["maes"]) for row in done["rows"]}) == 3
    assert done["teachers"]["other"]["structures"] == 7
    assert {one["variant"] for one in done["pairs"] if one["p"] is not None} == set(names[1:])
    known = json.loads(json.dumps(done))
    again = measuring.measure(bench, recipe, Request(True, known=known, choices=choices | {"variants": (ALL,)}))
    assert {key: again[key] for key in ("rows", "pairs", "teachers")} == {
        key: known[key] for key in ("rows", "pairs", "teachers")
    }
    assert f"other@0.1.0 knows 7 structures of {len(vectors)} formulas" in table(again | {"name": "efe"})


def test_a_file_of_vectors_is_pooled_as_the_recipe_pools_and_read_once(tmp_path: Path) -> None:
    crystals, labels = sample_crystals(24)
    table = structure_table(crystals, **{ENERGY: labels[ENERGY]})
    formulas = reduced_formulas_of(table)
    vectors = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
    path = write_structures(tmp_path / "t.parquet", table.material_ids[:20], formulas[:20], vectors[:20])
    distinct = np.unique(formulas)
    lessons = Lessons(distinct, (ENERGY,), np.zeros((len(distinct), 1)), np.zeros((len(distinct), 2)))
    source = Source(lessons, distinct, distinct, "made up")
    further = further_teachers(source, lambda: table, 0.05, tmp_path, file=path)
    assert list(further) == ["ct-multi", "toy"]
    assert further["toy"].about["structures"] == 20
    known = np.isin(distinct, formulas[:20])
    np.testing.assert_array_equal(np.isfinite(further["toy"].vectors).all(axis=1), known)
    path.unlink()
    np.testing.assert_array_equal(
        measuring.replace(further["toy"], make=lambda: (vectors, 0)).vectors, further["toy"].vectors
    )


def test_variants_that_read_alike_read_once(tmp_path: Path) -> None:
    bench, recipe = measuring._quick("efe", tmp_path)
    variants = variants_of(budgeted(recipe, reading=1, training=1, seed=0))
    for name in (ALL, "reading", "reading and labels", "random weights"):
        bench.encoder(variants[name])
    assert len(list(tmp_path.glob("reading-*"))) == 2
    alone = bench.encoder(variants["reading"]).encode(["LiC"])
    (tmp_path / "elsewhere").mkdir()
    fresh = measuring.replace(bench, folder=tmp_path / "elsewhere").encoder(variants["reading"])
    np.testing.assert_array_equal(alone, fresh.encode(["LiC"]))


def test_the_quick_mode_runs(tmp_path: Path) -> None:
    command = ["language", "efe", "--quick", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "efe.json").read_text())
    assert {(row["variant"], row["model"]) for row in document["rows"]} == {
        (name, model) for name in measuring.QUICK["variants"] for model in ("ridge", TUNED)
    }
    assert {len(row["maes"]) for row in document["rows"] if row["model"] == "ridge"} == {5}
    text = table(document)
    assert "| all | yes | yes | yes | 8 | 2 |" in text
    assert "Not measured: structures and labels; reading and structures;" in text


def test_a_table_shows_what_is_clear_and_what_is_missing() -> None:
    about = {"reads": True, "structures": False, "labels": False, "width": 8, "n_layers": 2}
    settings = {
        "n_rows": 40, "seed": 0, "tuning": {"epochs": 2}, "source": {"read": 30, "formulas": 20},
        "recipe": {"pretraining": {"epochs": 3}, "training": {"epochs": 4}},
    }  # fmt: skip
    rows = [
        {"variant": ALL, "model": "ridge", "maes": [1.0, 3.0]},
        {"variant": "reading", "model": "ridge", "maes": [2.0, 4.0]},
        {"variant": "reading", "model": TUNED, "maes": [2.5]},
    ]
    document = {
        "name": "efe", "settings": settings, "variants": dict.fromkeys((ALL, "reading", "labels"), about), "rows": rows,
        "pairs": [{"variant": "reading", "model": "ridge", "p": 0.01}], "order": {"single": 2.1e-6, "double": 1e-15},
    }  # fmt: skip
    text = table(document)
    assert "| all | yes | - | - | 8 | 2 | 2 ± 1 | - |" in text
    assert "| reading | yes | - | - | 8 | 2 | 3 ± 1 (**+50.0%**) | 2.5 |" in text
    assert "Not measured: labels." in text
    assert "no number of a vector changes by more than 2e-06 in single and 1e-15 in double precision" in text
