"""A published network goes on learning from crystals of one's own: measured on folds, and never worse than it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

from builders import pipeline
from builders.learning.folds import deal
from builders.learning.ridge import STRENGTHS, fit_ridge
from builders.methods.crystal_transformer import recipes, tuning
from builders.methods.crystal_transformer.config import TrainingConfig, TuningConfig
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.progress import Reporter
from builders.sources import SourceOptions
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings import load_crystal_encoder, load_uae
from embeddings.cli import main
from embeddings.elements import SYMBOLS
from embeddings.store.roots import user_root
from testing.composition_encoders import write_toy_encoder
from testing.crystals import arrow_table, sample_crystals, write_sample
from testing.encoders import CONFIG, COVERED, write_encoder_catalog

ENERGY = "formation_energy_per_atom"
TINY = CrystalTransformerRecipe(name="ct-tiny", description="Tiny.", targets=(ENERGY, "band_gap"), model=CONFIG)
FAST = TuningConfig(n_folds=2, n_rounds=2)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe for networks of the size of the toy encoder, and few members."""
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", TINY)
    whole = CrystalTransformerRecipe.going_on

    def faster(self: CrystalTransformerRecipe, tune: Any, published: Any = None) -> CrystalTransformerRecipe:
        made = whole(self, tune, published)
        return replace(made, tuning=replace(FAST, tune=tune)) if made.tuning else made

    monkeypatch.setattr(CrystalTransformerRecipe, "going_on", faster)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return write_encoder_catalog(user_root(), name="toy", version="1.2.0")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "mine.parquet", 30)


def build(path: Path, *options: object, init: object = "toy", epochs: int = 2, recipe: str = "ct-tiny") -> Result:
    told = ["--source", "table", "--path", path, "--recipe", recipe, "--init", init, "--epochs", epochs, *options]
    return CliRunner().invoke(main, ["build", *map(str, told)])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_goes_on_says_where_it_began_and_is_measured_on_every_structure(sample: Path, toy: Path) -> None:
    before = contents(toy)
    result = build(sample, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["name"], told["version"]) == ("toy-own", "0.1.0")
    manifest, network = load_uae("toy-own").manifest, load_uae("toy").manifest.files
    stated = manifest.model.hyperparameters
    sha256 = next(file.sha256 for file in network if file.path == "encoder.safetensors")
    assert stated["init"] == {"name": "toy", "version": "1.2.0", "sha256": sha256}
    formulas = set(reduced_formulas_of(read_structure_table(sample)))
    found, seen = stated["init_found"], load_uae("toy").overlap(formulas)
    assert (found["n_formulas"], found["n_formulas_seen"]) == (len(formulas), len(seen))
    assert manifest.metrics[ENERGY].n == manifest.training.n_structures == 30
    assert manifest.training.split.startswith("by reduced formula: 2 folds, dealt 2 times")
    assert manifest.description == (
        f"Universal atomic embeddings learned from {ENERGY} and band_gap. Data: 30 structures of mine.parquet. "
        "Began as toy 1.2.0."
    )
    assert "--init toy@1.2.0 --tune all" in manifest.command
    assert any(limit.startswith("The network began as that of toy@1.2.0") for limit in manifest.limits)
    assert load_crystal_encoder("toy-own").encode(read_structure_table(sample)).shape == (30, CONFIG.width)
    assert contents(toy) == before
    assert "Already built" in build(sample).stderr
    made_again = ["verify", "toy-own", "--recompute", "99", "--source", "table", "--path", str(sample)]
    assert CliRunner().invoke(main, made_again).exit_code == 0


def made(sample: Path, out: Path, reporter: Reporter | None = None, init: Path | None = None, **changes: Any) -> Path:
    """Build through Python, with fields of the tuning or the schedule changed."""
    recipe = TINY.going_on("all")
    schedule = {name: changes.pop(name) for name in ("epochs", "learning_rate") if name in changes}
    recipe = replace(
        recipe, training=replace(recipe.training, **{"epochs": 3, **schedule}), tuning=replace(recipe.tuning, **changes)
    )
    init = init or user_root() / "toy" / "1.2.0"
    options = SourceOptions(path=sample)
    request = pipeline.BuildRequest(
        recipe, out, source="table", work=out / "work", options=options, init=init, name="own"
    )
    return pipeline.run(request, reporter or Reporter(quiet=True))


