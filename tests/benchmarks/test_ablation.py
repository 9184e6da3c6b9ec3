"""The ablation: variants of a recipe, each built and measured with every seed, and the average of the seeds."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.downstream import ablation
from benchmarks.downstream.ablation import AVERAGE, BASE, main
from benchmarks.variants import varied
from builders.methods import find_recipe
from embeddings import load_uae
from embeddings.store.tables import write_catalog
from testing.toys import TOY_VECTORS, toy_provenance, toy_table


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Building gives the toy, turned by another angle for each seed; the back end says how wide the vectors are."""
    found = SimpleNamespace(folder=tmp_path, built=[], measured=[])

    def build(recipe: Any, path: Path, work: Path, max_sites: int) -> Path:
        found.built.append((recipe.model.dim, recipe.seed, recipe.split_seed, path.name, max_sites))
        angle = recipe.seed
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        vectors = {symbol: turn @ vector for symbol, vector in TOY_VECTORS.items()}
        root = work / f"{recipe.model.dim}-{recipe.seed}"
        return write_catalog(root, toy_provenance(), toy_table(vectors), force=True)

    def compare(_: Any, request: Any, *, catalog: str, only: list[str], **budget: Any) -> dict[str, Any]:
        found.measured.append(Path(catalog))
        row = {"n_train": 4, "mae": 0.5, "r2": 0.9, "epoch": 3}
        return {"rows": [{"features": kind} | row for kind in only]}

    monkeypatch.setattr(ablation, "built", build)
    monkeypatch.setattr(ablation, "compare", compare)
    return found


def run(world: SimpleNamespace, *options: str) -> list[dict[str, Any]]:
    arguments = ["--work", str(world.folder / "work"), "--out", str(world.folder), "--path", "crystals.parquet"]
    outcome = CliRunner().invoke(main, [*arguments, *options], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return json.loads((world.folder / "ablation.json").read_text())["rows"]


def test_every_variant_is_measured_with_every_seed_and_the_seeds_on_average(world: SimpleNamespace) -> None:
    rows = run(world, "--vary", "model.dim=32", "--seeds", "0,1", "--max-sites", "7")
    measured = [(row["variant"], row["seed"], row["features"]) for row in rows]
    small = "model.dim=32"
    assert measured == [
        (BASE, 0, "toy frozen"), (BASE, 0, "atom_init"), (small, 0, "toy frozen"),
        (BASE, 1, "toy frozen"), (BASE, 1, "atom_init"), (small, 1, "toy frozen"),
        (AVERAGE, 0, "toy frozen"),
    ]  # fmt: skip
    assert set(world.built) == {(dim, seed, 0, "crystals.parquet", 7) for dim in (32, 128) for seed in (0, 1)}
    average = load_uae(world.measured[-1])
    np.testing.assert_allclose(
        average.vectors @ average.vectors.T, np.array(rows_of_toy()) @ np.array(rows_of_toy()).T, atol=1e-12
    )
    document = json.loads((world.folder / "ablation.json").read_text())
    assert document["neighbor_overlap"] == {BASE: 1.0, small: 1.0}


def rows_of_toy() -> list[tuple[float, float]]:
    return [TOY_VECTORS[symbol] for symbol in ("H", "O", "Na", "Cl", "Fe", "Co")]


def test_a_second_run_measures_only_what_is_new(world: SimpleNamespace) -> None:
    first = run(world, "--seeds", "0")
    world.measured.clear()
    rows = run(world, "--seeds", "0", "--vary", "model.dim=32")
    assert rows[: len(first)] == first
    assert len(world.measured) == 1


def test_a_variant_changes_the_named_fields_and_no_others() -> None:
    recipe = find_recipe("ct-multi")
    changed = varied(recipe, "training.batch_size=64,targets=band_gap+volume_per_atom")
    assert (changed.training.batch_size, changed.targets) == (64, ("band_gap", "volume_per_atom"))
    assert changed.model == recipe.model


@pytest.mark.parametrize(
    ("recipe", "change", "message"),
    [
        ("ct-multi", "model.widht=3", "has no field model.widht"),
        ("ct-multi", "modle.dim=3", "has no field modle.dim"),
        ("ct-multi", "model.dim=wide", 'model.dim takes int values, not "wide"'),
        ("cromel-multi", "model.dim=3", "is a recipe of cromel"),
    ],
)
def test_a_variant_that_cannot_be_made_is_refused_in_one_line(
    recipe: str, change: str, message: str, world: SimpleNamespace
) -> None:
    arguments = ["--recipe", recipe, "--vary", change, "--work", str(world.folder), "--out", str(world.folder)]
    outcome = CliRunner().invoke(main, arguments)
    assert (outcome.exit_code, outcome.output.count("\n")) == (1, 1)
    assert message in outcome.output
