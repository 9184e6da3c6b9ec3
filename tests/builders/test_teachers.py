"""A network learns from labels and from what another network makes of the same crystals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from builders import pipeline
from builders.learning.targets import Scaler, labels_of
from builders.learning.teachers import TEACHERS, read_teachers
from builders.methods import find_recipe, taught
from builders.methods.base import Run
from builders.methods.crystal_transformer import recipes
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import TrainingConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.teachers import (
    MOST_COMPONENTS,
    VARIANCE,
    Lesson,
    _Moments,
    _Turn,
    lesson_of,
)
from builders.methods.crystal_transformer.training import Task, _Trainer, train
from builders.progress import Reporter
from builders.sources import SourceOptions
from builders.structures.formulas import reduced_formulas_of
from builders.structures.graphs import neighbor_graphs
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_encoder, load_uae
from embeddings.cli import main
from embeddings.errors import InputInvalid, TrainingError
from embeddings.store.roots import user_root
from testing.crystals import sample_crystals, structure_table, write_sample
from testing.encoders import CONFIG, write_encoder_catalog
from testing.vector_files import write_sites, write_structures

ENERGY = "formation_energy_per_atom"
TINY = CrystalTransformerRecipe(
    name="ct-tiny", description="Tiny.", targets=(ENERGY, "band_gap"), model=CONFIG, training=TrainingConfig(epochs=2)
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe for small networks, and one that needs a teacher."""
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", TINY)
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny-taught", replace(TINY, name="ct-tiny-taught").taught())


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "sample.parquet", 40)


def run(*options: object) -> Result:
    return CliRunner().invoke(main, list(map(str, options)))


def build(path: Path, *options: object, recipe: str = "ct-tiny") -> Result:
    return run("build", "--source", "table", "--path", path, "--recipe", recipe, "--name", "student", *options)


def vectors_for(table: StructureTable, dim: int = 6, seed: int = 0) -> np.ndarray:
    """Return vectors that depend on the elements of a crystal."""
    rng = np.random.default_rng(seed)
    of_elements = rng.normal(size=(119, dim))
    return np.stack(
        [of_elements[table.atomic_numbers[table.atoms_of(np.array([k]))]].mean(0) for k in range(len(table))]
    )


def teacher_of(sample: Path, out: Path, rows: slice = slice(None), **changes: Any) -> Path:
    """Write vectors for some of the crystals of a sample."""
    table = read_structure_table(sample)
    ids, formulas = table.material_ids[rows].tolist(), reduced_formulas_of(table)[rows]
    stated = {"ids": ids, "formulas": formulas, "vectors": vectors_for(table)[rows]} | changes
    return write_structures(out, **stated)


