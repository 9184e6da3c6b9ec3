"""Rows that hold nothing are found, and rows that hold something are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.adopt import examine
from embeddings.adopt.raw import RawTable
from embeddings.elements import SYMBOLS
from embeddings.errors import ElementUnknown, InputInvalid

DIM = 16


def table(vectors: np.ndarray, keys: tuple[str | int, ...] = (), columns: tuple[str, ...] = ()) -> RawTable:
    return RawTable("t.csv", "text", keys or SYMBOLS[: len(vectors)], vectors, columns)


def vectors(n: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, DIM))


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_noise_are_all_kept(seed: int) -> None:
    found = examine(table(vectors(seed=seed)))
    assert (found.left_out, found.flagged) == ({}, {})


def test_each_way_of_filling_in_is_found_and_named() -> None:
    rows = vectors()
    rows[5] = 0
    rows[[10, 11, 12]] = rows[10]
    rows[20] *= 0.05
    rows[30, 3] = np.nan
    rows[31] = np.inf
    rows[40] *= 20
    rows[[50, 51]] = rows[50]
    rows[7] = np.nan
    rows[7] = np.nanmean(np.delete(rows, [7, 30, 31], axis=0), axis=0)
    found = examine(table(rows))
    assert found.left_out == {
        "C": "all zeros",
        "O": "the mean of the other rows",
        "Na": "the same row as 2 other elements",
        "Mg": "the same row as 2 other elements",
        "Al": "the same row as 2 other elements",
        "Sc": "a norm far below that of the others, as before training",
        "Ga": "1 of 16 cells without a number",
        "Ge": "no numbers at all",
    }
    assert set(found.flagged) == {"Nb", "Sb", "Te"}
    assert found.flagged["Sb"] == "the same row as 1 other element"
    assert not set(found.left_out) & set(found.rows.symbols)


def test_features_of_different_scales_are_no_norm_outliers() -> None:
    rows = np.abs(vectors()) * np.logspace(0, 4, DIM)
    rows[1] = rows[1] * 0.01  # helium melts at 1 K
    found = examine(table(rows))
    assert found.left_out == {}


def test_cells_that_are_filled_in_are_named_by_column() -> None:
    rows = np.abs(vectors()) + 5
    rows[[3, 4, 5], 2] = 0
    rows[[7, 8, 9], 4] = np.delete(rows[:, 4], [7, 8, 9]).mean()
    notes = examine(table(rows, columns=tuple(f"property {'abcdefghijklmnop'[k]}" for k in range(DIM)))).notes
    assert len(notes) == 2
    assert 'Column "property c" has zero for Be, B, C' in notes[0]
    assert 'Column "property e" has the mean of the others for O, F, Ne' in notes[1]


def test_rows_may_be_kept_but_not_those_without_numbers() -> None:
    rows = vectors()
    rows[5], rows[6] = 0, np.nan
    found = examine(table(rows), keep=["C"])
    assert found.flagged == {"C": "all zeros"}
    assert "C" in found.rows.symbols
    with pytest.raises(InputInvalid, match="cannot be kept"):
        examine(table(rows), keep=["N"])
    with pytest.raises(InputInvalid, match="no row for Og"):
        examine(table(rows), keep=["Og"])


def test_symbols_are_checked() -> None:
    rows = vectors(3)
    with pytest.raises(ElementUnknown, match=r"2 of 3 rows.*: Uuq, iron"):
        examine(table(rows, ("Fe", "Uuq", "iron")))
    found = examine(table(rows, ("Fe", "Uuq", "8")), skip_unknown=True)
    assert found.rows.symbols == ["O", "Fe"]
    assert found.notes == ("Not elements, so left out: Uuq.",)
    with pytest.raises(InputInvalid, match="several rows for Fe"):
        examine(table(rows, ("Fe", "O", 26)))
    with pytest.raises(InputInvalid, match="no row of an element"):
        examine(table(rows, ("a", "b", "c")), skip_unknown=True)
    with pytest.raises(InputInvalid, match="None of the 3 rows is left"):
        examine(table(np.zeros((3, DIM))))
