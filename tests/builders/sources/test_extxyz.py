"""Extended XYZ: what a frame states is read, and a bad frame does not end the file."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pandas as pd
import pytest
from ase import Atoms

from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions, extxyz
from builders.sources.extxyz import read_comment
from embeddings.errors import SourceError
from tests.builders.sources.conftest import Pull

CELL = 'Lattice="4 0 0 0 4 0 0 0 4"'
COLUMNS = "Properties=species:S:1:pos:R:3"
GOOD = f"2\n{CELL} {COLUMNS}\nCs 0 0 0\nCl 2 2 2\n"


def pulled(pull: Pull, folder: Path, text: str) -> Snapshot:
    (folder / "d.extxyz").write_bytes(text.encode("utf-8", "surrogateescape"))
    return pull("local", folder / "s", SourceOptions(folder / "d.extxyz"))


def rejected(snapshot: Snapshot) -> dict[str, str]:
    path = snapshot.folder / "rejected.csv"
    return dict(pd.read_csv(path)[["item", "reason"]].itertuples(index=False)) if path.exists() else {}


BAD = {
    "an unknown symbol": (GOOD.replace("Cl", "Qq"), {"d-2": "unknown_element"}),
    "a dummy": (GOOD.replace("Cl", "X"), {"d-2": "unknown_element"}),
    "too large a count": (GOOD.replace("2\n", "3\n", 1), {"d-2": "wrong_count"}),
    "too small a count": (GOOD.replace("2\n", "1\n", 1), {"d-2": "wrong_count"}),
    "a count of a thousand million": (GOOD.replace("2\n", "1000000000\n", 1), {"d-2": "wrong_count"}),
    "no atoms": (f"0\n{CELL} {COLUMNS}\n", {"d-2": "no_structure"}),
    "NaN": (GOOD.replace("2 2 2", "2 nan 2"), {"d-2": "not_finite"}),
    "a word for a number": (GOOD.replace("2 2 2", "2 two 2"), {"d-2": "unreadable"}),
    "a column too few": (GOOD.replace("2 2 2", "2 2"), {"d-2": "wrong_count"}),
    "no lattice": (GOOD.replace(CELL, "a=1"), {"d-2": "no_cell"}),
    "a flat lattice": (GOOD.replace("0 0 4", "4 0 0"), {"d-2": "no_volume"}),
    "eight numbers": (GOOD.replace("0 0 4", "0 0"), {"d-2": "no_structure"}),
    "a slab in digits": (GOOD.replace(COLUMNS, COLUMNS + ' pbc="1 1 0"'), {"d-2": "no_cell"}),
    "a slab": (GOOD.replace(COLUMNS, COLUMNS + ' pbc="T T F"'), {"d-2": "no_cell"}),
    "flags that are none": (GOOD.replace(COLUMNS, COLUMNS + ' pbc="1 1 maybe"'), {"d-2": "no_structure"}),
    "columns without positions": (GOOD.replace("pos:R:3", "force:R:3"), {"d-2": "no_structure"}),
    "columns that are none": (GOOD.replace("pos:R:3", "pos:R:many"), {"d-2": "no_structure"}),
    "a property called lattice": (GOOD.replace(COLUMNS, COLUMNS + " frac_coords=5"), {"d-2": "reserved_name"}),
    "two lattices": (GOOD.replace(CELL, f"{CELL} {CELL.replace('4', '8')}"), {"d-2": "unreadable"}),
    "a slab in capitals": (GOOD.replace(COLUMNS, COLUMNS + ' PBC="T T F"'), {"d-2": "no_cell"}),
    "two elements on one place": (
        f"2\n{CELL} {COLUMNS}:Z:I:1\nCs 0 0 0 55\nCl 2 2 2 35\n",
        {"d-2": "unreadable"},
    ),
    "another unit": (GOOD.replace(COLUMNS, COLUMNS + " units=bohr"), {"d-2": "unsupported_feature"}),
    "another unit of length": (GOOD.replace(COLUMNS, COLUMNS + ' Length_Unit="a.u."'), {"d-2": "unsupported_feature"}),
    "fractional positions": (GOOD.replace(COLUMNS, COLUMNS + " pos_unit=scaled"), {"d-2": "unsupported_feature"}),
    "an occupancy": (f"2\n{CELL} {COLUMNS}:occupancy:R:1\nCs 0 0 0 1\nCl 2 2 2 0.5\n", {"d-2": "partial_occupancy"}),
    "an occupancy in words": (f"2\n{CELL} {COLUMNS}:occupancy:R:1\nCs 0 0 0 1\nCl 2 2 2 half\n", {"d-2": "unreadable"}),
    "an empty identifier": (GOOD.replace(COLUMNS, COLUMNS + ' id=" "'), {"d-2": "bad_name"}),
    "an identifier that is not UTF-8": (GOOD.replace(COLUMNS, COLUMNS + " id=\udcff"), {"d-2": "bad_name"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame_is_named_and_the_next_one_is_read(name: str, pull: Pull, tmp_path: Path) -> None:
    text, faults = BAD[name]
    snapshot = pulled(pull, tmp_path, GOOD + text + GOOD)
    assert rejected(snapshot) == faults
    table = read_structures(snapshot)
    assert list(table.material_ids) == ["d-1", "d-3"]
    np.testing.assert_array_equal(table.atomic_numbers, [55, 17, 55, 17])


def test_lines_that_no_frame_announces_spoil_only_the_frame_before_them(pull: Pull, tmp_path: Path) -> None:
    snapshot = pulled(pull, tmp_path, "some words\n" + GOOD + GOOD + "Cl 1 1 1\n\nmore words\n" + GOOD)
    assert rejected(snapshot) == {"d-1": "unreadable", "d-3": "wrong_count"}
    assert list(read_structures(snapshot).material_ids) == ["d-2", "d-4"]


def test_a_file_that_is_cut_loses_its_last_frame(pull: Pull, tmp_path: Path) -> None:
    snapshot = pulled(pull, tmp_path, GOOD + GOOD + GOOD[:-10])
    assert rejected(snapshot) == {"d-3": "wrong_count"}
    assert len(read_structures(snapshot)) == 2


@pytest.mark.parametrize("text", ["", "\n\n", "words\n", "x" * 500])
def test_a_file_without_a_frame_is_named(text: str, pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"d\.extxyz is not extended XYZ"):
        pulled(pull, tmp_path, text)


def test_deuterium_counts_as_hydrogen(pull: Pull, tmp_path: Path) -> None:
    snapshot = pulled(pull, tmp_path, GOOD.replace("Cl", "D") + GOOD.replace("Cl", "T") + GOOD)
    assert snapshot.counts == {"deuterium_as_hydrogen": 2}
    np.testing.assert_array_equal(read_structures(snapshot).atomic_numbers, [55, 1, 55, 1, 55, 17])


@pytest.mark.parametrize("stated", ["units=angstrom", 'unit="Å"', "units=metal", "energy_unit=au", "force_units=bohr"])
def test_units_that_are_not_of_another_length_change_nothing(stated: str, pull: Pull, tmp_path: Path) -> None:
    table = read_structures(pulled(pull, tmp_path, GOOD.replace(COLUMNS, f"{COLUMNS} {stated}")))
    np.testing.assert_allclose(table.lattices[0], np.eye(3) * 4)


def test_keys_of_the_cell_and_the_columns_are_known_in_any_case(pull: Pull, tmp_path: Path) -> None:
    text = GOOD.replace("Lattice", "lattice").replace(
        "Properties=species:S:1:pos:R:3", "properties=pos:R:3:species:S:1"
    )
    table = read_structures(
        pulled(pull, tmp_path, text.replace("Cs 0 0 0", "0 0 0 Cs").replace("Cl 2 2 2", "2 2 2 Cl"))
    )
    np.testing.assert_array_equal(table.atomic_numbers, [55, 17])
    np.testing.assert_allclose(table.lattices[0], np.eye(3) * 4)


def shared(*shares: float) -> Atoms:
    """As ASE reads a CIF with shared sites: one symbol on each, and all shares beside it."""
    atoms = Atoms("CsCl", cell=np.eye(3) * 4, pbc=True, scaled_positions=[[0, 0, 0], [0.5] * 3])
    atoms.arrays["spacegroup_kinds"] = np.array([0, 2])
    atoms.info["occupancy"] = {"0": dict(zip(("Cs", "Rb"), shares, strict=True)), "2": {"Cl": 1}}
    return atoms


def test_shared_sites_that_ase_writes_stay_shared(pull: Pull, tmp_path: Path) -> None:
    stale, bare, replaced = shared(0.9, 0.1), shared(0.9, 0.1), shared(1.0, 0.0)
    replaced.symbols[1] = "Br"
    stale.symbols[0] = "K"
    del bare.arrays["spacegroup_kinds"]
    ase.io.write(tmp_path / "d.extxyz", [shared(0.9, 0.1), stale, bare, replaced])
    faults = {"d-2": "unsupported_feature", "d-3": "unsupported_feature"}
    dropped = pull("local", tmp_path / "dropped", SourceOptions(tmp_path / "d.extxyz"))
    assert rejected(dropped) == {"d-1": "partial_occupancy", **faults}
    snapshot = pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.extxyz", disorder="majority"))
    assert rejected(snapshot) == faults
    assert snapshot.counts == {"majority_of_disordered_sites_taken": 1}
    np.testing.assert_array_equal(read_structures(snapshot).atomic_numbers, [55, 17, 55, 35])


def test_columns_cells_and_numbers_are_taken_as_they_stand(pull: Pull, tmp_path: Path) -> None:
    oblique = 'Lattice="4 0 0 2 4 0 0 1 4" Properties=Z:I:1:tag:S:2:pos:R:3:force:R:3 pbc="1 1 1"'
    text = f"2\r\n{oblique}\r\n55 a b 0 0 0 1 1 1\r\n17 a b 3 2.5 2 1 1 1\r\n\r\n" + "1\nenergy=0\nCs 0 0 0\n"
    text += "VEC1 4 0 0\nVEC2 0 4 0\nVEC3 0 0 4\n"
    table = read_structures(pulled(pull, tmp_path, text))
    np.testing.assert_allclose(table.lattices, [[[4, 0, 0], [2, 4, 0], [0, 1, 4]], np.eye(3) * 4])
    np.testing.assert_allclose(table.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]])
    np.testing.assert_array_equal(table.atomic_numbers, [55, 17, 55])


def test_identifiers_keep_their_spelling(pull: Pull, tmp_path: Path) -> None:
    names = ["0012", "1.10", "12345678901234567890123", "12345678901234567890124", '"two words"', "0x10", "T1"]
    text = "".join(GOOD.replace(COLUMNS, f"{COLUMNS} id={name}") for name in names)
    table = read_structures(pulled(pull, tmp_path, text))
    assert list(table.material_ids) == [name.strip('"') for name in names]
    assert not table.properties


def test_numbers_and_booleans_are_properties_and_words_are_not(pull: Pull, tmp_path: Path) -> None:
    said = f"{COLUMNS} is_metal=T gap=1.5 energy = -3.25E+00 huge=1e300 unknown=nan series=x vector='1 2 3' bare"
    snapshot = pulled(pull, tmp_path, GOOD.replace(COLUMNS, said) + GOOD.replace(COLUMNS, f"{COLUMNS} is_metal=False"))
    table = read_structures(snapshot)
    assert set(table.properties) == {"is_metal", "gap", "energy", "huge", "unknown"}
    np.testing.assert_array_equal(table.properties["is_metal"], [1, 0])
    np.testing.assert_array_equal(table.properties["energy"], [-3.25, np.nan])
    assert np.isnan(table.properties["huge"]).all()
    assert snapshot.counts == {"booleans_as_numbers": 2, "values_out_of_range": 1}


def test_properties_of_too_many_names_are_refused(pull: Pull, tmp_path: Path) -> None:
    frames = (GOOD.replace(COLUMNS, " ".join([COLUMNS, *(f"k{n}_{k}=1" for k in range(400))])) for n in range(3))
    with pytest.raises(SourceError, match="1,200 properties of different names"):
        pulled(pull, tmp_path, "".join(frames))


def test_a_comment_is_split_as_the_format_says() -> None:
    line = r"""Lattice="1 0 0" name='a "b"' note="it \"is\"" "my key"=3 x={1 2} y=[3 4] bare z = 5 empty="" """
    assert read_comment(line) == {
        "Lattice": "1 0 0",
        "name": 'a "b"',
        "note": 'it "is"',
        "my key": "3",
        "x": "1 2",
        "y": "3 4",
        "z": "5",
        "empty": "",
    }


def test_what_is_too_large_is_passed_over_without_being_kept(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extxyz, "MOST_ATOMS", 3)
    large = f"4\n{CELL} {COLUMNS}\n" + "Cs 0 0 0\n" * 4
    snapshot = pulled(pull, tmp_path, GOOD + large + GOOD)
    assert rejected(snapshot) == {"d-2": "too_large"}
    assert list(read_structures(snapshot).material_ids) == ["d-1", "d-3"]


def test_a_line_without_end_is_not_read_to_its_end(pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extxyz, "LONGEST_LINE", 100)
    with pytest.raises(SourceError, match="a line has 100 characters or more"):
        pulled(pull, tmp_path, GOOD + "1\n" + "x" * 1_000)
