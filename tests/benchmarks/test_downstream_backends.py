"""The downstream benchmark: the split, the training, the tables, and whole runs with MEGNet and ALIGNN."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from benchmarks.__main__ import main
from benchmarks.downstream import comparison, record
from benchmarks.downstream.comparison import Comparison, compare, measure
from benchmarks.downstream.element_tables import (
    atom_init,
    catalog_rows,
    covers,
    one_hot,
    published,
    random_rows,
    standardized,
)
from benchmarks.downstream.features import AtomFeatures, SitesBesideElements
from benchmarks.downstream.fitting import Budget, fit
from benchmarks.downstream.oracle import notes, standardized_columns
from benchmarks.downstream.problem import Problem, Sizes, Split, pose, pose_on_others, split_unseen
from benchmarks.harness import Request
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.weights import encoder_bytes
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_uae
from embeddings.elements import SYMBOLS
from embeddings.errors import ColumnNotFound, InputInvalid, MissingExtra, TrainingError
from embeddings.formula import formula_digest
from embeddings.store.manifest import Spread
from embeddings.store.tables import write_catalog
from testing.crystals import sample_crystals, structure_table, write_labeled
from testing.toys import toy_catalog, toy_provenance, toy_table

LIGHT = {symbol: np.random.default_rng(z).normal(size=6) for z, symbol in enumerate(SYMBOLS[2:18])}
"""Vectors of the elements that the sample crystals are made of, Li to Ar."""

SEEN = ("LiBe", "BeB")


def write_light(
    root: Path, *, encoder: bool = False, version: str = "0.1.0", name: str = "light", seen: Sequence[str] = SEEN
) -> Path:
    """A catalog of the light elements, trained on two formulas, with an untrained encoder or none."""
    config = CrystalTransformerConfig(dim=6, width=8, depth=1, n_heads=2, feed_forward=8)
    provenance = toy_provenance(name=name, version=version)
    model = replace(provenance.model, name="crystal-transformer", hyperparameters={"model": asdict(config)})
    table = toy_table(LIGHT, training_formulas=formula_digest(seen))
    content = encoder_bytes(CrystalTransformer(config, n_targets=1)) if encoder else None
    return write_catalog(root, replace(provenance, model=model), table, encoder=content)


# The problem.


@given(st.lists(st.integers(0, 400), min_size=60, max_size=300), st.integers(0, 2**16))
def test_no_formula_is_on_two_sides_and_none_that_was_seen_is_tested(numbers: list[int], seed: int) -> None:
    formulas = np.array([f"F{number}" for number in numbers])
    known = np.random.default_rng(seed).random(401) < 0.3
    seen = known[numbers]
    sizes = Sizes(training=30, validation=5, test=8)
    if (~seen).sum() <= 13 or len(set(formulas[~seen])) < 10:
        with pytest.raises(InputInvalid, match="need more"):
            split_unseen(formulas, seen, sizes)
        return
    split = split_unseen(formulas, seen, sizes)
    parts = [split.training, split.validation, split.test]
    assert [len(part) <= limit for part, limit in zip(parts, (30, 5, 8), strict=True)] == [True] * 3
    assert all(len(np.unique(part)) == len(part) > 0 for part in parts)
    distinct = [set(formulas[part]) for part in parts]
    assert len(set.union(*distinct)) == sum(map(len, distinct))
    assert not seen[np.concatenate(parts[1:])].any()


def sample_table(n: int = 120) -> StructureTable:
    crystals, labels = sample_crystals(n)
    return structure_table(crystals, energy=labels["formation_energy_per_atom"], gap=labels["band_gap"])


def everything() -> np.ndarray:
    return np.ones(119, dtype=bool)


def test_a_problem_has_the_crystals_of_its_split_and_counts_the_others() -> None:
    table, catalog = sample_table(), toy_catalog()
    elements = everything()
    elements[3] = False
    problem = pose(table, "gap", catalog, Sizes(20, 6, 8), elements=elements, max_sites=4)
    assert np.isfinite(problem.values).all()
    assert 3 not in problem.table.atomic_numbers
    assert problem.table.n_sites.max() <= 4
    assert set(problem.dropped) == {"no_target", "too_many_sites", "element_without_a_vector"}
    split = problem.split
    np.testing.assert_array_equal(
        np.concatenate([split.training, split.validation, split.test]), np.arange(len(problem.table))
    )
    np.testing.assert_array_equal(problem.values, problem.table.properties["gap"])


def test_formulas_that_the_catalog_was_trained_on_are_not_tested() -> None:
    table = sample_table()
    formulas = sorted(set(reduced_formulas_of(table)))
    catalog = SimpleNamespace(overlap=lambda asked: [formula for formula in asked if formula in formulas[:20]])
    problem = pose(table, "energy", catalog, Sizes(200, 10, 15), elements=everything())
    tested = reduced_formulas_of(problem.table.take(np.concatenate([problem.split.test, problem.split.validation])))
    assert problem.overlap == 0
    assert not set(tested) & set(formulas[:20])
    assert set(formulas[:20]) <= set(reduced_formulas_of(problem.table.take(problem.split.training)))


def test_an_overlap_is_an_error() -> None:
    answers = iter([[], ["LiBe"]])
    catalog = SimpleNamespace(overlap=lambda asked: next(answers))
    with pytest.raises(InputInvalid, match="1 of the test formulas"):
        pose(sample_table(), "energy", catalog, Sizes(20, 6, 8), elements=everything())


def test_a_problem_on_others_has_no_formula_of_the_first_but_its_tested_crystals() -> None:
    table = sample_table(300)
    first = pose(table, "energy", toy_catalog(), Sizes(40, 10, 15), elements=everything(), max_sites=4)
    others = pose_on_others(table, "gap", first, n_validation=12, elements=everything(), max_sites=4)
    learned = others.table.take(np.concatenate([others.split.training, others.split.validation]))
    assert not set(reduced_formulas_of(learned)) & set(reduced_formulas_of(first.table))
    assert 0 < len(others.split.validation) <= 12
    assert len(others.split.training) > 12
    tested = [set(one.table.material_ids[one.split.test].tolist()) for one in (first, others)]
    assert tested[1] == tested[0] - set(table.material_ids[np.isnan(table.properties["gap"])].tolist())
    np.testing.assert_array_equal(others.values, others.table.properties["gap"])
    few = pose_on_others(table, "gap", first, n_validation=12, elements=everything(), max_sites=4, n_training=20)
    assert len(few.split.training) == 20


def test_nothing_is_learned_on_others_where_there_are_none() -> None:
    table = sample_table()
    first = pose(table, "energy", toy_catalog(), Sizes(10_000, 10, 15), elements=everything())
    with pytest.raises(InputInvalid, match="other formulas"):
        pose_on_others(table, "energy", first, n_validation=5, elements=everything())


def test_a_property_that_is_not_there_is_named() -> None:
    with pytest.raises(ColumnNotFound, match=r'"hardness".*energy, gap'):
        pose(sample_table(), "hardness", toy_catalog(), Sizes(20, 6, 8), elements=everything())


# The training.


class Pooled:
    """The simplest back end: the mean of the rows of a crystal's atoms, and a linear layer."""

    name = "pooled"

    def __init__(self, table: StructureTable) -> None:
        self.table = table

    def network(self, features: AtomFeatures) -> nn.Module:
        return PooledNetwork(features)

    def batch(self, rows: np.ndarray, *, per_site: bool) -> list[Tensor]:
        atoms = [np.arange(*self.table.offsets[row : row + 2]) for row in rows]
        return [torch.from_numpy(a if per_site else self.table.atomic_numbers[a].astype(np.int64)) for a in atoms]


