"""Which column is taken: samples, amounts and contacts are not read as formulas, and conditions are pointed out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embeddings.bench.tables import read_table
from embeddings.errors import ColumnNotFound, InputInvalid

FORMULAS = ["Fe2O3", "FeO", "NaCl", "KCl", "MgO", "CaO", "SrO", "BaO", "LiF", "Na", "KF", "CaF2"]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes rows below the names of their columns."""

    def write_to(header: str, rows: list[tuple[Any, ...]]) -> Path:
        path = tmp_path / "a.csv"
        path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
        return path

    return write_to


def test_sodium_is_a_formula(write: Write) -> None:
    data = read_table(write("formula,gap", [(formula, k) for k, formula in enumerate(FORMULAS)]), target="gap")
    assert "Na" in data.formulas
    assert not data.set_aside


@pytest.mark.parametrize("name", ["NB", "BN", "S", "CO"])
def test_numbered_samples_are_not_formulas(write: Write, name: str) -> None:
    rows = [(f"{name}{k + 1}", formula, k) for k, formula in enumerate(FORMULAS)]
    assert read_table(write("sample,system,gap", rows), target="gap").spelled.tolist() == FORMULAS


def test_columns_of_elements_are_told_to_be_amounts(write: Write) -> None:
    rows = [(f"S{k}", k, 20, 20, 60 - k, 150 + k) for k in range(12)]
    with pytest.raises(
        ColumnNotFound, match="Al, Co, Cr, Fe seem to be amounts of elements: write them as one formula"
    ):
        read_table(write("sample,Al,Co,Cr,Fe,HV", rows), target="HV")


def test_contacts_are_not_taken_for_formulas_that_cannot_be_read(write: Write) -> None:
    rows = [(f"MAPbI{k}", formula, k) for k, formula in enumerate(FORMULAS, start=2)]
    with pytest.raises(ColumnNotFound, match=r'most cells of "composition" cannot.*write "\(CH6N\)PbI2"'):
        read_table(write("composition,contact,PCE", rows), target="PCE")


def test_a_condition_that_formulas_do_not_tell_is_pointed_at(write: Write) -> None:
    rows = [(formula, k, t, t * k) for k, formula in enumerate(FORMULAS) for t in (300, 500)]
    notes = " ".join(read_table(write("formula,batch,T (K),zT", rows), target="zT").notes)
    assert 'Rows of one formula differ in "T (K)", which a model of formulas does not see' in notes
    assert "differ in" not in " ".join(read_table(write("formula,batch,T (K),zT", rows[::2]), target="zT").notes)


def test_the_first_formula_is_not_taken_for_the_name_of_a_column(write: Write) -> None:
    rows = [(formula, k) for k, formula in enumerate(FORMULAS)]
    with pytest.raises(InputInvalid, match='first line must name the columns, and "Bi2Te3" reads as a formula'):
        read_table(write("Bi2Te3,gap", rows), target="gap")
    assert len(read_table(write("ID,gap", rows), target="gap")) == len(rows)
