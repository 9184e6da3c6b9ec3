"""Encoders of formulas are aligned with all who are named: a catalog's network, files of vectors, or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from builders.learning.lessons import Lessons, pool_polymorphs
from builders.learning.teachers import read_teachers
from builders.methods.cromel.config import GeneratorConfig, TransferConfig
from builders.methods.cromel.recipes import CromelRecipe
from builders.methods.cromel.training import _Trainer
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings import load_encoder
from embeddings.cli import main
from embeddings.store.manifest import Manifest, read_manifest
from testing.crystals import write_sample
from testing.encoders import write_encoder_catalog
from testing.vector_files import write_structures

N = 60


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "sample.parquet", N)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return write_encoder_catalog(tmp_path / "teachers")


def run(*options: object) -> Result:
    return CliRunner().invoke(main, list(map(str, options)))


def build(sample: Path, *options: object, recipe: str = "cromel-band-gap") -> Result:
    source = ["--source", "table", "--path", sample, "--recipe", recipe]
    learned = ["--targets", "formation_energy_per_atom", "--epochs", 1]
    return run("build", *source, *learned, "--name", "pupil", "--out", sample.parent / "out", *options)


def made(result: Result, sample: Path, version: str = "0.1.0") -> Manifest:
    assert result.exit_code == 0, result.output
    return read_manifest(sample.parent / "out" / "pupil" / version)


def formulas_of(sample: Path) -> np.ndarray:
    return np.array(reduced_formulas_of(read_structure_table(sample)))


def file_of(sample: Path, out: Path, rows: Any = slice(None), seed: int = 0, **changes: Any) -> Path:
    """Write vectors for some of the crystals of a sample."""
    ids, vectors = read_structure_table(sample).material_ids, np.random.default_rng(seed).normal(size=(N, 6))
    stated = {"ids": ids[rows].tolist(), "formulas": formulas_of(sample)[rows].tolist(), "vectors": vectors[rows]}
    return write_structures(out, **(stated | {"encoder": "other"} | changes))


@pytest.mark.parametrize("recipe", ["cromel-band-gap", "imkt-multi"])
def test_a_file_teaches_in_place_of_the_catalog_of_the_recipe(recipe: str, sample: Path) -> None:
    path = file_of(sample, sample.parent / "t.parquet", slice(0, 40))
    result = build(sample, "--teacher", path, recipe=recipe)
    manifest = made(result, sample)
    stated = manifest.model.hyperparameters
    (who,), (found,) = stated["teachers"], stated["teachers_found"]
    assert stated["teacher"] is None
    assert (who["name"], who["vectors_sha256"]) == ("other@0.1.0", read_teachers([path]).all[0].sha256)
    assert found == {"name": "other@0.1.0", "n_structures": 40}
    formulas = formulas_of(sample)
    known, every = len(set(formulas[:40])), len(set(formulas))
    assert stated["formulas_aligned"] == known < every
    assert "other@0.1.0 teaches 40 of 60 structures" in result.stderr
    assert f"{known} of {every} formulas are aligned" in result.stderr
    assert manifest.command.endswith("--teacher t.parquet")
    assert manifest.description.endswith("Taught by other@0.1.0.")
    assert any("taught by other@0.1.0, whose own training (" in one for one in manifest.limits)
    assert manifest.licence.spdx.startswith("LicenseRef-unknown AND ")
    assert "Already built" in build(sample, "--teacher", path, recipe=recipe).stderr
    assert load_encoder(sample.parent / "out" / "pupil" / "0.1.0").encode(["NaCl"]).shape == (1, manifest.dim)


def test_a_catalog_and_a_file_teach_together_where_both_are_named(sample: Path, catalog: Path) -> None:
    path = file_of(sample, sample.parent / "t.parquet", slice(0, 40))
    alone = made(build(sample, "--teacher", catalog), sample)
    assert "teachers" not in alone.model.hyperparameters
    both = made(build(sample, "--teacher", path, "--teacher", catalog), sample, "0.2.0")
    stated = both.model.hyperparameters
    assert (stated["teacher"], [one["name"] for one in stated["teachers"]]) == ("toy@0.1.0", ["other@0.1.0"])
    assert both.command.endswith("--teacher toy@0.1.0 --teacher t.parquet")
    assert both.description.endswith("Taught by toy@0.1.0 and other@0.1.0.")
    assert both.files != alone.files


def test_other_vectors_make_another_build_and_no_resumed_one(sample: Path) -> None:
    path = sample.parent / "t.parquet"
    made(build(sample, "--teacher", file_of(sample, path)), sample)
    refused = build(sample, "--teacher", file_of(sample, path, seed=1), "--resume")
    assert refused.exit_code == 1
    assert "No interrupted run of exactly this build" in refused.stderr
    made(build(sample, "--teacher", path), sample, "0.2.0")


def test_who_cannot_teach_is_refused_in_one_line(sample: Path, catalog: Path) -> None:
    path, folder = file_of(sample, sample.parent / "t.parquet"), sample.parent
    twin = folder / "twin.parquet"
    assert run("embed", sample, "--catalog", catalog, "-o", twin, "--quiet").exit_code == 0
    early = formulas_of(sample) < "K"
    some, others = np.flatnonzero(early), np.flatnonzero(~early)
    one, other = file_of(sample, folder / "1.parquet", some), file_of(sample, folder / "2.parquet", others, encoder="x")
    alike = file_of(sample, folder / "alike.parquet", vectors=np.full((N, 6), 0.1))
    requests: list[tuple[list[object], str]] = [
        (["--teacher", catalog, "--teacher", "ct-ef-eg"], "are two catalogs, but only one can teach"),
        (["--teacher", catalog, "--teacher", twin], "by the network of toy@0.1.0: a teacher is named once"),
        (["--teacher", path, "--teacher", path], "a teacher is named once"),
        (["--teacher", file_of(sample, folder / "few.parquet", slice(0, 5))], "at least 10 are needed"),
        (["--teacher", alike], "are all alike"),
        (["--teacher", file_of(sample, folder / "x.parquet", ids=[f"x-{k}" for k in range(N)])], "none of the 60"),
        (["--teacher", one, "--teacher", other], "No formula has a vector by each of the teachers"),
    ]
    for options, said in requests:
        refused = build(sample, *options, "--quiet")
        assert refused.exit_code == 1, said
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not (folder / "out" / "pupil").exists()


def test_each_teacher_is_pooled_over_the_polymorphs_that_it_knows() -> None:
    one = np.array([[1.0], [3.0], [5.0], [7.0]], np.float32)
    other = np.array([[2.0, 0.0], [np.nan, np.nan], [4.0, 1.0], [np.nan, np.nan]], np.float32)
    lessons = pool_polymorphs(["Fe", "Fe", "Na", "Zn"], {"x": np.ones(4)}, [one, other])
    np.testing.assert_array_equal(lessons.vectors, [[2, 2, 0], [5, 4, 1], [7, np.nan, np.nan]])
    assert lessons.widths == (1, 2)
    assert lessons.has_vectors.tolist() == [True, True, False]


def test_teachers_count_alike_however_wide_they_are() -> None:
    """And a single one has the scale that it always had."""
    rng = np.random.default_rng(0)
    formulas = np.array(sorted(f"{a}{n}O" for a in ("Li", "Na", "K", "Mg", "Ca") for n in range(1, 9)))
    vectors = np.hstack([rng.normal(3, 5, size=(40, 2)), rng.normal(size=(40, 30))]).astype(np.float32)
    lessons = Lessons(formulas, ("x",), rng.normal(size=(40, 1)), vectors, (2, 30))
    small = GeneratorConfig(element_dim=4, hidden=(8,), dim=4)
    recipe = CromelRecipe(name="x", description="x", model=small, training=TransferConfig(validation_fraction=0.1))
    trainer = _Trainer(lessons, recipe, None, None, "", None)
    squares = trainer.vectors.numpy()[trainer.training_rows] ** 2
    lengths = squares[:, :2].sum(axis=1).mean(), squares[:, 2:].sum(axis=1).mean()
    np.testing.assert_allclose(lengths, [16, 16], rtol=1e-3)
    alone = replace(lessons, widths=())
    np.testing.assert_array_equal(alone.scales, np.ones(32))


def test_a_column_that_is_constant_but_for_rounding_says_nothing(sample: Path) -> None:
    table, rng = read_structure_table(sample), np.random.default_rng(0)
    vectors = rng.normal(size=(N, 3)).astype(np.float32)
    vectors[:, 1] = 0.1 * (1 + 1e-7 * rng.normal(size=N))
    (teacher,) = read_teachers([file_of(sample, sample.parent / "t.parquet", vectors=vectors)])
    found = teacher.matched(table.material_ids, reduced_formulas_of(table), np.arange(40)).vectors()
    np.testing.assert_array_equal(found[:, 1], 0)
    np.testing.assert_array_equal(found[:, ::2], vectors[:, ::2])