class PooledNetwork(nn.Module):
    def __init__(self, features: AtomFeatures) -> None:
        super().__init__()
        self.features, self.out = features.layer(), nn.Linear(features.dim, 1)

    def forward(self, batch: list[Tensor]) -> Tensor:
        return self.out(torch.stack([self.features(nodes).mean(0) for nodes in batch]))[:, 0]


def linear_problem() -> Problem:
    """Values that are linear in the fractions of the elements."""
    table = sample_table(200)
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    values = np.bincount(crystal_of_atom, np.sin(table.atomic_numbers)) / table.n_sites
    split = Split(np.arange(100), np.arange(100, 130), np.arange(130, 200))
    return Problem(table, "energy", values, split, {}, 0)


SHORT = Budget(epochs=40, batch_size=16, learning_rates=(3e-2,), seeds=(0, 1))
HOT = AtomFeatures("one-hot", np.nan_to_num(one_hot()))


def test_what_is_linear_in_the_elements_is_learned() -> None:
    problem = linear_problem()
    result = fit(Pooled(problem.table), HOT, problem, SHORT, learning_rate=3e-2, seed=0)
    assert result["mae"] < 0.2 * result["baseline_mae"]
    assert result["r2"] > 0.9
    assert 20 < result["epoch"] <= 40


