"""A new version of a catalog does not lose elements unnoticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.runs.coverage import check_elements
from embeddings import load_uae
from embeddings.cli import main
from embeddings.errors import InputInvalid
from embeddings.store.roots import packaged_root, user_root
from testing.crystals import arrow_table, cscl, structure_table
from testing.toys import TOY_VECTORS, write_toy

PAIRS = ([1, 8], [11, 17], [26, 27], [26, 8])
TABLE = structure_table([cscl(a, b, 3.4) for a, b in PAIRS])


def test_all_elements_are_there(tmp_path: Path) -> None:
    write_toy(tmp_path)
    check_elements(tmp_path, "toy", TABLE, np.arange(4))
    check_elements(tmp_path, "another", TABLE, np.arange(1))


@pytest.mark.parametrize(
    ("table", "rows", "message"),
    [
        (TABLE.take(np.array([0, 1, 3])), [0, 1, 2], "has vectors for Co, .* no usable structure holds Co"),
        (TABLE, [0, 2, 3], "for Na, Cl, .* only structures held out for validation hold Na, Cl"),
        (TABLE.take(np.array([0, 1, 3])), [1, 2], "for H, Co, .* structure holds Co; only .* hold H"),
    ],
)
def test_lost_elements_are_named_with_the_reason(table, rows: list[int], message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert list(TOY_VECTORS) == ["H", "O", "Na", "Cl", "Fe", "Co"]
    write_toy(tmp_path)
    with pytest.raises(InputInvalid, match=message):
        check_elements(tmp_path, "toy", table, np.array(rows))


def test_rows_count_where_nobody_counted_structures() -> None:
    with pytest.raises(InputInvalid, match=r"properties 1\.0\.0 has vectors for He, Li"):
        check_elements(packaged_root(), "properties", TABLE, np.arange(4))


def test_the_newest_version_is_the_one_that_counts(tmp_path: Path) -> None:
    write_toy(tmp_path, version="0.10.0")
    write_toy(tmp_path, version="0.9.0")
    with pytest.raises(InputInvalid, match=r"toy 0\.10\.0 has vectors"):
        check_elements(tmp_path, "toy", TABLE, np.array([0]))


def build(path: Path, elements: list[int], *more: str) -> Result:
    """Build the catalog group on many crystals of a few elements."""
    pairs = [(a, b) for a in elements for b in elements if a != b]
    energies = pa.array(np.random.default_rng(0).normal(size=len(pairs)))
    pq.write_table(arrow_table([cscl(a, b, 3.4) for a, b in pairs], energy=energies), path)
    options = ["--recipe", "ct-all", "--epochs", "1", "--name", "group", "--quiet", *more]
    return CliRunner().invoke(main, ["build", "--source", "table", "--path", str(path), *options])


def test_a_build_that_loses_an_element_fails_before_it_trains(tmp_path: Path, own_cache: Path) -> None:
    assert build(tmp_path / "a.parquet", [3, 8, 9, 11, 17]).exit_code == 0
    refused = build(tmp_path / "b.parquet", [3, 8, 9, 11])
    assert refused.exit_code == 1
    assert "no usable structure holds Cl" in refused.stderr
    assert "--allow-lost-elements" in refused.stderr
    assert len(list(own_cache.glob("runs/*/checkpoint.pt"))) == 1
    assert [path.name for path in (user_root() / "group").iterdir()] == ["0.1.0"]
    assert build(tmp_path / "b.parquet", [3, 8, 9, 11], "--allow-lost-elements").exit_code == 0
    assert load_uae("group").symbols == ("Li", "O", "F", "Na")
