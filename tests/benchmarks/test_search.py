"""The benchmark of the search: that it runs, and what the vectors are that it searches in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.search.data import multiplied


def test_it_runs_and_every_way_finds_the_same(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["search", "exact-search", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "exact-search.json").read_text())
    assert len(document["rows"]) == 3
    refused = CliRunner().invoke(main, ["search", "exact-search", "--out", str(tmp_path / "full")])
    assert "Name a file of structure vectors" in refused.output


def test_the_index_and_the_libraries_are_measured(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    names = ["index-search", "index-libraries", "--library", "faiss, lists of float16"]
    result = CliRunner().invoke(main, ["search", *names, "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    for name in names[:2]:
        rows = json.loads((tmp_path / f"{name}.json").read_text())["rows"]
        assert min(row["recall_at_10"] for row in rows) >= 0.9


def test_planted_structures_are_found(tmp_path: Path) -> None:
    pytest.importorskip("pymatgen")
    pytest.importorskip("vesin")
    result = CliRunner().invoke(main, ["search", "structure-overlap", "--quick", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "structure-overlap.json").read_text())["rows"]
    assert [row["found"] for row in rows] == [1.0] * 3


def test_more_vectors_lie_among_the_real_ones_and_are_the_same_every_time() -> None:
    real = np.random.default_rng(0).normal(size=(50, 6))
    made = multiplied(real, 300, seed=1)
    assert np.array_equal(made, multiplied(real, 300, seed=1))
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-5)
    unit = real / np.linalg.norm(real, axis=1, keepdims=True)
    assert (made @ unit.T).max(axis=1).min() > 0.5