class Killer(Reporter):
    """A person who interrupts in the second epoch."""

    def __init__(self) -> None:
        super().__init__(quiet=True)

    def stage(self, name: str, total: int, *, done: int = 0) -> Any:
        if name != "Tuning":
            return super().stage(name, total, done=done)
        return Dying()


class Dying:
    seen = 0

    def __enter__(self) -> Dying:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def advance(self) -> None:
        self.seen += 1
        if self.seen == 2:
            raise KeyboardInterrupt

    def milestone(self, text: str) -> None:
        pass


def test_a_killed_run_is_taken_up_and_ends_with_the_same_bytes(
    sample: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setattr(tuning, "CHECKPOINT_SECONDS", 0.0)
    whole = made(sample, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        made(sample, tmp_path / "killed", Killer())
    assert not list((tmp_path / "killed").glob("own/*"))
    (checkpoint,) = (tmp_path / "killed" / "work" / "runs").glob("*/checkpoint.pt")
    stood = checkpoint.read_bytes()
    taken_up = made(sample, tmp_path / "killed")
    assert contents(taken_up) == contents(whole)
    assert checkpoint.read_bytes() != stood


def network_of(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "encoder.safetensors")


def test_training_that_makes_things_worse_leaves_the_network_as_it_was(sample: Path, toy: Path, tmp_path: Path) -> None:
    folder = made(sample, tmp_path / "out", encoder_learning_rate=5.0, learning_rate=5.0)
    stated = json.loads((folder / "manifest.json").read_text())
    found = stated["model"]["hyperparameters"]["init_found"]
    assert found["epoch"] == 0
    assert {name: metric["mae"] for name, metric in stated["metrics"].items()} == found["frozen_mae"]
    before, after = network_of(toy), network_of(folder)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def figures(**errors: float) -> dict[str, Any]:
    return {"validation": {name: {"mae": mae, "n": 5} for name, mae in errors.items()}}


def test_an_epoch_is_kept_if_it_is_better_on_the_whole_and_no_target_is_worse_than_by_ridge() -> None:
    first, best = figures(a=1.0, b=10.0), figures(a=0.9, b=9.0)
    assert tuning._is_better(best, first, first)
    assert not tuning._is_better(figures(a=0.1, b=10.1), best, first)
    assert tuning._is_better(figures(a=0.5, b=9.9), best, first)
    assert not tuning._is_better(figures(a=0.95, b=8.9), best, first)
    assert not tuning._is_better(first, first, first)
    assert not tuning._is_better(figures(a=float("nan"), b=1.0), best, first)
    exact = figures(a=0.0, b=1.0)
    assert not tuning._is_better(figures(a=0.1, b=0.1), exact, exact)
    assert tuning._is_better(figures(a=0.0, b=0.5), exact, exact)


@pytest.mark.parametrize(("tune", "still"), [("all", ()), ("last", ("table", "project", "layers.0")), ("adapter", ())])
def test_what_is_to_stay_stays_and_the_file_keeps_its_form(
    tune: str, still: tuple[str, ...], sample: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_is_better", lambda *figures: True)
    folder = made(sample, tmp_path / "out", tune=tune, n_rounds=1)
    before, after = network_of(toy), network_of(folder)
    assert {name: part.shape for name, part in after.items()} == {name: part.shape for name, part in before.items()}
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not {name for name in moved if name.startswith(still or ("none",))}
    assert any(name.startswith("layers.1") for name in moved)
    assert ("table.weight" in moved) == (tune == "all")
    if tune == "adapter":
        weight = "layers.0.mixing.give.weight"
        change = np.linalg.svd(after[weight].astype(float) - before[weight].astype(float), compute_uv=False)
        assert change[FAST.rank * 2] < 0.05 * change[0]  # the mean of two members of rank 8


def test_many_structures_are_split_once(sample: Path, toy: Path, tmp_path: Path) -> None:
    folder = made(sample, tmp_path / "out", folds_below=30)
    stated = json.loads((folder / "manifest.json").read_text())
    assert stated["training"]["split"].startswith("by reduced formula: 10% of the formulas held out")
    assert stated["training"]["n_structures"] + stated["metrics"][ENERGY]["n"] == 30


def test_elements_that_the_network_never_saw_join_the_table_aloud(sample: Path) -> None:
    write_encoder_catalog(user_root(), name="narrow", covered=COVERED[:15])
    result = build(sample, init="narrow")
    assert result.exit_code == 0, result.output
    assert "narrow@0.1.0 was not trained on S, Cl, Ar, K, found in" in result.stderr
    assert "the table of elements grew by 4" in result.stderr
    catalog = load_uae("narrow-own")
    assert {"Ar", "K"} <= set(catalog.symbols)
    assert catalog.manifest.model.hyperparameters["init_found"]["new_elements"] == ["S", "Cl", "Ar", "K"]
    assert any("was not trained on S, Cl, Ar, K" in limit for limit in catalog.manifest.limits)
    assert load_crystal_encoder("narrow-own").covers(read_structure_table(sample)).all()


def test_a_target_of_no_known_unit_is_told_without_one(sample: Path, toy: Path) -> None:
    table = pq.read_table(sample)
    pq.write_table(table.rename_columns(["mine" if name == ENERGY else name for name in table.column_names]), sample)
    result = build(sample, "--targets", "mine", epochs=1)
    assert result.exit_code == 0, result.output
    assert re.search(r"  mine: MAE [\d.e-]+ on 30 held-out structures", result.stdout)
    assert " unknown" not in result.output


def of_one_formula(path: Path) -> Path:
    crystals, _ = sample_crystals(1)
    pq.write_table(arrow_table(crystals * 20, **{ENERGY: pa.array(np.arange(20.0))}), path)
    return path


def of_few(path: Path) -> Path:
    return write_sample(path, 5)


def narrow(root: Path) -> Any:
    return write_encoder_catalog(root, replace(CONFIG, width=16, cutoff=4.0), name="narrow")


def of_formulas(root: Path) -> Any:
    return write_toy_encoder(root, name="formulas")


FAULTS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Path] | None, tuple[str, ...]]] = {
    "it has width 16 instead of 32, cutoff 4.0 instead of 5.0": (narrow, None, ()),
    "encodes formulas, not crystals": (of_formulas, None, ()),
    "carries no encoder: it is a table": (lambda root: "properties", None, ()),
    "carries no encoder of crystals: it was built before": (lambda root: "ct-multi@0.1.0", None, ()),
    'No catalog "nowhere"': (lambda root: "nowhere", None, ()),
    "does not start from a crystal network. Leave --init out": (lambda root: "toy", None, ("--recipe", "cromel-multi")),
    "1 distinct formula": (lambda root: "toy", of_one_formula, ("--targets", ENERGY)),
    "5 known values; at least 10 are needed": (lambda root: "toy", of_few, ()),
}