def manifest_of(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return load_uae("student").manifest


@pytest.mark.parametrize("out", ["vectors.parquet", "vectors"])
def test_a_catalog_says_who_taught_it_and_how_well_it_learned(out: str, sample: Path, tmp_path: Path) -> None:
    write_encoder_catalog(user_root(), name="master", version="1.2.0")
    source = ["--source", "table", "--path", sample]
    assert run("embed", "--catalog", "master", *source, "-o", tmp_path / out, "--quiet").exit_code == 0
    result = build(sample, "--teacher", tmp_path / out)
    manifest = manifest_of(result)
    stated = manifest.model.hyperparameters
    assert stated["training"]["teacher_weight"] == 1.0
    (who,), (found,) = stated["teachers"], stated["teachers_found"]
    network = next(file for file in load_uae("master").manifest.files if file.path == "encoder.safetensors")
    assert (who["name"], who["encoder_sha256"], who["dim"]) == ("master@1.2.0", network.sha256, 32)
    assert (found["name"], found["n_structures"]) == ("master@1.2.0", 40)
    assert 0.99 <= found["explained_variance"] <= 1
    assert found["r2"] < 1
    assert f"master@1.2.0 teaches 40 of 40 structures: {found['n_components']} components" in result.stderr
    assert manifest.description.endswith("Taught by master@1.2.0.")
    assert f"--teacher {out}" in manifest.command
    assert manifest.licence.spdx == "LicenseRef-unknown AND CC-BY-4.0"
    assert any(
        "taught by master@1.2.0, whose own training (6 structures, made up) may" in one for one in manifest.limits
    )
    assert "taught by master@1.2.0" in (user_root() / "student" / manifest.version / "CARD.md").read_text()
    assert load_encoder("student").encode(read_structure_table(sample)).shape == (40, CONFIG.width)
    assert "Already built" in build(sample, "--teacher", tmp_path / out).stderr
    assert "student@0.1.0 was also taught by master@1.2.0" in run("overlap", sample, "student").output


def test_other_vectors_make_another_build_and_no_resumed_one(sample: Path, tmp_path: Path) -> None:
    path = teacher_of(sample, tmp_path / "t.parquet")
    assert manifest_of(build(sample, "--teacher", path)).version == "0.1.0"
    teacher_of(sample, path, vectors=vectors_for(read_structure_table(sample), seed=1))
    refused = build(sample, "--teacher", path, "--resume")
    assert refused.exit_code == 1
    assert "No interrupted run of exactly this build" in refused.stderr
    assert manifest_of(build(sample, "--teacher", path)).version == "0.2.0"


def test_several_teachers_are_named_with_what_each_of_them_knows(sample: Path, tmp_path: Path) -> None:
    one = teacher_of(sample, tmp_path / "one.parquet")
    other = teacher_of(sample, tmp_path / "other.parquet", slice(0, 20), encoder="other")
    manifest = manifest_of(build(sample, "--teacher", one, "--teacher", other, recipe="ct-tiny-taught"))
    found = manifest.model.hyperparameters["teachers_found"]
    assert [(each["name"], each["n_structures"]) for each in found] == [("toy@0.1.0", 40), ("other@0.1.0", 20)]
    assert "--teacher one.parquet --teacher other.parquet" in manifest.command


def test_a_build_without_teachers_says_nothing_of_them(sample: Path) -> None:
    manifest = manifest_of(build(sample))
    assert "teacher" not in json.dumps(manifest.model.hyperparameters)
    assert not any("taught" in limit for limit in manifest.limits)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"ids": [f"x-{k}" for k in range(40)]}, "none of the 40 structures: it holds 40 identifiers such as x-0"),
    "few": ({"rows": slice(0, 5)}, "structures to be learned from; at least 10 are needed"),
    "others": ({"formulas": ["NaCl"] * 40}, "holds vectors of other structures: test-"),
    "alike": ({"vectors": np.ones((40, 6))}, "are all alike"),
    "not numbers": ({"vectors": np.full((40, 6), np.nan)}, "NaN or infinity"),
    "narrow": ({"vectors": np.ones((40, 1))}, "width 1: that is a property"),
    "twice": ({"ids": ["test-0"] * 40}, "names 39 rows more than once"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_teacher_of_no_use_is_refused_in_one_line(fault: str, sample: Path, tmp_path: Path) -> None:
    changes, said = FAULTS[fault]
    refused = build(sample, "--teacher", teacher_of(sample, tmp_path / "t.parquet", **changes), "--quiet")
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not list(user_root().glob("student/*"))


def test_what_is_no_teacher_of_a_recipe_is_refused_by_name(sample: Path, tmp_path: Path) -> None:
    path = teacher_of(sample, tmp_path / "t.parquet")
    sites = write_sites(tmp_path / "sites.parquet", ["test-0"], [[11, 17]], np.ones((2, 3)))
    copy = teacher_of(sample, tmp_path / "copy.parquet", slice(0, 30))
    write_encoder_catalog(user_root(), name="master", version="1.2.0")
    requests: list[tuple[list[object], str, str]] = [
        (["--teacher", sites], "ct-tiny", "level site, and a teacher gives one to each structure"),
        (["--teacher", path, "--teacher", copy], "ct-tiny", "a teacher is named once"),
        (["--teacher", "master"], "ct-tiny", 'The recipe "ct-tiny" takes no teacher such as master'),
        (
            ["--teacher", path, "--teacher", "master"],
            "ct-tiny",
            "master is not a file of vectors, and only these can teach",
        ),
        (["--teacher", tmp_path / "nothing.parquet"], "ct-tiny", "There is no file"),
        (["--teacher", path, "--init", "master"], "ct-tiny", "--init and --teacher cannot be combined"),
        ([], "ct-tiny-taught", 'The recipe "ct-tiny-taught" also learns from the vectors of a teacher'),
        ([], "ct-tiny-taught", "embeddings embed structures.parquet --encoder chgnet -o vectors.parquet"),
    ]
    for options, recipe, said in requests:
        refused = build(sample, *options, recipe=recipe)
        assert refused.exit_code == 1, said
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_file_that_changes_under_way_is_noticed(sample: Path, tmp_path: Path) -> None:
    table = read_structure_table(sample)
    (teacher,) = read_teachers([teacher_of(sample, tmp_path / "t.parquet")])
    teacher_of(sample, tmp_path / "t.parquet", vectors=vectors_for(table, seed=1))
    with pytest.raises(TrainingError, match="altered since this build began"):
        lesson_of(teacher, table.material_ids, reduced_formulas_of(table), np.arange(30))


def test_every_crystal_recipe_can_be_taught() -> None:
    for name in ("ct-multi", "ct-foundation"):
        recipe = find_recipe(name)
        assert not recipe.takes_vectors
        assert taught(recipe).takes_vectors


def turn_of(vectors: np.ndarray, block: int = 7) -> _Turn:
    moments = _Moments(vectors.shape[1])
    for start in range(0, len(vectors), block):
        moments.add(vectors[start : start + block])
    turn = _Turn.of(moments)
    assert turn is not None
    return turn


def test_components_are_those_of_scikit_learn() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(200, 4)) @ rng.normal(size=(4, 12)) + 0.05 * rng.normal(size=(200, 12))) * 30 + 1e4
    vectors[:, 3] = 5.0  # says nothing
    varying = np.delete(vectors, 3, axis=1)
    pca = decomposition.PCA(whiten=True).fit((varying - varying.mean(0)) / varying.std(0))
    turn = turn_of(vectors)
    n = len(turn.variances)
    np.testing.assert_allclose(turn.variances, pca.explained_variance_ratio_[:n], rtol=1e-6)
    assert turn.variances.sum() >= VARIANCE > turn.variances[:-1].sum()
    expected = pca.transform((varying - varying.mean(0)) / varying.std(0))[:, :n]
    np.testing.assert_allclose(np.abs(turn(vectors)), np.abs(expected) * np.sqrt(200 / 199), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(turn(vectors), turn_of(vectors, block=50)(vectors), rtol=1e-4, atol=1e-6)


def test_there_are_at_most_so_many_components() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 200))
    assert len(turn_of(vectors).variances) == MOST_COMPONENTS


