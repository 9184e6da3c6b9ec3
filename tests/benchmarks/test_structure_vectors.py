"""The comparison of vectors of structures: only formulas that no catalog knows are tested, under the same heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.harness import Request
from benchmarks.readouts import heads, peer, tasks
from benchmarks.structure_vectors import measuring
from benchmarks.structure_vectors.tables import table
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from embeddings.errors import InputInvalid
from embeddings.store.roots import resolve


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "N_TREES", 3)


def test_all_vectors_are_measured_on_the_same_crystals() -> None:
    request = Request(quick=True, choices={"catalogs": ("ct-multi", "ct-ef-eg")})
    result = measuring.run(request, name="aflow") | {"name": "aflow", "title": "Made up"}
    widths = {"ct-multi": 131, "ct-ef-eg": 128, "ct-ef-eg, cell": 131}
    assert result["settings"]["widths"] == widths
    assert len({row["n_tested"] for row in result["rows"]}) == 1
    assert [row["p"] for row in result["summary"] if row["vectors"] == "ct-multi"] == [None]
    assert "| ct-ef-eg, cell | 131 |" in table(result)


def test_two_versions_of_one_name_are_told_apart() -> None:
    some = [
        SimpleNamespace(name=name, version=version)
        for name, version in (("a", "1.0.0"), ("b", "1.0.0"), ("a", "2.0.0"))
    ]
    assert measuring._labels(some) == ["a@1.0.0", "b", "a@2.0.0"]


def test_only_formulas_that_no_catalog_knows_are_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = tasks.made_up()
    known = {"one": set(made_up.formulas[:20]), "other": set(made_up.formulas[10:30])}
    monkeypatch.setattr(measuring, "load_uae", lambda name: SimpleNamespace(overlap=lambda formulas: known[name]))
    monkeypatch.setattr(measuring, "resolve", lambda name: resolve("ct-multi"))
    monkeypatch.setattr(measuring, "read_drawn", lambda about, folder, encoder: replace(made_up, tested=[]))
    monkeypatch.setattr(peer, "is_there", lambda: False)
    result = measuring.run(Request(quick=False, choices={"catalogs": tuple(known)}), name="aflow")
    settings = result["settings"]
    covered = made_up.formulas[tasks.known_crystals(made_up.table, read_crystal_encoder(resolve("ct-multi")))]
    expected = sum(formula not in known["one"] | known["other"] for formula in covered)
    assert 0 < settings["n_tested"] == expected == settings["n_crystals"] - settings["n_seen"]
    assert {row["n_unseen"] for row in result["rows"]} == {expected}
    assert result["notes"][-1:] == ["CHGNet: not measured; it is not installed."]


def test_what_is_learned_from_may_be_drawn() -> None:
    seen = np.arange(6_000) % 2 == 0
    rows = measuring._drawn(seen, 1_000)
    assert (seen[rows].sum(), (~seen[rows]).sum()) == (1_000, measuring.MOST_TESTED)
    assert len(measuring._drawn(seen, None)) == 3_000 + measuring.MOST_TESTED


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"aflow\.parquet.*--data"):
        measuring.run(Request(quick=False, data=tmp_path), name="aflow")