@pytest.mark.parametrize("message", FAULTS)
def test_what_cannot_go_on_is_named_and_nothing_is_written(
    message: str, toy: Path, sample: Path, tmp_path: Path
) -> None:
    init, data, options = FAULTS[message]
    name = init(user_root())
    there = sorted(user_root().glob("*/*"))
    result = build(data(tmp_path / "bad.parquet") if data else sample, *options, init=name)
    assert (result.exit_code, message in result.stderr) == (1, True), result.output
    assert result.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert sorted(user_root().glob("*/*")) == there


def test_a_way_of_tuning_needs_a_network(sample: Path) -> None:
    told = ["build", "--source", "table", "--path", str(sample), "--tune", "last"]
    result = CliRunner().invoke(main, told)
    assert (result.exit_code, "Give --init, or leave --tune out" in result.stderr) == (1, True)


def test_a_damaged_network_is_named(sample: Path, toy: Path) -> None:
    content = bytearray((toy / "encoder.safetensors").read_bytes())
    content[-1] ^= 1
    (toy / "encoder.safetensors").write_bytes(content)
    result = build(sample)
    assert (result.exit_code, "encoder.safetensors" in result.stderr) == (1, True)
    assert "Traceback" not in result.output


def test_folds_hold_every_row_out_once_a_round_and_no_formula_is_on_both_sides() -> None:
    formulas = [f"{SYMBOLS[k % 7]}O" for k in range(30)]
    folds = deal(formulas, n_folds=5, n_rounds=3, seed=4)
    assert len(folds) == 15
    for start in range(0, 15, 5):
        held_out = np.concatenate([fold.held_out for fold in folds[start : start + 5]])
        assert sorted(held_out) == list(range(30))
    for fold in folds:
        assert not {formulas[row] for row in fold.training_rows} & {formulas[row] for row in fold.held_out}
    turned = deal(formulas[::-1], n_folds=5, n_rounds=3, seed=4)
    assert [sorted(29 - fold.held_out) for fold in turned] == [sorted(fold.held_out) for fold in folds]
    assert len(deal(["A", "B", "A"], n_folds=5, n_rounds=1, seed=0)) == 2
    assert not np.array_equal(folds[0].held_out, folds[5].held_out)