def test_a_teacher_weighs_as_asked_and_its_components_by_their_scale() -> None:
    lesson = Lesson("toy@0.1.0", np.array([0.81, 0.09]), 0.25, 1)
    np.testing.assert_allclose(lesson.shares("l1"), [0.75, 0.25])
    np.testing.assert_allclose(lesson.shares("mse"), [0.9, 0.1])
    scaler = Scaler(np.zeros(1), np.ones(1), np.ones(1))
    task = Task(None, np.arange(3), np.arange(1), {"a": "1"}, scaler, (lesson,))  # type: ignore[arg-type]
    weighed = {
        balance: task.weights(TrainingConfig(balance=balance, teacher_weight=2.0)) for balance in ("labels", None)
    }
    np.testing.assert_allclose(weighed["labels"], [1, 1.5, 0.5])
    np.testing.assert_allclose(weighed[None], [1, 3, 1])


def task_of(n: int = 80, known: int = 60) -> Task:
    """Crystals with labels, and a teacher who knows some of them."""
    crystals, labels = sample_crystals(n)
    table = structure_table(crystals, **labels)
    values, rows = labels_of(table, list(labels)), np.arange(n)
    vectors = vectors_for(table)
    turn = turn_of(vectors[10:known])
    components = turn(vectors).astype(np.float32)
    components[known:] = np.nan
    scaler = Scaler.fit(values, rows[10:])
    lesson = Lesson("toy@0.1.0", turn.variances, (known - 10) / (n - 10), known)
    packed = PackedCrystals(table, neighbor_graphs(table, 5.0), np.hstack([scaler.transform(values), components]))
    return Task(packed, rows[10:], rows[:10], dict.fromkeys(labels, "eV"), scaler, (lesson,))


