"""The benchmarks run end to end, measure what they say, and the README shows their results."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

from benchmarks import BENCHMARKS, crystals, load
from benchmarks.__main__ import main
from benchmarks.baseline import CrystalDataset, PlainTransformer
from benchmarks.measure import at_least, at_most, in_turn, process_usage
from benchmarks.table import render, render_all
from builders.learning.targets import DERIVED
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from embeddings.errors import InputInvalid
from testing.crystals import arrow_table, sample_crystals, structure_table
from testing.toys import write_toy

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toy called starter, a few crystals in place of both files, and a peer that nobody has."""
    write_toy(tmp_path / "catalogs", name="starter", version="99.0.0")
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    for path, recipe in (
        (tmp_path / "starter.parquet", "starter"),
        (tmp_path / crystals.MATERIALS_PROJECT, "ct-multi"),
    ):
        write_labelled(path, crystals.find_recipe(recipe).targets)
    monkeypatch.setattr(crystals, "STARTER_FILE", tmp_path / "starter.parquet")
    monkeypatch.setenv(crystals.DATA_ENV, str(tmp_path))
    monkeypatch.setattr(load, "PEERS", {"no-such-peer": "import no_such_peer"})
    return tmp_path


def write_labelled(path: Path, targets: tuple[str, ...], n: int = 80) -> None:
    sample, labels = sample_crystals(n)
    stated = [name for name in targets if name not in DERIVED]
    columns = {name: pa.array(labels["formation_energy_per_atom"]) for name in stated}
    pq.write_table(arrow_table(sample, **columns), path)


def results_of(name: str, folder: Path) -> dict[str, Any]:
    outcome = CliRunner().invoke(main, [name, "--quick", "--out", str(folder)], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    result = json.loads((folder / f"{name}.json").read_text())
    assert render(result) in outcome.output
    return result


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs_and_records_where(name: str, small_world: Path) -> None:
    result = results_of(name, small_world / "out")
    assert set(result) == {"name", "quick", "created", "environment", "title", "rows", "goals", "notes"}
    assert {"cpu", "n_cores", "load_average", "python", "packages"} <= set(result["environment"])
    assert (result["name"], result["quick"]) == (name, True)
    assert result["rows"]
    assert result["goals"]


def test_loading_is_compared_and_an_absent_peer_is_named(small_world: Path) -> None:
    rows = {row["case"]: row for row in results_of("load", small_world)["rows"]}
    assert rows["no-such-peer"]["version"] == "not installed"
    assert rows['load_uae("starter")']["median_s"] > 0
    assert rows["python, nothing more"]["peak_mb"] < rows["numpy + npz"]["peak_mb"]


def test_training_compares_both_geometries_with_the_baseline(small_world: Path) -> None:
    rows = results_of("training", small_world)["rows"]
    assert [row["case"] for row in rows] == ["periodic", "cartesian", "plain baseline"] * 2
    assert [row["ratio"] for row in rows if row["case"] == "plain baseline"] == [1, 1]
    assert all(row["lowest_per_s"] <= row["median_per_s"] <= row["highest_per_s"] for row in rows)


def test_graphs_agree_with_the_peer_and_packing_is_measured(small_world: Path) -> None:
    rows = results_of("graphs", small_world)["rows"]
    assert rows[0]["edges"] == rows[1]["edges"] > 0
    assert rows[-1]["peak_mb"] > 0


def test_absent_development_data_are_named(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(crystals.DATA_ENV)
    result = results_of("graphs", small_world)
    assert crystals.ABSENT in result["notes"]
    assert {row["data"] for row in result["rows"]} == {"starter"}


def test_the_memory_of_a_process_is_its_own() -> None:
    ballast = np.ones(200_000_000 // 8)
    assert process_usage([sys.executable, "-S", "-c", "pass"]).peak_mb < 100
    assert process_usage([sys.executable, "-S", "-c", "x = bytearray(200_000_000)"]).peak_mb > 200
    assert ballast.all()


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(ChildProcessError, match=r"code 1: (.|\n)*KeyError"):
        process_usage([sys.executable, "-c", "{}['x']"])


def test_cases_take_turns() -> None:
    order: list[str] = []
    in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b", "a", "b"]


def test_goals_are_met_on_their_own_side() -> None:
    assert [at_most("x", value, 2.0)["met"] for value in (1, 2, 3)] == [True, True, False]
    assert [at_least("x", value, 2.0)["met"] for value in (1, 2, 3)] == [False, True, True]


def test_the_baseline_sees_the_same_crystals() -> None:
    sample, _ = sample_crystals(6)
    table, labels, rows = structure_table(sample), np.arange(12.0).reshape(6, 2), np.array([4, 1, 2])
    ours = PackedCrystals(table, None, labels).batch(rows)
    dataset = CrystalDataset(table, labels, rows)
    atomic_numbers, coords, theirs = (
        torch.stack(part) for part in zip(*map(dataset.__getitem__, range(3)), strict=True)
    )
    torch.testing.assert_close(atomic_numbers, ours.atomic_numbers)
    torch.testing.assert_close(coords, ours.coords)
    torch.testing.assert_close(theirs, ours.labels)


def test_padding_does_not_reach_the_baseline() -> None:
    model = PlainTransformer(CrystalTransformerConfig(dim=8, width=8, depth=1, n_heads=2, feed_forward=8), 1).eval()
    atomic_numbers, coords = torch.tensor([[3, 9, 0, 0]]), torch.rand(1, 4, 3)
    torch.testing.assert_close(model(atomic_numbers, coords), model(atomic_numbers[:, :2], coords[:, :2]))


def test_quick_or_absent_results_are_not_published(tmp_path: Path, small_world: Path) -> None:
    with pytest.raises(InputInvalid, match="No results"):
        render_all(tmp_path / "nowhere")
    results_of("load", tmp_path)
    with pytest.raises(InputInvalid, match="load"):
        render_all(tmp_path)
