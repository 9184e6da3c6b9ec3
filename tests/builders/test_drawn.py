"""Crystals that a potential looks at before it teaches: drawn by a seed, in their order, none of them large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from testing.crystals import arrow_table, random_crystal, rocksalt, supercell
from tools.drawn import main

LARGE = 2
"""The row of a crystal of more atoms than are drawn."""


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    crystals = [random_crystal(rng) for _ in range(12)]
    crystals[LARGE] = supercell(rocksalt(11, 17, 5.6), (2, 2, 2))
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for path in paths:
        pq.write_table(arrow_table(crystals, band_gap=[0.0] * 12), path)
    return paths


def drawn(tmp_path: Path, *arguments: object) -> pa.Table:
    out = tmp_path / "drawn.parquet"
    result = CliRunner().invoke(main, [*map(str, arguments), "-o", str(out)])
    assert result.exit_code == 0, result.output
    return pq.read_table(out)


def test_tables_follow_each_other_without_labels_and_without_what_is_large(tables: list[Path], tmp_path: Path) -> None:
    one, two = tables
    table = drawn(tmp_path, two, f"{one}:5")
    assert len(table) == 11 + 5
    assert "band_gap" not in table.column_names
    whole = pq.read_table(one)["material_id"].to_pylist()
    found = table["material_id"].to_pylist()
    assert found[:11] == whole[:LARGE] + whole[LARGE + 1 :]
    assert found[11:] == [name for name in whole if name in found[11:]]


def test_the_seed_decides(tables: list[Path], tmp_path: Path) -> None:
    first, again, other = (drawn(tmp_path, f"{tables[0]}:5", "--seed", seed) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_file_that_is_not_there_is_an_error_that_says_how_to_write_it(tables: list[Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [f"{tables[0]}:few", "-o", str(tmp_path / "drawn.parquet")])
    assert result.exit_code != 0
    assert "or FILE:N" in result.output
    assert not (tmp_path / "drawn.parquet").exists()