def student(task: Task, dropout: float = 0.0) -> CrystalTransformer:
    torch.manual_seed(0)
    return CrystalTransformer(replace(CONFIG, dropout=dropout), len(task.units), len(task.lessons[0].variances))


def run_in(folder: Path) -> Run:
    folder.mkdir(exist_ok=True)
    return Run("this run", seed=3, device=torch.device("cpu"), checkpoint=folder / "checkpoint.pt")


def test_held_out_crystals_are_told_as_the_teacher_would(tmp_path: Path) -> None:
    """Crystals that it does not know, in training or held out, count for nothing."""
    task, config = task_of(), TrainingConfig(epochs=40, batch_size=16, learning_rate=3e-3, teacher_weight=1.0)
    _, history = train(student(task), task, config, run_in(tmp_path))
    assert history[-1][TEACHERS]["toy@0.1.0"] > 0.6 > history[0][TEACHERS]["toy@0.1.0"]
    assert set(history[-1]["validation"]) == set(task.units)
    stranger = replace(task, validation_rows=np.arange(70, 80))
    assert _Trainer(student(task), stranger, config, run_in(tmp_path / "other"))._figures(0, 1.0)[TEACHERS] == {
        "toy@0.1.0": None
    }


class Killed(BaseException):
    """Stands for a kill at a given moment."""


@pytest.mark.parametrize("kill_at", [3, 8])
def test_a_killed_run_ends_as_if_it_had_not_been(kill_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.methods.crystal_transformer.training.CHECKPOINT_SECONDS", 0.0)
    task, config = task_of(), TrainingConfig(epochs=3, batch_size=16, teacher_weight=1.0)
    whole, killed, resumed = (student(task, dropout=0.1) for _ in range(3))
    expected = train(whole, task, config, run_in(tmp_path / "whole"))
    calls = iter(range(1000))

    def dying(*arguments: object) -> None:
        if next(calls) == kill_at:
            raise Killed

    killed.register_forward_pre_hook(dying)
    with pytest.raises(Killed):
        train(killed, task, config, run_in(tmp_path / "killed"))
    found = train(resumed, task, config, run_in(tmp_path / "killed"))
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    assert found[0] == expected[0]
    assert [figures["loss"] for figures in found[1]] == [figures["loss"] for figures in expected[1]]


def test_the_same_teacher_gives_the_same_bytes_through_python(sample: Path, tmp_path: Path) -> None:
    path = teacher_of(sample, tmp_path / "t.parquet")
    networks = []
    for attempt in ("one", "two"):
        out, options = tmp_path / attempt, SourceOptions(path=sample)
        request = pipeline.BuildRequest(
            TINY.taught(), out, source="table", work=out / "work", options=options, teachers=(path,)
        )
        networks.append((pipeline.run(request, Reporter(quiet=True)) / "encoder.safetensors").read_bytes())
    assert networks[0] == networks[1]
    untaught = pipeline.BuildRequest(TINY, out, source="table", work=out / "work", options=options, teachers=(path,))
    with pytest.raises(InputInvalid, match="does not learn from vectors"):
        pipeline.run(untaught, Reporter(quiet=True))
