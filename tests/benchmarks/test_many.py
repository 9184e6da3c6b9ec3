"""Tables of many structures, and what is predicted of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from benchmarks import copies as module
from benchmarks.copies import copies, write_copies
from benchmarks.many import FEW, Stage, predict, rounded, table_of
from builders.sources.starter import STARTER_FILE
from builders.structures.cleaning import clean
from builders.structures.table import StructureTable, read_structure_table, structures_from_arrow


@pytest.fixture(scope="module")
def few() -> StructureTable:
    return read_structure_table(STARTER_FILE).take(np.arange(50))


def test_copies_are_other_crystals_of_other_names(few: StructureTable) -> None:
    made = structures_from_arrow(copies(few, 0, 200), origin="made")
    assert len(set(made.material_ids)) == 200
    np.testing.assert_array_equal(made.lattices[:50], few.lattices)
    np.testing.assert_array_equal(made.atomic_numbers[: len(few.atomic_numbers)], few.atomic_numbers)
    assert len(np.unique(made.lattices.reshape(200, 9), axis=0)) == 200
    assert made.n_sites.tolist() == few.n_sites.tolist() * 4
    assert (made.atomic_numbers[len(few.atomic_numbers) :] != np.tile(few.atomic_numbers, 3)).mean() > 0.5
    assert len(clean(made)[0]) > 190


def test_a_longer_table_begins_with_a_shorter_one(few: StructureTable) -> None:
    assert copies(few, 30, 130).slice(20, 10).equals(copies(few, 50, 60))
    assert not copies(few, 50, 60, seed=1).equals(copies(few, 50, 60))


def test_files_hold_the_rows_in_order(few: StructureTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_PER_FILE", 40)
    monkeypatch.setattr(module, "ROWS_PER_GROUP", 30)
    write_copies(tmp_path / "many", few, 100)
    assert len(list((tmp_path / "many").iterdir())) == 3
    assert ds.dataset(tmp_path / "many").to_table().equals(copies(few, 0, 100))


def test_fewer_bits_change_cosines_little() -> None:
    half, byte = rounded(np.random.default_rng(0).normal(size=(200, 32)).astype(np.float32))
    assert (half["dtype"], byte["dtype"]) == ("float16", "int8")
    assert half["least cosine with itself"] > 0.999999 > byte["least cosine with itself"] > 0.999
    assert half["largest error of a neighbor's cosine"] < 1e-3 < byte["largest error of a neighbor's cosine"] < 2e-2
    assert half["same among 10 neighbors"] > byte["same among 10 neighbors"] > 0.9


def test_a_start_is_paid_once() -> None:
    stage = Stage("embed", 100_000, seconds=110.0, start_s=11.0, cpu_s=100.0, cpu_start_s=10.0, peak_mb=500.0, mb=50.0)
    more = predict(stage, 1_000_000)
    assert more.seconds == pytest.approx(11 + (1_000_000 - FEW) / 1000)
    assert more.cpu_s == pytest.approx(10 + (1_000_000 - FEW) / 1100)
    assert (more.mb, more.peak_mb) == (500.0, 500.0)
    assert "+10.0%" in table_of([replace(more, cpu_s=more.cpu_s * 1.1)], [more])
