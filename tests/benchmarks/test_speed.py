"""The benchmarks of speed run end to end and measure what they say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import data
from benchmarks.__main__ import main
from benchmarks.harness import Document
from benchmarks.measure import Usage
from benchmarks.speed import SUITE, embed, graphs, load, pull, threads
from benchmarks.speed.baseline import CrystalDataset, PlainTransformer
from benchmarks.speed.tables import table
from builders.learning.targets import DERIVED
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from testing.crystals import sample_crystals, structure_table, write_labeled
from testing.processes import run_forked
from testing.toys import write_toy

Measure = Callable[..., Document]
"""Name of a benchmark, whether the development data are there -> its result in quick mode."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measure:
    """Runs a benchmark once, with a toy called starter, few crystals in both files, and a peer that nobody has."""
    world, known = tmp_path_factory.mktemp("world"), dict[tuple[str, bool], Document]()
    write_toy(world / "catalogs", name="starter", version="99.0.0")
    for path, recipe in ((world / "starter.parquet", "starter"), (world / data.MATERIALS_PROJECT, "ct-multi")):
        write_labeled(path, set(data.crystal_recipe(recipe).targets) - set(DERIVED), n=80)

    def measured(name: str, *, with_data: bool = True) -> Document:
        if (name, with_data) not in known:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("EMBEDDINGS_CATALOGS", str(world / "catalogs"))
                patch.setattr(data, "STARTER_FILE", world / "starter.parquet")
                patch.setenv(data.DATA_ENV, str(world if with_data else world / "catalogs"))
                patch.setattr(load, "PEERS", {"no-such-peer": "import no_such_peer"})
                for module in (embed, graphs, pull):  # they run many processes with slow imports
                    patch.setattr(module, "process_usage", forked_usage)
                patch.setattr(threads, "N_CRYSTALS", 60)
                patch.setattr(threads, "steps_in_a_process", lambda setting, seconds: threads.count_steps(seconds))
                known[name, with_data] = result_of(name, world / "out")
        return known[name, with_data]

    return measured


def forked_usage(command: Sequence[str]) -> Usage:
    """Stands in for `process_usage`, which other benchmarks use as it is."""
    _, _, code, *arguments = command
    started = time.perf_counter()
    run_forked(code, arguments)
    return Usage(time.perf_counter() - started, peak_mb=1)


def result_of(name: str, folder: Path) -> Document:
    outcome = CliRunner().invoke(main, [name, "--quick", "--out", str(folder)], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    result = json.loads((folder / f"{name}.json").read_text())
    assert table(result) in outcome.output
    return result


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITE.names)
def test_every_benchmark_runs_and_has_goals(name: str, measured: Measure) -> None:
    result = measured(name)
    assert set(result) == {"name", "quick", "created", "environment", "title", "rows", "goals", "notes"}
    assert (result["name"], result["quick"]) == (name, True)
    assert result["rows"]
    assert result["goals"]


def test_loading_is_compared_and_an_absent_peer_is_named(measured: Measure) -> None:
    rows = {row["case"]: row for row in measured("load")["rows"]}
    assert rows["no-such-peer"]["version"] == "not installed"
    assert rows['load_uae("starter")']["median_s"] > 0
    assert rows["python, nothing more"]["peak_mb"] < rows["numpy + npz"]["peak_mb"]


def test_training_compares_both_geometries_with_the_baseline(measured: Measure) -> None:
    rows = measured("training")["rows"]
    assert [row["case"] for row in rows] == ["periodic", "cartesian", "plain baseline"] * 2
    assert [row["ratio"] for row in rows if row["case"] == "plain baseline"] == [1, 1]
    assert all(row["lowest_per_s"] <= row["median_per_s"] <= row["highest_per_s"] for row in rows)


def test_graphs_agree_with_the_peer_and_packing_is_measured(measured: Measure) -> None:
    rows = measured("graphs")["rows"]
    assert rows[0]["edges"] == rows[1]["edges"] > 0
    packed = [row for row in rows if row["case"].startswith("packing")]
    assert [row["crystals"] for row in packed] == [40, 80, 120]  # the file has 80
    assert all(row["peak_mb"] > 0 for row in packed)


def test_absent_development_data_are_named(measured: Measure) -> None:
    result = measured("graphs", with_data=False)
    assert data.ABSENT in result["notes"]
    assert {row["data"] for row in result["rows"]} == {"starter"}


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
