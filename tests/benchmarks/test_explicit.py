"""The benchmark of candidate structures: tested formulas lend nothing, and a run that was stopped goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("spglib", reason="needs the extra build")

from benchmarks.explicit import matching, predicting, relaxing
from benchmarks.explicit.problem import problem
from benchmarks.explicit.tables import table
from benchmarks.harness import Request
from builders.methods.explicit.features import FACTS, Generated

QUICK = Request(True)


def test_tested_formulas_are_neither_templates_nor_learned_from() -> None:
    there = problem(QUICK)
    assert len(there.tested) == 12
    assert not set(there.tested) & set(there.training)
    assert not set(there.tested) & set(there.templates.formulas)
    assert set(there.generated) <= set(there.training)


def test_structures_are_matched_and_a_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    done = matching.run(QUICK)
    assert len(done["rows"]) == 5
    assert all(row["votes"] is None or row["votes"] >= 1 for row in done["rows"])
    monkeypatch.setattr(matching, "_measure", None)
    assert matching.run(Request(True, known=done))["rows"] == done["rows"]


def test_candidates_are_compared_before_and_after_relaxation() -> None:
    made = {"dropped": None, "true_distance_before": None, "volume_error_before": 0.1, "seconds": 1.0, "n_sites": 2}
    right = made | {"energy": -2.0, "true_distance_after": 0.02, "volume_error_after": 0.01}
    wrong = made | {"energy": -1.0, "true_distance_after": None, "volume_error_after": 0.2}
    gone = made | {"energy": None, "dropped": "relaxation_exploded", "true_distance_before": 0.1}
    settings = {"most_sites": 20, "n_candidates": 2, "potential": "chgnet", "steps": 300}
    rows = [{"formula": "A", "candidates": [wrong, right]}, {"formula": "B", "candidates": [gone]}]
    text = table({"name": "relax", "title": "x", "settings": settings, "rows": rows})
    assert "1 of 3 candidates were dropped" in text
    assert "| first, as made | 50% ± 35% | 0.100 | 10.0% |" in text
    assert "| first, relaxed | 0% ± 0% | - | 20.0% |" in text
    assert "| lowest energy, relaxed | 50% ± 35% | 0.020 | 1.0% |" in text


def test_relaxation_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxing, "find_potential", lambda name: None)
    monkeypatch.setattr(relaxing, "relax", lambda draft, calculator, limits: (draft, -1.0))
    done = relaxing.run(QUICK)
    assert len(done["rows"]) == 2
    first = done["rows"][0]["candidates"][0]
    assert first["volume_error_before"] == first["volume_error_after"]
    monkeypatch.setattr(relaxing, "relax", None)
    assert relaxing.run(Request(True, known=done))["rows"] == done["rows"]


def test_templates_alone_are_told_nothing_that_vectors_give() -> None:
    made = Generated(np.ones((2, len(FACTS))), np.ones((2, 3)), (None, None))  # type: ignore[arg-type]
    without = predicting.WithoutEncoder(SimpleNamespace(make=lambda formulas: made)).make(["A", "B"])  # type: ignore[arg-type]
    assert without.vectors.shape == (2, 0)
    assert np.isnan(without.facts).sum(axis=0).tolist() == [2 * (name == "spread") for name in FACTS]
    assert without.has_candidates.all()


@pytest.mark.slow
def test_predictions_are_kept_way_by_way() -> None:
    kept: list[Any] = []
    request = Request(True, keep=kept.append)
    done = predicting.run(request, target="formation_energy_per_atom", unit="eV/atom")
    assert [row["way"] for row in done["rows"]] == list(predicting.WAYS)
    assert len(kept) == 3
    assert predicting.run(Request(True, known=done), target="formation_energy_per_atom", unit="eV/atom") == done
    text = table(done | {"name": "formation_energy_per_atom", "title": "x"})
    assert "composition alone" in text


def test_tables_count_a_formula_without_candidates_as_a_failure() -> None:
    rows = [
        {"formula": "A", "n_candidates": 3, "votes": 1, "nearest": 2, "distance": 0.1, "volume_error": 0.1,
         "volume_error_unscaled": 0.2},
        {"formula": "B", "n_candidates": 0, "votes": None, "nearest": None},
    ]  # fmt: skip
    text = table({"name": "match", "title": "t", "rows": rows, "settings": {}})
    assert "| all | 2 | by votes | 50% ± 35% |" in text
    assert "1 formulas have no candidate" in text
