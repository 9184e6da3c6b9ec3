"""Tables of structures: every type that a column may have is read as what it says, or refused by name."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.progress import Reporter
from builders.snapshots.snapshot import REJECTED, Snapshot, read_structures, take_snapshot
from builders.sources import SourceOptions, find_source
from builders.structures.cleaning import EVERYTHING
from builders.structures.table import StructureTable, read_rows, structures_from_arrow
from embeddings.errors import SourceError
from testing.crystals import arrow_table, cscl, rocksalt

CRYSTALS = [cscl(55, 17, 4.12), rocksalt(11, 17, 5.6), cscl(3, 9, 2.6)]
LATTICES = [lattice.tolist() for lattice, _, _ in CRYSTALS]
FLAT = [np.ravel(lattice).tolist() for lattice in LATTICES]
NUMBERS = [numbers.tolist() for _, numbers, _ in CRYSTALS]
COORDS = [coords.tolist() for _, _, coords in CRYSTALS]
EXPECTED = structures_from_arrow(
    arrow_table(CRYSTALS, lattice=pa.array(FLAT), y=pa.array([1.5, -2.0, 0.25])), origin="here"
)

double, lists = pa.float64(), pa.list_


def pull(table: pa.Table, folder: Path) -> Snapshot:
    pq.write_table(table, folder / "t.parquet")
    stream = find_source("table")(SourceOptions(path=folder / "t.parquet"))
    return take_snapshot(folder / "s", "table", stream, EVERYTHING, Reporter(quiet=True))


def decimals(rows: list[list[float]]) -> list[list[Decimal]]:
    return [[Decimal(f"{value:.6f}") for value in row] for row in rows]


READ: dict[str, dict[str, Any]] = {
    "lattice of lists": {"lattice": pa.array(LATTICES)},
    "lattice of fixed lists": {"lattice": pa.array(LATTICES, lists(lists(double, 3), 3))},
    "lattice of large lists": {"lattice": pa.array(LATTICES, pa.large_list(pa.large_list(double)))},
    "lattice of views": {"lattice": pa.array(FLAT, pa.list_view(double))},
    "lattice of decimals": {"lattice": pa.array(decimals(FLAT), lists(pa.decimal128(12, 6)))},
    "lattice as a tensor": {
        "lattice": pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(double, [3, 3]), pa.array(FLAT, lists(double, 9))
        )
    },
    "coordinates of lists": {"frac_coords": pa.array(COORDS)},
    "coordinates of half precision": {"frac_coords": pa.array(COORDS, lists(lists(pa.float16(), 3)))},
    "whole floats": {"atomic_numbers": pa.array(NUMBERS, lists(double))},
    "unsigned": {"atomic_numbers": pa.array(NUMBERS, pa.large_list(pa.uint64()))},
    "dictionary ids": {"material_id": pa.array(["test-0", "test-1", "test-2"]).dictionary_encode()},
    "large ids": {"material_id": pa.array(["test-0", "test-1", "test-2"], pa.large_string())},
    "views of ids": {"material_id": pa.array(["test-0", "test-1", "test-2"], pa.string_view())},
    "dictionary labels": {"y": pa.array([1.5, -2.0, 0.25]).dictionary_encode()},
    "decimal labels": {"y": pa.array([Decimal("1.5"), Decimal("-2"), Decimal("0.25")])},
    "half labels": {"y": pa.array([1.5, -2.0, 0.25], pa.float16())},
}


def assert_equal(found: StructureTable, expected: StructureTable) -> None:
    assert found.material_ids.tolist() == expected.material_ids.tolist()
    assert found.atomic_numbers.tolist() == expected.atomic_numbers.tolist()
    assert found.offsets.tolist() == expected.offsets.tolist()
    np.testing.assert_allclose(found.lattices, expected.lattices, atol=1e-6)
    np.testing.assert_allclose(found.frac_coords, expected.frac_coords, atol=1e-6)
    np.testing.assert_array_equal(found.properties["y"], expected.properties["y"])


@pytest.mark.parametrize("kind", READ)
def test_a_type_whose_meaning_is_clear_is_read(kind: str) -> None:
    table = arrow_table(CRYSTALS, **({"y": pa.array([1.5, -2.0, 0.25])} | READ[kind]))
    assert_equal(structures_from_arrow(table, origin="here"), EXPECTED)


@pytest.mark.parametrize("kind", READ)
def test_a_slice_of_it_is_a_slice(kind: str) -> None:
    table = arrow_table(CRYSTALS, **({"y": pa.array([1.5, -2.0, 0.25])} | READ[kind]))
    for rows in ([1], [2], [1, 2], []):
        found = structures_from_arrow(table.slice(rows[0] if rows else 0, len(rows)), origin="here")
        assert_equal(found, EXPECTED.take(np.array(rows, dtype=int)))
    joined = structures_from_arrow(pa.concat_tables([table.slice(2), table.slice(0, 2)]), origin="here")
    assert_equal(joined, EXPECTED.take(np.array([2, 0, 1])))


@pytest.mark.parametrize("kind", [kind for kind in READ if kind != "lattice of views"])  # Parquet has none
def test_it_comes_back_from_a_file(kind: str, tmp_path: Path) -> None:
    table = arrow_table(CRYSTALS, **({"y": pa.array([1.5, -2.0, 0.25])} | READ[kind]))
    assert_equal(read_structures(pull(table, tmp_path)), EXPECTED)


def test_views_are_read_where_rows_are_set_aside(tmp_path: Path) -> None:
    ids = pa.array(["test-0", "test-1", "test-1"], pa.string_view())
    snapshot = pull(arrow_table(CRYSTALS, material_id=ids), tmp_path)
    assert read_structures(snapshot).material_ids.tolist() == ["test-0", "test-1", "test-1"]
    assert snapshot.unusable == {"duplicate_id": 1}


def test_whole_numbers_are_identifiers_and_truth_values_are_labels() -> None:
    table = arrow_table(
        CRYSTALS,
        material_id=pa.array([2**63, 7, 0], pa.uint64()),
        metal=pa.array([True, None, False]),
        note=pa.array(["NaN", "1", ""]),
        n=pa.array([2**62, 1, None]),
    )
    found = structures_from_arrow(table, origin="here")
    assert found.material_ids.tolist() == ["9223372036854775808", "7", "0"]
    np.testing.assert_array_equal(found.properties["metal"], [1.0, np.nan, 0.0])
    np.testing.assert_array_equal(found.properties["n"], [2.0**62, 1.0, np.nan])
    assert set(found.properties) == {"metal", "n"}


struct = pa.array([{"a": 4.0, "b": 4.0, "c": 4.0}] * 3)
transposed = pa.fixed_shape_tensor(double, [3, 3], permutation=[1, 0])

REFUSED: dict[str, dict[str, Any]] = {
    r'"lattice" is struct.*nine numbers a row': {"lattice": struct},
    r'"lattice" is string; it has to hold nine numbers': {"lattice": pa.array([str(row) for row in FLAT])},
    r'"lattice" is list<.*list<.*list<': {"lattice": pa.array([[row] for row in LATTICES])},
    r'"lattice" is double; it has to hold nine numbers': {"lattice": pa.array([4.0] * 3)},
    r"logical order": {"lattice": pa.ExtensionArray.from_storage(transposed, pa.array(FLAT, lists(double, 9)))},
    r'"atomic_numbers" is list<.*string>; it has to hold a list of numbers': {
        "atomic_numbers": pa.array([["Na"], ["Cl"], ["K"]])
    },
    r'"atomic_numbers" is list<.*list': {"atomic_numbers": pa.array([[row] for row in NUMBERS])},
    r'"atomic_numbers" is list<.*bool>': {"atomic_numbers": pa.array([[True]] * 3)},
    r'"frac_coords" is list<.*string>': {"frac_coords": pa.array([["0"] * 3] * 3)},
    r'"frac_coords" is null': {"frac_coords": pa.nulls(3)},
    r'"material_id" is list': {"material_id": pa.array([["a"], ["b"], ["c"]])},
    r'"material_id" is binary; text or whole': {"material_id": pa.array([b"\xff", b"a", b"b"])},
    r'"material_id" is double; text or whole .*in pandas': {"material_id": pa.array([1.0, 2.0, 2.5])},
    r'"material_id" is bool': {"material_id": pa.array([True, False, True])},
    r'"occupancies" is list<.*string>': {"occupancies": pa.array([["1"]] * 3)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_any_other_type_is_refused_before_the_pull_begins(message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        pull(arrow_table(CRYSTALS, **REFUSED[message]), tmp_path)
    assert not (tmp_path / "s").exists()


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = arrow_table(CRYSTALS, y=pa.array([1.0, 2.0, 3.0]))
    twice = pa.Table.from_arrays([*table.columns, table["y"]], names=[*table.column_names, "y"])
    with pytest.raises(SourceError, match="more than one column called y"):
        pull(twice, tmp_path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [({b"licence": b"\xff"}, '"licence" is .*not UTF-8'), ({b"synthetic": b"maybe"}, "has to be true or false")],
)
def test_metadata_of_ours_that_says_nothing_is_refused(metadata: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        pull(arrow_table(CRYSTALS).replace_schema_metadata(metadata), tmp_path)


def test_metadata_of_others_may_be_anything(tmp_path: Path) -> None:
    table = arrow_table(CRYSTALS).replace_schema_metadata({b"\xfe": b"\xff", b"name": b"mine"})
    assert pull(table, tmp_path).origin.name == "mine"


def test_a_unit_that_is_not_text_is_refused(tmp_path: Path) -> None:
    table = arrow_table(CRYSTALS, y=pa.array([1.0, 2.0, 3.0]))
    place = table.schema.get_field_index("y")
    schema = table.schema.set(place, table.schema.field("y").with_metadata({b"unit": b"\xff"}))
    with pytest.raises(SourceError, match='unit of column "y"'):
        pull(table.cast(schema), tmp_path)


def with_first(values: list[Any], rows: list[Any], kind: pa.DataType | None = None) -> pa.Array:
    """A column whose first row is another one."""
    return pa.array([values, *rows[1:]], kind)


SET_ASIDE: dict[str, tuple[dict[str, pa.Array], str]] = {
    "lattice holds 8 numbers; nine": ({"lattice": with_first(FLAT[0][:8], FLAT)}, "no_structure"),
    "lattice holds 10 numbers; nine": ({"lattice": with_first([*FLAT[0], 1.0], FLAT)}, "no_structure"),
    "lattice is empty": ({"lattice": pa.array([None, *FLAT[1:]], lists(double, 9))}, "no_structure"),
    "lattice holds an empty value": ({"lattice": with_first([None, *FLAT[0][1:]], FLAT)}, "no_structure"),
    "lattice holds a list of 2 numbers; 3": (
        {"lattice": with_first([[4.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0, 0.0]], LATTICES)},
        "no_structure",
    ),
    "lattice holds a list of 0 numbers": ({"lattice": with_first([*LATTICES[0], None], LATTICES)}, "no_structure"),
    "lattice holds 6 numbers": ({"lattice": with_first(LATTICES[0][:2], LATTICES)}, "no_structure"),
    "frac_coords holds 5 numbers; three are needed for each of 2 atoms": (
        {"frac_coords": with_first([0.0] * 5, [np.ravel(row).tolist() for row in COORDS])},
        "no_structure",
    ),
    "frac_coords holds 9 numbers": ({"frac_coords": with_first([[0.0] * 3] * 3, COORDS)}, "no_structure"),
    "atomic_numbers is empty": ({"atomic_numbers": pa.array([None, *NUMBERS[1:]])}, "no_structure"),
    "atomic_numbers holds an empty value": ({"atomic_numbers": with_first([55, None], NUMBERS)}, "no_structure"),
    "65547 is not an atomic number": ({"atomic_numbers": with_first([65547, 17], NUMBERS)}, "invalid_atomic_number"),
    "11.7 is not an atomic number": (
        {"atomic_numbers": with_first([11.7, 17.0], NUMBERS, lists(double))},
        "invalid_atomic_number",
    ),
    "-11 is not an atomic number": ({"atomic_numbers": with_first([-11, 17], NUMBERS)}, "invalid_atomic_number"),
    "0 is not an atomic number": ({"atomic_numbers": with_first([0, 17], NUMBERS)}, "invalid_atomic_number"),
    "119 is not an atomic number": ({"atomic_numbers": with_first([17, 119], NUMBERS)}, "invalid_atomic_number"),
    "nan is not an atomic number": (
        {"atomic_numbers": with_first([float("nan"), 17], NUMBERS, lists(double))},
        "invalid_atomic_number",
    ),
    "1.84467e.19 is not an atomic number": (
        {"atomic_numbers": with_first([2**64 - 1, 17], NUMBERS, lists(pa.uint64()))},
        "invalid_atomic_number",
    ),
    "it has no identifier": ({"material_id": pa.array([None, "test-1", "test-2"])}, "no_id"),
    "it has no identifier in UTF-8": (
        {"material_id": pa.array([b"\xff", b"test-1", b"test-2"]).view(pa.string())},
        "no_id",
    ),
    "occupancies holds 1 number; one is needed for each of 2 atoms": (
        {"occupancies": pa.array([[1.0], [1.0] * 8, [1.0] * 2])},
        "no_structure",
    ),
}


@pytest.mark.parametrize("detail", SET_ASIDE)
def test_one_bad_row_is_set_aside_by_name_and_the_rest_goes_on(detail: str, tmp_path: Path) -> None:
    columns, reason = SET_ASIDE[detail]
    table = arrow_table(CRYSTALS, **({"lattice": pa.array(FLAT), "y": pa.array([1.5, -2.0, 0.25])} | columns))
    found, rows, (fault,) = read_rows(table, origin="here")
    assert rows.tolist() == [1, 2]
    assert_equal(found, EXPECTED.take(np.array([1, 2])))
    assert (fault.row, fault.reason) == (0, reason)
    with pytest.raises(SourceError, match="here, row 0 .*" + detail):
        structures_from_arrow(table, origin="here")
    snapshot = pull(table, tmp_path)
    assert (snapshot.rejected, snapshot.n_received) == ({reason: 1}, 3)
    assert_equal(read_structures(snapshot), EXPECTED.take(np.array([1, 2])))
    (line,) = csv.DictReader((snapshot.folder / REJECTED).open(encoding="utf-8"))
    name = "row 0" if reason == "no_id" else "test-0"
    assert (line["item"], line["reason"], line["detail"][:7]) == (name, reason, "row 0: ")


def test_what_a_null_hides_never_moves_to_another_row() -> None:
    values = pa.array([*FLAT[0], *FLAT[1], *FLAT[2]])
    hidden = pa.ListArray.from_arrays(pa.array([0, 9, 18, 27]), values, mask=pa.array([False, True, False]))
    found, rows, (fault,) = read_rows(arrow_table(CRYSTALS, lattice=hidden), origin="here")
    assert (rows.tolist(), fault.detail) == ([0, 2], "lattice is empty")
    np.testing.assert_array_equal(found.lattices, np.array(LATTICES)[[0, 2]])


def test_a_formula_that_its_atoms_contradict_is_set_aside(tmp_path: Path) -> None:
    formulas = pa.array(["Cs2Cl2", "KCl", "what is this"])
    snapshot = pull(arrow_table(CRYSTALS, formula=formulas), tmp_path)
    assert snapshot.rejected == {"formula_disagrees": 1}
    assert len(read_structures(snapshot)) == 2
    listed = (snapshot.folder / REJECTED).read_text(encoding="utf-8")
    assert "its formula is KCl, and its atoms are NaCl" in listed


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("pbc", pa.array([[True, True, False], [True] * 3, None])),
        ("pbc", pa.array([[True, False, True], [True] * 3, [True] * 3], lists(pa.bool_(), 3))),
        ("pbc", pa.array([False, True, None])),
        ("pbc", pa.array([[1, 1, 0], [1, 1, 1], [None] * 3], lists(pa.int8()))),
        ("pbc", pa.array([[1.0, 0.0, 1.0], [1.0] * 3, None])),
        ("pbc", pa.array(["T T F", "[ True  True  True]", None])),
        ("pbc", pa.array(["FFT", "TTT", "nan"])),
        ("pbc", pa.array([[True, None, True], [True] * 3, []])),
        ("PBC", pa.array([{"a": True, "b": False, "c": True}, None, dict.fromkeys("abc", True)])),
        ("dimension_types", pa.array([[1, 1, 0], [1, 1, 1], None])),
        ("nperiodic_dimensions", pa.array([2, 3, None])),
    ],
)
def test_what_is_said_to_be_a_slab_is_set_aside(name: str, flags: pa.Array, tmp_path: Path) -> None:
    snapshot = pull(arrow_table(CRYSTALS, **{name: flags}), tmp_path)
    assert snapshot.rejected == {"no_cell": 1}
    assert list(read_structures(snapshot).material_ids) == ["test-1", "test-2"]


def test_a_row_that_states_no_shares_has_full_sites(tmp_path: Path) -> None:
    shares = pa.array([None, [1.0] * 8, [0.5, 1.0]])
    snapshot = pull(arrow_table(CRYSTALS, occupancies=shares), tmp_path)
    found = read_structures(snapshot).occupancies
    assert found is not None
    assert found.tolist() == [1.0] * 10 + [0.5, 1.0]
    assert snapshot.unusable == {"partial_occupancy": 1}


def test_a_formula_has_to_hold_beside_shares_that_are_full(tmp_path: Path) -> None:
    columns = {
        "formula": pa.array(["KCl", "NaCl", "LiBr"]),
        "occupancies": pa.array([[1.0] * 2, [1.0] * 8, [0.5, 1.0]]),
    }
    assert pull(arrow_table(CRYSTALS, **columns), tmp_path).rejected == {"formula_disagrees": 1}


@pytest.mark.parametrize("name", ["occupancy", "Occupancies"])
def test_shares_of_sites_under_another_name_are_refused(name: str, tmp_path: Path) -> None:
    shares = pa.array([[0.5] * len(numbers) for numbers in NUMBERS])
    with pytest.raises(SourceError, match=f'column "{name}" holds lists.*name it "occupancies"'):
        pull(arrow_table(CRYSTALS, **{name: shares}), tmp_path)
    snapshot = pull(arrow_table(CRYSTALS, occupancy=pa.array([0.5] * len(CRYSTALS))), tmp_path)
    np.testing.assert_array_equal(read_structures(snapshot).properties["occupancy"], [0.5] * len(CRYSTALS))


def test_a_number_called_pbc_is_a_property(tmp_path: Path) -> None:
    snapshot = pull(arrow_table(CRYSTALS, pbc=pa.array([0.0, 1.0, 2.0])), tmp_path)
    np.testing.assert_array_equal(read_structures(snapshot).properties["pbc"], [0, 1, 2])


def test_a_number_beyond_all_measurements_is_unknown_and_counted(tmp_path: Path) -> None:
    values = pa.array([1.0, 1e300, -np.inf])
    snapshot = pull(arrow_table(CRYSTALS, y=values), tmp_path)
    assert snapshot.counts == {"values_out_of_range": 2}
    np.testing.assert_array_equal(read_structures(snapshot).properties["y"], [1.0, np.nan, np.nan])


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.dictionary(pa.int8(), pa.float32())])
def test_such_a_number_in_one_part_leaves_the_type_of_all(
    kind: pa.DataType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.sources.table.ROWS_PER_BATCH", 1)
    values = pa.array(np.array([1.0, np.inf, 2.0], np.float16), pa.float16()).cast(pa.float32())
    column = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
    snapshot = pull(arrow_table(CRYSTALS, y=column), tmp_path)
    np.testing.assert_array_equal(read_structures(snapshot).properties["y"], [1.0, np.nan, 2.0])


def test_the_numbers_of_rows_that_pandas_wrote_are_no_property(tmp_path: Path) -> None:
    frame = arrow_table(CRYSTALS, y=pa.array([1.0, 2.0, 3.0])).to_pandas().iloc[[2, 0, 1]]
    snapshot = pull(pa.Table.from_pandas(frame), tmp_path)
    assert set(read_structures(snapshot).properties) == {"y"}


def test_a_row_without_atoms_ends_nothing(tmp_path: Path) -> None:
    """Whatever its formula says, the cleaning leaves it out by name."""
    numbers, coords = ([*NUMBERS[:1], [], *NUMBERS[2:]], [np.ravel(COORDS[0]), [], np.ravel(COORDS[2])])
    columns = {"atomic_numbers": pa.array(numbers, lists(pa.int64())), "frac_coords": pa.array(coords, lists(double))}
    snapshot = pull(arrow_table(CRYSTALS, formula=pa.array(["CsCl", "NaCl", "LiF"]), **columns), tmp_path)
    assert (snapshot.rejected, snapshot.unusable) == ({}, {"no_atoms": 1})
