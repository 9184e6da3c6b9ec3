"""The comparison on few crystals: draws share no formula, every way is measured alike, a run goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.harness import Request
from benchmarks.own_data import measuring
from benchmarks.own_data.tables import table
from builders.structures.formulas import reduced_formulas_of
from testing.crystals import sample_crystals, structure_table

CHOICES = {"ways": ("mean", "frozen"), "structures": 20, "seeds": 1}


def test_nothing_is_tested_that_was_learned_from() -> None:
    crystals, labels = sample_crystals(100)
    everything = structure_table(crystals, **labels)
    draw = measuring.drawn(everything, tuple(labels), n=30, n_test=20, seed=1)
    assert (len(draw.training), len(draw.test)) == (30, 20)
    assert not set(reduced_formulas_of(draw.training)) & set(reduced_formulas_of(draw.test))
    other = measuring.drawn(everything, tuple(labels), n=30, n_test=20, seed=2)
    assert set(other.training.material_ids) != set(draw.training.material_ids)


def test_a_run_that_was_stopped_goes_on_and_says_what_the_network_had_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    whole = measuring.run(Request(True, keep=kept.append, choices=CHOICES), name="aflow") | {"title": "AFLOW"}
    assert [row["way"] for row in whole["rows"]] == ["mean", "frozen"]
    assert all(np.isfinite(row["mae"]) for row in whole["rows"])
    assert whole["draws"]["0"]["n_formulas"] > whole["draws"]["0"]["n_seen"]
    monkeypatch.setattr(measuring, "_measured", None)
    assert measuring.run(Request(True, known=whole, choices=CHOICES), name="aflow")["rows"] == whole["rows"]
    assert "ct-multi@3.0.0 was not trained on" in table(whole)


def test_the_table_says_what_going_on_is_worth_beside_each_other_way() -> None:
    errors = {("scratch", 0): 2.0, ("scratch", 1): 4.0, ("init", 0): 1.0, ("init", 1): 3.0}
    rows = [
        {"way": way, "seed": seed, "target": "gap", "unit": "eV", "mae": error, "mae_unseen": None}
        for (way, seed), error in errors.items()
    ]
    seen = {"n_seen": 1, "n_formulas": 9, "n_test_seen": 2, "n_test_formulas": 8}
    settings = {"n_structures": 9, "n_test": 8, "init": "ct-multi@3.0.0"}
    text = table({"title": "Mine", "rows": rows, "settings": settings, "draws": {"0": seen, "1": seen}})
    assert "3 ± 1.4" in text
    assert "beside new network, as `embeddings build` trains one: gap -38%" in text