def test_test_values_bear_on_nothing_but_the_test_error() -> None:
    problem = linear_problem()
    values = problem.values.copy()
    values[problem.split.test] += 100
    other = replace(problem, values=values)
    first, second = (fit(Pooled(p.table), HOT, p, SHORT, learning_rate=3e-2, seed=0) for p in (problem, other))
    assert (first["validation_mae"], first["epoch"]) == (second["validation_mae"], second["epoch"])
    assert second["mae"] > 90


def test_the_same_seed_gives_the_same_result_and_leaves_the_callers_generator_alone() -> None:
    problem = linear_problem()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    errors = [
        fit(Pooled(problem.table), HOT, problem, SHORT, learning_rate=1e-2, seed=seed)["mae"] for seed in (3, 3, 4)
    ]
    assert errors[0] == errors[1] != errors[2]
    torch.testing.assert_close(torch.get_rng_state(), before)


@pytest.mark.parametrize("trainable", [False, True])
def test_a_frozen_table_stays_and_a_fine_tuned_one_moves(trainable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, client = linear_problem(), Pooled(linear_problem().table)
    features = replace(HOT, trainable=trainable)
    network = client.network(features)
    monkeypatch.setattr(client, "network", lambda _: network)
    fit(client, features, problem, SHORT, learning_rate=1e-2, seed=0)
    assert np.array_equal(network.features.weight.detach(), HOT.rows) != trainable


def test_a_loss_that_is_no_number_is_an_error() -> None:
    problem = linear_problem()
    features = AtomFeatures("holes", np.full((119, 4), np.nan, dtype=np.float32))
    with pytest.raises(TrainingError, match="pooled with holes"):
        fit(Pooled(problem.table), features, problem, SHORT, learning_rate=1e-2, seed=0)


def test_the_learning_rate_is_chosen_by_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fake(*_: Any, learning_rate: float, seed: int) -> dict[str, float]:
        asked.append((learning_rate, seed))
        return {"mae": -learning_rate, "validation_mae": abs(learning_rate - 0.2)}

    monkeypatch.setattr(comparison, "fit", fake)
    problem = linear_problem()
    budget = Budget(epochs=1, batch_size=8, learning_rates=(0.1, 0.2, 0.3), spreads=(), seeds=(7, 8, 9))
    rows = measure(Pooled(problem.table), HOT, problem, budget)
    assert asked == [(0.1, 7), (0.2, 7), (0.3, 7), (0.2, 8), (0.2, 9)]
    assert [(row["seed"], row["learning_rate"], row["n_train"]) for row in rows] == [(s, 0.2, 100) for s in (7, 8, 9)]


def test_the_spread_is_chosen_by_validation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fake(_: Any, features: AtomFeatures, *__: Any, seed: int, **___: Any) -> dict[str, float]:
        asked.append((round(features.spread, 3), seed))
        return {"mae": 1.0, "validation_mae": abs(features.spread - 0.5)}

    monkeypatch.setattr(comparison, "fit", fake)
    features = AtomFeatures("halves", np.random.default_rng(0).normal(size=(119, 4)).astype(np.float32) * 3)
    problem = linear_problem()
    budget = Budget(epochs=1, batch_size=8, spreads=(0.4, 2.9), seeds=(7, 8))
    rows = measure(Pooled(problem.table), features, problem, budget)
    own = round(features.spread, 3)
    assert asked == [(own, 7), (0.4, 7), (0.4, 8)]  # 2.9 is as good as its own
    assert {row["spread"] for row in rows} == {0.4}


# The tables.


def test_rows_are_by_atomic_number_and_the_rest_is_no_number() -> None:
    catalog = toy_catalog()
    rows = catalog_rows(catalog)
    assert (rows.shape, rows.dtype) == ((119, 2), np.float32)
    np.testing.assert_array_equal(rows[26], catalog["Fe"])
    np.testing.assert_array_equal(np.flatnonzero(covers(rows)), catalog.atomic_numbers)
    for table, dim in ((one_hot(), 118), (random_rows(7), 7)):
        assert table.shape == (119, dim)
        np.testing.assert_array_equal(np.flatnonzero(covers(table)), np.arange(1, 119))
    np.testing.assert_array_equal(random_rows(7), random_rows(7))


def test_standardizing_leaves_out_what_is_not_there() -> None:
    rows = standardized(np.array([[np.nan, np.nan], [1.0, 4.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(rows, [[np.nan, np.nan], [-1, 0], [1, 0]])


@pytest.mark.skipif(
    find_spec("elementembeddings") is None, reason="no ElementEmbeddings: pip install ElementEmbeddings"
)
def test_published_tables_are_those_of_the_peer() -> None:
    from elementembeddings.core import Embedding

    rows, peer = published("megnet16"), Embedding.load_data("megnet16").embeddings
    assert rows is not None
    assert covers(rows).sum() == len(peer)
    theirs = np.array([peer[symbol] for symbol in SYMBOLS if symbol in peer])
    ours = rows[covers(rows)]
    assert [np.corrcoef(ours[:, k], theirs[:, k])[0, 1] for k in range(16)] == pytest.approx([1] * 16)
    with pytest.raises(InputInvalid, match='"megnet17"'):
        published("megnet17")


@pytest.mark.skipif(find_spec("jarvis") is None, reason="pip install jarvis-tools")
def test_the_atom_features_of_cgcnn_are_those_that_jarvis_looks_up() -> None:
    from jarvis.core.specie import get_node_attributes

    rows = atom_init()
    assert rows is not None
    assert rows.shape == (119, 92)
    np.testing.assert_array_equal(rows[26], get_node_attributes("Fe", "cgcnn"))
    assert covers(rows).sum() == 100


def test_a_table_whose_package_is_absent_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elementembeddings.core", None)
    monkeypatch.setattr("benchmarks.downstream.element_tables.find_spec", lambda name: None)
    assert published("magpie") is None
    assert atom_init() is None


# Whole comparisons.


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_light(tmp_path / "catalogs")
    write_labeled(tmp_path / "crystals.parquet", ["energy"], n=150)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    return tmp_path


def quick(data: Path, known: Any = None) -> Request:
    return Request(True, data, known)


def careful(data: Path) -> Request:
    return Request(False, data)


POOLED = Comparison(
    make_client=Pooled,
    tables=lambda: {"one-hot": one_hot(), "absent": None},
    file_name="crystals.parquet",
    target="energy",
    sizes=Sizes(60, 20, 20),
    budget=Budget(epochs=3, batch_size=16, seeds=(0, 1)),
    learned_dim=4,
)


def test_every_kind_of_features_is_measured_and_what_is_missing_is_said(world: Path) -> None:
    result = json.loads(json.dumps(compare(POOLED, careful(world), catalog="light", epochs=2, n_training=50)))
    kinds = ["learned table", "one-hot", "light frozen", "light fine-tuned"]
    assert [row["features"] for row in result["rows"]] == [kind for kind in kinds for _ in range(2)]
    assert {"back_end", "target", "features", "n_train", "seed", "mae"} <= set(result["rows"][0])
    assert result["settings"]["n_training"] == 50
    assert result["settings"]["budget"]["epochs"] == 2
    assert result["settings"]["overlap"] == 0
    assert result["catalogs"] == ["light@0.1.0"]
    assert [note.split(":")[0] for note in result["notes"]] == ["absent", "Site vectors"]


def test_an_encoder_adds_site_vectors(world: Path) -> None:
    folder = write_light(world / "with", encoder=True)
    kinds = ["light sites", "light sites and elements", "light sites and fine-tuned elements"]
    result = compare(POOLED, quick(world), catalog=str(folder), only=kinds)
    assert [row["features"] for row in result["rows"]] == kinds
    assert len({row["mae"] for row in result["rows"] if np.isfinite(row["mae"])}) == 3


def test_the_sites_of_other_catalogs_are_measured_on_what_none_of_them_has_seen(world: Path) -> None:
    table = read_structure_table(world / "crystals.parquet")
    formulas = sorted(set(reduced_formulas_of(table)))
    folder = write_light(world / "with", encoder=True)
    other = write_light(world / "other", encoder=True, name="other", seen=formulas[: len(formulas) // 3])
    request = quick(world)
    result = compare(POOLED, request, catalog=str(folder), beside=[str(other)], only=["one-hot", "other sites"])
    assert [row["features"] for row in result["rows"]] == ["one-hot", "other sites"]
    assert result["catalogs"] == ["light@0.1.0", "other@0.1.0"]
    alone = compare(POOLED, request, catalog=str(folder), only=["one-hot"])
    assert alone["settings"]["problem"] != result["settings"]["problem"]
    with pytest.raises(InputInvalid, match="No features called other frozen"):
        compare(POOLED, request, catalog=str(folder), beside=[str(other)], only=["other frozen"])
    write_light(world / "all", encoder=True, name="all", seen=formulas)
    with pytest.raises(InputInvalid, match="need more"):
        compare(POOLED, request, catalog=str(folder), beside=[str(world / "all" / "all" / "0.1.0")])


def test_beside_sites_the_elements_alone_are_learned() -> None:
    rng, numbers = np.random.default_rng(0), np.array([3, 4, 3])
    sites, elements = rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=(119, 2)).astype(np.float32)
    features = SitesBesideElements("both", sites, elements=elements, atomic_numbers=numbers).scaled(0.25)
    together = np.hstack([sites, elements[numbers]])
    layer, atoms = features.layer(), torch.tensor([2, 0])
    rows = layer(atoms)
    assert (features.dim, features.spread) == (7, pytest.approx(0.25))
    np.testing.assert_allclose(rows.detach(), together[[2, 0]] * (0.25 / together.std()), rtol=1e-5)
    rows.square().sum().backward()
    moved = {name for name, weight in layer.named_parameters() if weight.grad is not None}
    assert moved == {"elements.weight"}
    touched = layer.get_parameter("elements.weight").grad.abs().sum(dim=1).nonzero().ravel().tolist()
    assert touched == [3]


def test_what_is_known_is_not_measured_again_unless_the_catalog_has_a_new_version(world: Path) -> None:
    def rows_and_catalogs(catalog: str, known: Any, *only: str) -> tuple[list[tuple[str, float]], list[str]]:
        result = compare(POOLED, quick(world, known), catalog=catalog, only=only)
        return [(row["features"], row["mae"]) for row in result["rows"]], result["catalogs"]

    first = compare(POOLED, quick(world), catalog="light", only=("one-hot", "light frozen"))
    for row in first["rows"]:
        row["mae"] = -1.0
    again, _ = rows_and_catalogs("light", first, "one-hot", "light frozen", "light fine-tuned")
    assert again[:2] == [("one-hot", -1.0), ("light frozen", -1.0)]
    assert again[2][0] == "light fine-tuned"
    newer = write_light(world / "newer", version="0.2.0")
    rows, catalogs = rows_and_catalogs(str(newer), first, "one-hot", "light frozen")
    assert rows[0] == ("one-hot", -1.0)
    assert rows[1][1] > 0
    assert catalogs == ["light@0.2.0"]
    with pytest.raises(InputInvalid, match=r"other settings \(budget\).*--again"):
        compare(POOLED, quick(world, first), catalog="light", epochs=3)


def test_results_go_into_the_manifest_of_the_version_that_they_were_measured_with(world: Path) -> None:
    only = ("one-hot", "light frozen", "light fine-tuned")
    result = compare(POOLED, careful(world), catalog="light", epochs=2, only=only)
    (world / "cgcnn-ef-1000.json").write_text(json.dumps({"name": "cgcnn-ef-1000"} | result))
    folder = world / "catalogs" / "light" / "0.1.0"
    before, vectors = load_uae("light"), (folder / "vectors.npy").read_bytes()
    outcome = CliRunner().invoke(record.main, [str(folder), "--results", str(world)], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    after = load_uae("light")
    assert after.manifest.model == before.manifest.model
    assert after.manifest.training == before.manifest.training
    assert (folder / "vectors.npy").read_bytes() == vectors
    found = after.manifest.downstream["cgcnn-ef-1000/energy"]
    errors = [row["mae"] for row in result["rows"] if row["features"] == "light frozen"]
    assert found.with_vectors["frozen"] == Spread(mean=np.mean(errors), std=np.std(errors, ddof=1))
    assert (found.own_features, found.n_seeds, set(found.with_vectors)) == ("one-hot", 2, {"frozen", "fine-tuned"})
    assert "| energy | 60 | one-hot, its own |" in (folder / "CARD.md").read_text()
    newer = write_light(world / "newer", version="0.2.0")
    outcome = CliRunner().invoke(record.main, [str(newer), "--results", str(world)])
    assert outcome.exit_code == 1
    assert "measured with light@0.2.0" in outcome.output


def test_unknown_features_and_absent_crystals_are_named(world: Path) -> None:
    with pytest.raises(InputInvalid, match=r"called twohot.*one-hot.*light frozen"):
        compare(POOLED, quick(world), catalog="light", only=("twohot",))
    arguments = ["downstream", "cgcnn-ef-1000", "--quick", "--catalog", "light", "--data", str(world)]
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 1
    assert "No file at" in outcome.output


# Oracles.


@pytest.fixture
def light_crystals(world: Path) -> Path:
    write_labeled(world / "mp_structures.parquet", ["formation_energy_per_atom", "band_gap"], n=300)
    return world


def run_oracles(data: Path, *options: str) -> dict[str, Any]:
    arguments = ["downstream", "cgcnn-oracle", "--quick", "--catalog", "light", "--data", str(data), "--out", str(data)]
    outcome = CliRunner().invoke(main, [*arguments, *options], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return json.loads((data / "cgcnn-oracle.json").read_text())


def test_oracles_are_measured_beside_the_catalog_and_what_is_known_stays(light_crystals: Path) -> None:
    kinds = ["random", "light frozen", "oracle of 8 networks"]
    first = run_oracles(light_crystals, *[part for kind in kinds for part in ("--only", kind)])
    assert [row["features"] for row in first["rows"]] == kinds
    (learned,) = first["oracles"]
    assert (learned["name"], learned["n_networks"], learned["absent_elements"]) == (kinds[-1], 2, [])
    assert learned["baseline_mae"] > 0
    assert first["notes"][0] == "Measured with light@0.1.0."
    assert "structures of other formulas" in first["notes"][1]
    second = run_oracles(light_crystals, "--only", "oracle, standardized")
    assert [row["features"] for row in second["rows"]] == [*kinds, "oracle, standardized"]
    assert [row for row in second["rows"] if row["features"] in kinds] == first["rows"]
    assert [one["name"] for one in second["oracles"]] == [kinds[-1], "oracle"]
    refused = CliRunner().invoke(main, ["cgcnn-oracle", "--quick", "--only", "delphi", "--data", str(light_crystals)])
    assert refused.exit_code == 1
    assert "called delphi" in refused.output


def test_the_columns_of_an_oracle_are_standardized_over_the_elements_that_it_knows() -> None:
    rows = np.zeros((119, 3), dtype=np.float32)
    rows[3:9] = np.random.default_rng(0).normal(2, 5, size=(6, 3))
    made = standardized_columns(AtomFeatures("oracle", rows))
    assert made.name == "oracle, standardized"
    np.testing.assert_allclose(made.rows[3:9].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made.rows[3:9].std(axis=0), 1, rtol=1e-5)
    assert not made.rows[[0, 1, 2, *range(9, 119)]].any()


def test_the_share_of_a_catalog_is_that_of_the_best_oracle() -> None:
    errors = {"atom_init": 1.0, "light frozen": 0.9, "oracle": 0.8, "oracle of 8 networks": 0.75}
    rows = [{"features": name, "n_train": 1_000, "mae": mae} for name, mae in errors.items()]
    assert notes({"oracles": [], "rows": rows}, "light frozen") == [
        "1,000 structures: light frozen has 40% of the gain of the best oracle, oracle of 8 networks."
    ]
    assert notes({"oracles": [], "rows": rows[:2]}, "light frozen") == []


CLIENTS = ["megnet", "alignn"]


def client_module(name: str) -> Any:
    return pytest.importorskip(
        f"benchmarks.downstream.{name}",
        reason=f"no {name}: pip install '.[backends]'",
        exc_type=ImportError,
    )


@pytest.mark.parametrize(("name", "case"), [("megnet", "megnet-perovskites"), ("alignn", "alignn-ef-5000")])
def test_the_benchmark_runs_from_the_command_line(name: str, case: str, world: Path) -> None:
    made = client_module(name).COMPARISON
    write_labeled(world / made.file_name, [made.target], n=150)
    folder = write_light(world / "with", encoder=True)
    chosen = ["--only", "light fine-tuned", "--only", "light sites", "--seeds", "0,1"]
    outcome = CliRunner().invoke(
        main,
        ["downstream", case, "--quick", "--catalog", str(folder), "--data", str(world), *chosen, "--out", str(world)],
        catch_exceptions=False,
    )
    assert outcome.exit_code == 0, outcome.output
    rows = json.loads((world / f"{case}.json").read_text())["rows"]
    assert [(row["features"], row["seed"]) for row in rows] == [
        (kind, seed) for kind in ("light fine-tuned", "light sites") for seed in (0, 1)
    ]
    assert {row["back_end"].lower() for row in rows} == {name}
    assert "| light fine-tuned |" in outcome.output


def values_of(network: nn.Module, client: Any, rows: list[int], *, per_site: bool) -> Tensor:
    with torch.inference_mode():
        return network.eval()(client.batch(np.array(rows), per_site=per_site))


@pytest.fixture(params=[("megnet", "Megnet"), ("alignn", "Alignn")], ids=["megnet", "alignn"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Six crystals in the form of a real client."""
    module, name = request.param
    table = read_structure_table(write_labeled(tmp_path / "crystals.parquet", ["energy"], n=6))
    made = getattr(client_module(module), name)(table)
    made.table = table
    return made


def test_a_batch_gives_what_each_crystal_gives_alone(client: Any) -> None:
    vectors = np.random.default_rng(0).normal(size=(len(client.table.atomic_numbers), 5)).astype(np.float32)
    network = client.network(AtomFeatures("sites", vectors, per_site=True))
    together = values_of(network, client, [4, 1, 5], per_site=True)
    alone = [values_of(network, client, [row], per_site=True) for row in (4, 1, 5)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-4)
    assert together.std() > 0


def test_sites_that_carry_the_rows_of_their_elements_give_what_the_elements_give(client: Any) -> None:
    rows = random_rows(5)
    by_element = client.network(AtomFeatures("elements", rows))
    by_site = client.network(AtomFeatures("sites", rows[client.table.atomic_numbers], per_site=True))
    own = {name: value for name, value in by_element.state_dict().items() if value.shape != rows.shape}
    by_site.load_state_dict(own, strict=False)
    torch.testing.assert_close(
        values_of(by_site, client, [0, 3, 5], per_site=True), values_of(by_element, client, [0, 3, 5], per_site=False)
    )


@pytest.mark.parametrize(("name", "package"), [("megnet", "matgl.models"), ("alignn", "jarvis.core.atoms")])
def test_an_absent_client_says_how_to_install_it(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"benchmarks.downstream.{name}", raising=False)
    with pytest.raises(MissingExtra, match=r"\[backends\]"):
        importlib.import_module(f"benchmarks.downstream.{name}")