def test_ridge_has_the_strength_that_leaving_one_out_finds_best() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(24, 6)) * np.array([1, 10, 0.1, 1, 1, 0])
    values = features @ np.array([1, 0.1, 5, 0, 0, 0]) + rng.normal(size=24) + 3
    labels = np.stack([values, np.full(24, np.nan)], axis=1)
    weights, biases = fit_ridge(features, labels)
    assert not weights[1].any()
    assert biases[1] == 0
    unit = (features - features.mean(0)) / np.where(features.std(0) > 0, features.std(0), np.inf)

    def fit(rows: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
        x, mean = unit[rows], values[rows].mean()
        center = x.mean(0)
        solved = np.linalg.solve(
            (x - center).T @ (x - center) + strength * np.eye(6), (x - center).T @ (values[rows] - mean)
        )
        return solved, mean - center @ solved

    def error(strength: float) -> float:
        left = [np.delete(np.arange(24), k) for k in range(24)]
        fits = [fit(rows, strength) for rows in left]
        return float(np.mean([abs(unit[k] @ w + b - values[k]) for k, (w, b) in enumerate(fits)]))

    best = min(STRENGTHS, key=error)
    expected, bias = fit(np.arange(24), best)
    np.testing.assert_allclose(features @ weights[0] + biases[0], unit @ expected + bias, atol=1e-8)


BROAD = replace(
    TINY, name="ct-broad", model=replace(CONFIG, readout="mean and cell"), keeps_schedule=True,
    training=TrainingConfig(epochs=2, validation_fraction=0.2),
)  # fmt: skip


def test_a_broad_recipe_goes_on_by_its_own_schedule(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = write_sample(tmp_path / "many.parquet", 80)
    monkeypatch.setitem(recipes.RECIPES, "ct-broad", BROAD)
    teacher = tmp_path / "teacher.parquet"
    embedded = ["embed", "--catalog", "toy", "--source", "table", "--path", str(sample), "-o", str(teacher)]
    assert CliRunner().invoke(main, embedded).exit_code == 0
    result = build(sample, "--teacher", teacher, "--name", "broad", recipe="ct-broad")
    assert result.exit_code == 0, result.output
    manifest = load_uae("broad").manifest
    stated = manifest.model.hyperparameters
    assert stated["init"]["name"] == "toy"
    assert stated["teachers_found"][0]["n_structures"] == 80
    assert "Began as toy 1.2.0. Taught by toy@1.2.0." in manifest.description
    assert "--init toy@1.2.0 --teacher" in manifest.command
    assert manifest.training.split.startswith("by reduced formula: 20% of the formulas held out")
    began, found = load_crystal_encoder("toy"), load_crystal_encoder("broad")
    assert (began.dim, found.dim, found.site_dim) == (CONFIG.width, CONFIG.width + 3, CONFIG.width)
    assert not np.array_equal(began.model.table.weight, found.model.table.weight)
    assert found.training is not None
    assert found.training.centers.shape[1] == found.dim
    assert CliRunner().invoke(main, ["verify", "broad"]).exit_code == 0
    refused = build(sample, "--tune", "last", recipe="ct-broad")
    assert (refused.exit_code, "moves all weights of --init" in refused.stderr) == (1, True)
