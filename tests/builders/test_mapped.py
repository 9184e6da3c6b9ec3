"""Structures in files are the same structures, whatever is read of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from builders.learning.material import prepare
from builders.methods import find_recipe
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.method import assemble
from builders.methods.crystal_transformer.resident import ResidentCrystals
from builders.progress import Reporter
from builders.snapshots.snapshot import Snapshot, read_by_part, read_structures, take_snapshot
from builders.sources import SourceOptions, find_source
from builders.structures.cleaning import EVERYTHING
from builders.structures.counts import count_structures
from builders.structures.equivalent import ReducedGraphs, reduced_neighbors
from builders.structures.formulas import reduced_formulas_of
from builders.structures.graphs import neighbor_graphs
from builders.structures.mapped import MappedGraphs, MappedTable, graphs_of
from builders.structures.table import StructureTable
from builders.structures.texts import Texts
from testing.crystals import Crystal, arrow_table, random_crystal

QUIET = Reporter(quiet=True)
RECIPE = find_recipe("ct-formation-energy").with_options(targets=("energy", "volume_per_atom"))


@cache
def some_crystals() -> tuple[Crystal, ...]:
    rng = np.random.default_rng(0)
    return tuple(random_crystal(rng, int(n)) for n in rng.integers(1, 7, 40))


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """Crystals of 1 to 6 atoms in parts of 7, one of them flat, some without a label, with names in any script."""
    crystals = list(some_crystals())
    lattice, numbers, coords = crystals[11]
    crystals[11] = lattice * np.array([[1.0], [1.0], [1e-9]]), numbers, coords
    energies = pa.array([None if k % 5 == 0 else np.sin(k) for k in range(40)], pa.float64())
    names = pa.array([f"Kristall-{k}-\N{GREEK SMALL LETTER ALPHA}" for k in range(40)])
    table = arrow_table(crystals, energy=energies, material_id=names, **{"a/b": pa.array(range(40))})
    pq.write_table(table, tmp_path / "t.parquet")
    monkeypatch.setattr("builders.sources.table.ROWS_PER_BATCH", 7)
    for module in ("table", "mapped"):
        monkeypatch.setattr(f"builders.structures.{module}.SITES_AT_ONCE", 20)
    monkeypatch.setattr("builders.structures.mapped.MOST_IN_MEMORY", 30)
    stream = find_source("table")(SourceOptions(tmp_path / "t.parquet"), EVERYTHING)
    return take_snapshot(tmp_path / "snapshot", "table", stream, EVERYTHING, QUIET)


def same(one: StructureTable, other: StructureTable) -> None:
    for field in fields(StructureTable):
        mine, its = getattr(one, field.name), getattr(other, field.name)
        if field.name == "properties":
            assert list(mine) == list(its)
            mine, its = np.array(list(mine.values())), np.array(list(its.values()))
        np.testing.assert_array_equal(mine, its)


def test_parts_are_the_whole(snapshot: Snapshot) -> None:
    parts, whole = list(read_by_part(snapshot)), read_structures(snapshot)
    assert len(snapshot.parts) == len(parts) == 6
    at = 0
    for part in parts:
        same(part, whole.take(np.arange(at, at + len(part))))
        at += len(part)
    assert at == len(whole)


@pytest.mark.parametrize("targets", [("energy", "volume_per_atom"), ("energy",), ()])
def test_a_build_learns_from_the_same_material_in_files_and_in_memory(
    targets: tuple[str, ...], snapshot: Snapshot, tmp_path: Path
) -> None:
    """With one target, crystals without a label are left out; without any named, the columns of the source are."""
    recipe = RECIPE.with_options(targets=targets)
    there, here = prepare(snapshot, recipe, QUIET, work=tmp_path), prepare(snapshot, recipe, QUIET)
    assert isinstance(there.table, MappedTable)
    assert isinstance(there.table.material_ids, Texts)
    assert isinstance(there.formulas, Texts), "an object for each crystal"
    same(there.table, here.table)
    assert (there.formulas, there.dropped, there.targets) == (here.formulas, here.dropped, here.targets)
    assert here.dropped["no_volume"] == 1
    assert ("no_target" in here.dropped) == (targets == ("energy",))
    np.testing.assert_array_equal(there.training_rows, here.training_rows)
    np.testing.assert_array_equal(there.labels, here.labels)
    same(there.trained_on, here.trained_on)
    np.testing.assert_array_equal(count_structures(there.trained_on), count_structures(here.trained_on))
    assert reduced_formulas_of(there.trained_on) == here.training_formulas
    assert not [path for path in (tmp_path / "packed").iterdir() if path.name.startswith(".")]


def test_batches_hold_the_same_bytes_from_files_and_from_memory(snapshot: Snapshot, tmp_path: Path) -> None:
    there, here = prepare(snapshot, RECIPE, QUIET, work=tmp_path), prepare(snapshot, RECIPE, QUIET)
    mapped, packed = (assemble(material, RECIPE, QUIET).task.crystals for material in (there, here))
    for rows in (np.array([3, 0, 17]), np.array([5]), np.arange(len(here.table))[::-1]):
        one, other = mapped.batch(rows), packed.batch(rows)
        for name in ("atomic_numbers", "counts", "pairs", "distances", "labels"):
            assert getattr(one, name).numpy().tobytes() == getattr(other, name).numpy().tobytes(), name
    alone = reduced_neighbors(here.table, RECIPE.model.cutoff, RECIPE.rounds)
    labels = np.zeros((len(here.table), 2))
    assert PackedCrystals(here.table, alone, labels).batch(rows).pairs.tolist() == one.pairs.tolist()


def test_batches_cut_where_a_gpu_would_cut_them_hold_the_same_bytes(snapshot: Snapshot, tmp_path: Path) -> None:
    recipe = replace(RECIPE, model=replace(RECIPE.model, readout="mean and cell"))
    for work in (tmp_path, None):
        packed = assemble(prepare(snapshot, recipe, QUIET, work=work), recipe, QUIET).task.crystals
        assert isinstance(packed.graphs, ReducedGraphs)
        resident = ResidentCrystals(packed, packed.graphs, torch.device("cpu"))
        for rows in (np.array([3, 0, 17]), np.array([5]), np.arange(len(packed))[::-1].copy()):
            one, other = resident.batch(rows), packed.batch(rows)
            for name, value in vars(other).items():
                assert getattr(one, name).dtype == value.dtype, name
                assert getattr(one, name).numpy().tobytes() == value.numpy().tobytes(), name


def test_neighbors_are_found_once_for_each_cutoff_and_selection(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[float] = []

    def counted(table: StructureTable, cutoff: float, **options: object) -> object:
        calls.append(cutoff)
        return neighbor_graphs(table, cutoff)

    monkeypatch.setattr("builders.structures.mapped.neighbor_graphs", counted)
    table = prepare(snapshot, RECIPE, QUIET, work=tmp_path).table

    def searched(find: Callable[[], object]) -> bool:
        calls.clear()
        assert isinstance(find(), MappedGraphs)
        return bool(calls)

    assert searched(lambda: graphs_of(table, 4.0, rounds=3))
    assert not searched(lambda: graphs_of(prepare(snapshot, RECIPE, QUIET, work=tmp_path).table, 4.0, rounds=3))
    assert searched(lambda: graphs_of(table, 4.5, rounds=3))
    assert searched(lambda: graphs_of(table, 4.0, rounds=None))
    assert searched(lambda: graphs_of(table.take(np.arange(1, 39)), 4.0, rounds=3))


def test_files_hold_crystals_of_like_size_together(snapshot: Snapshot, tmp_path: Path) -> None:
    table = prepare(snapshot, RECIPE, QUIET, work=tmp_path).table
    graphs = graphs_of(table, 4.0, rounds=3)
    assert isinstance(graphs, MappedGraphs)
    assert (np.diff(table.n_sites[np.argsort(graphs.places)]) >= 0).all()
