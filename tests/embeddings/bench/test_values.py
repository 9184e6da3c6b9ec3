"""Cells of a measured column: a number is read if it is clearly one, else it is named; words are classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.bench.values import read_values


def numbers_of(*cells: Any) -> list[float | None]:
    """Return the numbers of a column; None where there is none."""
    read = read_values(cells)
    assert not read.classes
    assert {row for row in range(len(cells)) if np.isnan(read.numbers[row])} == set(read.reasons)
    return [None if row in read.reasons else number for row, number in enumerate(read.numbers.tolist())]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1", "-2.5", "+3e-4", ".5", "7.", " 8 "), [1, -2.5, 3e-4, 0.5, 7, 8]),
        ((1, 2.5, np.float32(0.5), np.int64(3), "4"), [1, 2.5, 0.5, 3, 4]),
        (("\N{MINUS SIGN}5", "6", "7\N{NO-BREAK SPACE}"), [-5, 6, 7]),
        (("1,5", "2,25", "3"), [1.5, 2.25, 3]),
        (("0,125", "1,234"), [0.125, 1.234]),
        (("1.234,5", "1.234", "7"), [1234.5, 1234, 7]),
        (("1,234,567", "1,234", "7"), [1234567, 1234, 7]),
        (("1,234.5", "2,345", "0.5"), [1234.5, 2345, 0.5]),
        (("300 K", "4.2 K", "77 K"), [300, 4.2, 77]),
        (("12%", "3 %", "4.5%"), [12, 3, 4.5]),
        (tuple(f"{number}.5K" for number in range(8)), [number + 0.5 for number in range(8)]),
        (tuple(f"{number}GPa" for number in (1, 2, 3, 4, 5, 6, 7)), [1, 2, 3, 4, 5, 6, 7]),
        (("1.234", "100.5", "963"), [1.234, 100.5, 963]),
        (("1.234", "2.345", "3.456", "12"), [1.234, 2.345, 3.456, 12]),
    ],
)
def test_what_is_clearly_a_number_is_read(cells: tuple[Any, ...], expected: list[float]) -> None:
    assert numbers_of(*cells) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1,234", "may be 1234 or 1.234"),
        ("12,5", "has a decimal comma, and most have decimal points"),
        ("12 ± 3", "uncertainty"),
        ("12+/-3", "uncertainty"),
        ("12.1(3)", "uncertainty in brackets"),
        ("<0.1", "is a limit"),
        (">= 5", "is a limit"),
        ("~5", "is an estimate"),
        ("5-7", "is a range"),
        ("5 \N{EN DASH} 7", "is a range"),
        ("1;2", "holds several numbers"),
        ("1.2 \N{MULTIPLICATION SIGN} 10^-3", "write it as 1.2e-3"),
        ("1.2D-3", "write it as 1.2e-3"),
        ("1 234", "with spaces"),
        ("1_000", "with underscores"),
        ("5 meV", "a unit that most do not have"),
        ("insulator", "is not a number"),
        ("0x10", "is not a number"),
        ("1e999", "is not finite"),
        ("-inf", "is not finite"),
        (float("inf"), "is not finite"),
        ("9" * 5000, "is not a number"),
        ("", "the value is blank"),
        ("N/A", "the value is blank"),
        ("#DIV/0!", "the value is blank"),
        (None, "the value is blank"),
        (float("nan"), "the value is blank"),
    ],
)
def test_what_is_not_clearly_a_number_is_named(cell: Any, reason: str) -> None:
    read = read_values(["0.5", cell, "1.5", "2.5"])
    assert list(read.reasons) == [1]
    assert reason in read.reasons[1]
    assert read.numbers[[0, 2, 3]].tolist() == [0.5, 1.5, 2.5]


def test_columns_of_odd_numbers_are_not_classes() -> None:
    read = read_values(["12 ± 3", "<4", "1,234", "5-7"])
    assert (read.classes, len(read.reasons)) == ((), 4)


def test_the_rarer_mark_before_decimals_is_set_aside() -> None:
    assert numbers_of("1,5", "2,5", "7,25", "3.5", "4.567") == [1.5, 2.5, 7.25, None, None]
    assert numbers_of("1.5", "2.5", "3,5") == [1.5, 2.5, None]


def test_units_in_cells_are_kept_and_never_mixed() -> None:
    read = read_values(["1 eV", "2 eV", "300 meV", "4 eV", "5"])
    assert (read.unit, list(read.reasons)) == ("eV", [2])
    assert read_values(["1 eV", "2", "3"]).unit == ""


def test_a_cell_with_the_unit_of_its_column_is_one_of_the_bare_numbers() -> None:
    read = read_values(["1", "12 GPa", "3", "4000 MPa", "5"], "hardness", "GPa")
    assert read.numbers[[0, 1, 2, 4]].tolist() == [1, 12, 3, 5]
    assert read.reasons == {
        3: 'the value "4000 MPa" has a unit other than GPa, that of the column; give all in one unit'
    }


@pytest.mark.parametrize(
    ("cells", "classes", "codes"),
    [
        (("yes", "No", "yes", "no", "no"), ("no", "yes"), [1, 0, 1, 0, 0]),
        ((True, False, True), ("False", "True"), [1, 0, 1]),
        (("TRUE", "FALSE", ""), ("FALSE", "TRUE"), [1, 0, None]),
        ((0, 1, 1), ("0", "1"), [0, 1, 1]),
        ((0.0, 1.0, float("nan")), ("0", "1"), [0, 1, None]),
        (("metal", "glass", "Metal", "metal"), ("glass", "metal"), [1, 0, 1, 1]),
        (("FM", "AFM", "7", "FM"), ("7", "AFM", "FM"), [2, 1, 0, 2]),
    ],
)
def test_two_words_or_text_are_classes(
    cells: tuple[Any, ...], classes: tuple[str, ...], codes: list[int | None]
) -> None:
    read = read_values(cells)
    assert read.classes == classes
    assert [None if row in read.reasons else int(code) for row, code in enumerate(np.nan_to_num(read.numbers))] == codes


def test_spellings_that_become_one_class_are_said() -> None:
    assert read_values(["metal", "Metal", "glass"], "kind").notes == ('"kind": read as one class: "Metal", "metal".',)


def test_few_whole_numbers_may_be_classes_and_that_is_said() -> None:
    assert "write them as text" in read_values(["1", "2", "3"] * 5, "phase").notes[0]
    assert read_values(["1", "2", "3.5"] * 5).notes == ()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x not in (0, 1)), min_size=1))
def test_any_number_comes_back(numbers: list[float]) -> None:
    assert read_values([repr(number) for number in numbers]).numbers.tolist() == numbers


@given(st.lists(st.one_of(st.text(max_size=120), st.none(), st.booleans(), st.integers(), st.floats())))
def test_any_cell_is_a_value_or_has_a_reason(cells: list[Any]) -> None:
    read = read_values(cells)
    assert {row for row in range(len(cells)) if not np.isfinite(read.numbers[row])} == set(read.reasons)


def test_none_is_a_class_where_it_is_said_often() -> None:
    read = read_values(["none", "ferro", "None", "ferro", "", None], "magnetism")
    assert (read.classes, read.reasons) == (("ferro", "none"), {4: "the value is blank", 5: "the value is blank"})
    assert '"none" is read as a class (2 rows)' in read.notes[-1]
    rare = read_values([*["ferro", "anti"] * 20, "none"])
    assert (rare.classes, list(rare.reasons)) == (("anti", "ferro"), [40])
    assert "in so few rows (1) that it is read as no value" in rare.notes[-1]
    for cells in (["none", "1.5", "2.5"], ["none", "yes", "no"]):
        assert list(read_values(cells).reasons) == [0]


def test_full_stops_that_may_stand_between_thousands_are_not_decimal_points() -> None:
    read = read_values(["963", "1.037", "1.205", "2.100", "850"])
    assert set(read.reasons) == {1, 2, 3}
    assert "may be 1037 or 1.037" in read.reasons[1]


def test_the_unit_of_the_cells_is_not_taken_for_another_one_of_the_column() -> None:
    read = read_values(["1 eV", "2 eV", "3 eV", "4"], "gap", "meV")
    assert (read.unit, read.notes) == ("eV", ('"gap" is in eV, as its cells say, and not in meV.',))
    assert read.reasons == {3: 'the value "4" may be in meV, and most are in eV'}
    assert (read_values(["1 eV", "2 eV"], "energy", "eV/atom").unit, read_values(["1 %"], "x", "wt%").unit) == (
        "eV/atom",
        "wt%",
    )


def test_numbers_with_letters_may_be_classes() -> None:
    assert read_values(["2H", "4H", "6H"] * 9).classes == ("2H", "4H", "6H")
    assert read_values(["0D", "1D", "2D", "3D"] * 9).classes == ("0D", "1D", "2D", "3D")


def test_sodium_is_a_class_and_no_value_in_a_column_of_numbers() -> None:
    assert read_values(["Na", "K", "Li", "Na", "na"]).classes == ("K", "Li", "Na")
    assert set(read_values(["1.5", "2.5", "Na", "NA", "3"]).reasons) == {2, 3}
