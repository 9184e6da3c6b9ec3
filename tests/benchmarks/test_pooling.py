"""The comparison of statistics: whole formulas are drawn, a run goes on, ratios are to the mean alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")

from benchmarks.harness import Request
from benchmarks.pooling import measuring
from benchmarks.pooling.tables import relative_errors, table
from benchmarks.sets import TargetSet

HEADS = {"heads": ("ridge",)}


def test_formulas_are_drawn_whole() -> None:
    formulas = np.array([f"NaCl{n}" for n in range(1, 41)] * 3, dtype=object)
    drawn = measuring.sample(TargetSet("made up", formulas, np.arange(120.0), np.zeros(120)), n_rows=50)
    assert (len(drawn.values), len(set(drawn.groups))) == (48, 16)
    assert drawn.official is None
    folds = drawn.folds(0)
    assert all(len(set(folds[drawn.groups == formula])) == 1 for formula in drawn.groups)


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    whole = measuring.run(Request(True, keep=kept.append, choices=HEADS), name="starter")
    assert [row["stats"] for row in whole["rows"]] == ["mean", "mean", "mean,std", "mean,std"]
    monkeypatch.setattr(measuring, "measure", None)
    assert measuring.run(Request(True, known=whole, choices=HEADS), name="starter")["rows"] == whole["rows"]
    assert "starter@" in table(whole)


def test_errors_are_compared_set_by_set() -> None:
    errors = {("mean", "a"): 2.0, ("mean", "b"): 100.0, ("mean,std", "a"): 1.0, ("mean,std", "c"): 1.0}
    rows = [{"stats": stats, "set": name, "head": "ridge", "errors": [e, e]} for (stats, name), e in errors.items()]
    assert relative_errors(rows, "ridge") == {"mean": {"a": 1, "b": 1}, "mean,std": {"a": 0.5}}
    assert relative_errors(rows, "trees") == {}
