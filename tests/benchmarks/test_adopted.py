"""Tables of installed packages beside ours: all are imported, what is absent is said, and figures alone stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.adopted.ranking import import_all, rank_elements, rank_formulas
from benchmarks.adopted.tables import table
from benchmarks.harness import Request
from embeddings.elements import SYMBOLS
from testing.packages import install_tables


def quick(*catalogs: str) -> Request:
    return Request(True, choices={"catalogs": catalogs, "seed": 0})


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with two tables, one of them with a row of zeros; matminer is not installed."""
    rows = np.random.default_rng(0).normal(size=(90, 4)).tolist()
    first = dict(zip(SYMBOLS, rows, strict=False))
    install_tables(tmp_path / "site", {"first": first, "zeros": first | {"He": [0.0] * 4}}, monkeypatch)
    monkeypatch.setattr("benchmarks.adopted.ranking.PACKAGES", ("element-embeddings", "aviary"))
    known = __import__("embeddings.adopt.packages", fromlist=["find_spec"]).find_spec
    monkeypatch.setattr(
        "embeddings.adopt.packages.find_spec", lambda name: None if name.startswith("aviary") else known(name)
    )


def test_every_table_is_imported_as_a_catalog(tmp_path: Path) -> None:
    found, notes = import_all(tmp_path / "catalogs")
    assert [one.name for one in found] == ["element-embeddings-first", "element-embeddings-zeros"]
    assert "He" in found[0]
    assert "He" not in found[1]
    assert len(notes) == 1
    assert notes[0].startswith("aviary: not measured. aviary-models is not installed.")


def test_elements_are_those_that_all_tables_have() -> None:
    result = rank_elements(quick("ct-multi")) | {"title": "Elements"}
    names = [row["features"] for row in result["summary"]]
    assert set(names) == {"ct-multi", "element-embeddings-first", "element-embeddings-zeros"}
    assert {row["n"] for row in result["rows"]} <= set(range(result["settings"]["n_elements"] + 1))
    assert "| ct-multi | 128 | 88 |" in table(result)


def test_formulas_rank_them_beside_the_controls() -> None:
    result = rank_formulas(quick("ct-multi", "properties"), name="efe") | {"title": "Formulas"}
    assert {row["features"] for row in result["rows"]} >= {"ct-multi", "element-embeddings-first", "element fractions"}
    assert (result["settings"]["seed"], result["settings"]["catalogs"]) == (0, ["ct-multi@5.0.0"])
    assert "seed 0" in table(result)
    assert not {"formulas", "values"} & set(result)
