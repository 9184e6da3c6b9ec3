"""What is told of each structure: own columns, derived ones, those of a table, and links to entries."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embeddings.errors import ColumnNotFound, InputInvalid
from embeddings.explorer.atlas.columns import Columns, columns_of
from embeddings.explorer.atlas.links import link_of
from embeddings.search.tables import JoinedTable
from embeddings.vectors.structures import read_structure_catalog


def joined(path: Path, **columns: Any) -> Columns:
    table = pa.table({"id": ["mp-149", "mp-1", "elsewhere"], **columns})
    return columns_of(read_structure_catalog(path), JoinedTable.read(table))


def test_elements_and_entries_are_derived(vectors: Path) -> None:
    found = columns_of(read_structure_catalog(vectors), None)
    assert found.shown == ["structure", "material_id", "formula", "n_elements", "elements", "entry"]
    assert found.colored == ["material_id", "formula", "n_elements"]
    rows = found.table.to_pylist()
    assert rows[4] == {
        "structure": "Si mp-149",
        "material_id": "mp-149",
        "formula": "Si",
        "n_elements": 1,
        "elements": ["Si"],
        "entry": "https://next-gen.materialsproject.org/materials/mp-149",
    }
    assert sorted(rows[0]["elements"]) == ["Fe", "O"]


@pytest.mark.parametrize(
    ("material_id", "source", "link"),
    [
        ("mp-149", "anything", "https://next-gen.materialsproject.org/materials/mp-149"),
        ("mp-aaabcd", "Materials Project", "https://next-gen.materialsproject.org/materials/mp-aaabcd"),
        ("mvc-9", "anything", "https://next-gen.materialsproject.org/materials/mvc-9"),
        ("JVASP-1002", "anything", "https://www.ctcms.nist.gov/~knc6/jsmol/JVASP-1002.html"),
        ("aflow:ffea9279661c929f", "anything", "https://aflow.org/material/?id=aflow:ffea9279661c929f"),
        ("oqmd-675180", "anything", "https://oqmd.org/materials/entry/675180"),
        ("675180", "OQMD", "https://oqmd.org/materials/entry/675180"),
        ("1000041", "Crystallography Open Database", "https://www.crystallography.net/cod/1000041.html"),
        ("1000041", "my own", None),
        ("mp-149 copy", "Materials Project", None),
        ('mp-1"><script>', "Materials Project", None),
        ("run-7", "my own", None),
    ],
)
def test_an_entry_is_linked_where_its_address_is_known(material_id: str, source: str, link: str | None) -> None:
    assert link_of(material_id, source) == link


def test_a_table_is_joined_by_identifier(vectors: Path) -> None:
    found = joined(vectors, gap=[1.1, 2.0, 9.9], stable=[True, None, False])
    assert found.table["gap"].to_pylist() == [2.0, None, None, None, 1.1, None]
    assert found.table["stable"].to_pylist()[4] == "true"
    assert found.colored[-2:] == ["gap", "stable"]
    assert found.notes == ["The table lacks 4 of 6 structures, which have no value"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([float("nan"), float("inf"), 0.0], [None, None]),
        (pa.array([1, 2, 3], pa.uint8()), [2, 1]),
        (pa.array([2**40, 2**41, 3]), [2.0**41, 2.0**40]),
        (pa.array([2**64 - 1, 2, 3], pa.uint64()), [2.0, 2.0**64]),
        (pa.array(["a", "b", "c"], pa.large_string()), ["b", "a"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["b", "a"]),
        (pa.array([1.5, 2.5, 3.5], pa.float16()), [2.5, 1.5]),
        (pa.array([["x"], [], None], pa.list_(pa.string())), [[], ["x"]]),
        ([datetime.date(2026, 1, 2)] * 3, [datetime.date(2026, 1, 2)] * 2),
    ],
    ids=["not-finite", "small", "large", "largest", "large-text", "dictionary", "half", "list", "date"],
)
def test_values_are_told_as_the_viewer_knows_them(vectors: Path, values: Any, told: list[Any]) -> None:
    if not isinstance(values, pa.Array):
        values = pa.array(values)
    column = joined(vectors, gap=values).table["gap"].to_pylist()
    assert [column[0], column[4]] == told


def test_what_cannot_be_shown_is_left_out_and_said(vectors: Path) -> None:
    found = joined(
        vectors,
        nothing=pa.nulls(3),
        numbers=pa.array([[1.0], [2.0], [3.0]]),
        raw=pa.array([b"a", b"b", b"c"]),
        formula=["X", "Y", "Z"],
        __x=[1, 2, 3],
        **{"": [1, 2, 3]},
    )
    assert set(found.shown) == {"structure", "material_id", "formula", "n_elements", "elements", "entry"}
    assert len(found.notes) == 7
    assert 'column "numbers" is left out: it holds list<' in "; ".join(found.notes)


def test_a_column_of_the_table_takes_the_place_of_a_derived_one(vectors: Path) -> None:
    found = joined(vectors, N_Elements=[7, 8, 9])
    assert "n_elements" not in found.shown
    assert found.table["N_Elements"].to_pylist()[4] == 7


def test_signs_that_the_viewer_cannot_take_are_replaced_and_said(vectors: Path) -> None:
    found = joined(vectors, **{'gap "eV"': [1.0, 2.0, 3.0]})
    assert "gap 'eV'" in found.colored
    assert any("is called" in note for note in found.notes)


def test_two_columns_of_one_name_are_refused(vectors: Path) -> None:
    with pytest.raises(InputInvalid, match='two columns called "GAP"'):
        joined(vectors, gap=[1, 2, 3], GAP=[1, 2, 3])


def test_a_table_of_other_structures_is_refused(vectors: Path) -> None:
    with pytest.raises(InputInvalid, match="has none of the 6 structures"):
        columns_of(read_structure_catalog(vectors), JoinedTable.read(pa.table({"id": ["a"], "gap": [1.0]})))


def test_a_table_without_column_names_is_refused(vectors: Path, tmp_path: Path) -> None:
    known = read_structure_catalog(vectors)
    lines = [f"{name},{row}\n" for row, name in enumerate(known.material_ids)]
    (tmp_path / "id_prop.csv").write_text("".join(lines), encoding="utf-8")
    with pytest.raises(InputInvalid, match="no line of column names: it begins with the structure"):
        columns_of(known, JoinedTable.read(tmp_path / "id_prop.csv"))
    with pytest.raises(InputInvalid, match="such as material_id,value"):
        known.nearest(known.material_ids[0], table=tmp_path / "id_prop.csv", where="value > 1")


def test_a_color_that_is_not_there_is_named(vectors: Path) -> None:
    found = joined(vectors, gap=np.zeros(3))
    found.check_color("gap")
    with pytest.raises(ColumnNotFound, match='Did you mean "gap"'):
        found.check_color("gep")
    with pytest.raises(ColumnNotFound):
        found.check_color("elements")
