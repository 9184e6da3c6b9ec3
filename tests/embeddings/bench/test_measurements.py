"""Measurements: rows that can be used stand side by side, the others are named, and nothing is learned from too few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embeddings.bench.measurements import MAX_CLASSES, measurements
from embeddings.errors import InputInvalid, TargetInvalid
from embeddings.formula.bulk import fraction_matrix
from embeddings.tables.sheet import SetAside

FORMULAS = ["Fe4O6", "FeO", "NaCl", "KCl", "MgO", "CaO", "SrO", "BaO", "LiF", "NaF", "KF", "Fe2O3"]
VALUES = [k + 0.5 for k in range(12)]


def test_all_columns_keep_to_the_rows_that_are_left() -> None:
    formulas, values = [None, *FORMULAS[:5], "zz", *FORMULAS[5:]], [9, *VALUES[:4], "n/a", 9, *VALUES[5:]]
    n = len(formulas)
    data = measurements(formulas, values, order=range(n), folds=[str(k) for k in range(n)], lines=range(10, 10 + n))
    kept = [k for k in range(n) if k not in (0, 5, 6)]
    assert (data.lines - 10).tolist() == data.order.tolist() == [int(fold) for fold in data.folds] == kept
    assert data.spelled.tolist() == [formulas[k] for k in kept]
    assert (data.matrix.fractions == fraction_matrix([formulas[k] for k in kept]).fractions).all()
    assert [row.line for row in data.set_aside] == [10, 15, 16]
    assert data.set_aside[0].reason == "the formula is blank"


def test_formulas_are_canonical_and_amounts_as_written() -> None:
    data = measurements(FORMULAS, VALUES)
    assert data.formulas[0] == data.formulas[-1]
    assert data.matrix.totals[[0, 11]].tolist() == [10, 5]


def test_rows_are_counted_from_one_and_those_of_the_reader_stay() -> None:
    data = measurements([*FORMULAS, ""], [*VALUES, 1], set_aside=[SetAside(99, "torn")], notes=["A note."])
    assert data.set_aside == (SetAside(13, "the formula is blank"), SetAside(99, "torn"))
    assert data.notes == ("A note.",)


def test_some_rows_are_taken() -> None:
    data = measurements(FORMULAS, VALUES, folds=range(12)).take(np.array([11, 3]))
    assert data.spelled.tolist() == ["Fe2O3", "KCl"]
    assert data.values.tolist() == [11.5, 3.5]
    assert data.folds.tolist() == [11, 3]
    assert data.matrix.totals.tolist() == [5, 2]
    assert data.order is None


@pytest.mark.parametrize("make", [list, tuple, np.array, "pandas"])
def test_columns_of_any_kind(make: Any) -> None:
    if make == "pandas":
        pandas = pytest.importorskip("pandas")
        formulas, values = (pandas.Series(column, index=range(5, 17)) for column in (FORMULAS, VALUES))
    else:
        formulas, values = make(FORMULAS), make(VALUES)
    assert measurements(formulas, values).values.tolist() == VALUES


def test_words_and_flags_are_classes_and_a_unit_in_the_cells_is_kept() -> None:
    assert measurements(FORMULAS, [value > 3 for value in VALUES]).classes == ("False", "True")
    assert measurements(FORMULAS, ["FM", "AFM", "none-such"] * 4).classes == ("AFM", "FM", "none-such")
    assert not measurements(FORMULAS, VALUES).is_classification
    assert measurements(FORMULAS, [f"{value} K" for value in VALUES]).unit == "K"


@pytest.mark.parametrize(
    ("formulas", "values", "error", "words"),
    [
        (FORMULAS, VALUES[:-1], InputInvalid, "12 formulas came with 11 values"),
        (FORMULAS[:9], VALUES[:9], InputInvalid, "9 rows can be used; at least 10 are needed."),
        (FORMULAS, ["?", "?", "?", *VALUES[3:]], InputInvalid, "Of 3 rows left out, the first is line 1: the value is"),
        (["NaCl"] * 20, range(20), InputInvalid, "hold 1 distinct formula; at least 5"),
        (["NaCl", "KCl"] * 10, range(20), InputInvalid, "hold 2 distinct formulas; at least 5"),
        (FORMULAS, [0.0] * 12, TargetInvalid, 'Every "target" is 0: there is nothing to learn.'),
        (FORMULAS, ["no"] * 12, TargetInvalid, 'Every "target" is no: there is nothing to learn.'),
        (FORMULAS * 2, [f"name {k}" for k in range(24)], TargetInvalid, f"the limit is {MAX_CLASSES}"),
    ],
)
def test_what_cannot_be_learned_is_named(formulas: Any, values: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        measurements(formulas, values)
    assert words in str(caught.value)
