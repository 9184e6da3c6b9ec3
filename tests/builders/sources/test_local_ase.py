"""ASE databases: a row that cannot be read is named, and the rest goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.db import connect

from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions
from tests.builders.sources.conftest import Pull


def crystal(**more: Any) -> Atoms:
    stated = {"cell": np.eye(3) * 4, "pbc": True, **more}
    return Atoms("CsCl", scaled_positions=[[0, 0, 0], [0.5] * 3], **stated)


def rejected(snapshot: Snapshot) -> dict[str, str]:
    path = snapshot.folder / "rejected.csv"
    return dict(pd.read_csv(path)[["item", "reason"]].itertuples(index=False)) if path.exists() else {}


DAMAGES = {
    "positions": ("UPDATE systems SET positions = x'00' WHERE id = 2", "unreadable"),
    "elements": ("UPDATE systems SET numbers = x'C8000000C8000000' WHERE id = 2", "unknown_element"),
    "labels": ("UPDATE systems SET key_value_pairs = '{broken' WHERE id = 2", "unreadable"),
    "flags": ("UPDATE systems SET pbc = 3 WHERE id = 2", "no_cell"),
    "a reserved name": ("UPDATE systems SET key_value_pairs = '{\"lattice\": 5}' WHERE id = 2", "reserved_name"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_row_that_is_damaged_is_named_and_the_rest_goes_on(name: str, pull: Pull, tmp_path: Path) -> None:
    with connect(str(tmp_path / "d.db")) as database:
        for gap in (1.0, 2.0, 3.0):
            database.write(crystal(), gap=gap)
    statement, reason = DAMAGES[name]
    with sqlite3.connect(tmp_path / "d.db") as connection:
        connection.execute(statement)
    connection.close()
    snapshot = pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.db"))
    assert rejected(snapshot) == {"d-2": reason}
    np.testing.assert_array_equal(read_structures(snapshot).properties["gap"], [1, 3])


def test_what_a_row_states_is_taken_as_it_is(pull: Pull, tmp_path: Path) -> None:
    oblique = [[4, 0, 0], [2, 4, 0], [0, 1, 4]]
    with connect(str(tmp_path / "d.db")) as database:
        database.write(crystal(cell=oblique), is_metal=True, name="x1", series="words", huge=1e300)
        database.write(crystal(), is_metal=False, name="x2", functional="PBE")
        database.write(crystal(pbc=[True, True, False]), name="slab")
    snapshot = pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.db"))
    table = read_structures(snapshot)
    assert list(table.material_ids) == ["x1", "x2"]
    np.testing.assert_allclose(table.lattices[0], oblique)
    np.testing.assert_allclose(table.frac_coords[:2], [[0, 0, 0], [0.5] * 3], atol=1e-12)
    np.testing.assert_array_equal(table.properties["is_metal"], [1, 0])
    assert set(table.properties) == {"is_metal", "huge"}
    assert snapshot.counts["values_out_of_range"] == 1
    assert snapshot.counts["booleans_as_numbers"] == 2
    assert rejected(snapshot) == {"d-3": "no_cell"}


def test_a_name_that_rows_share_is_no_identifier(pull: Pull, tmp_path: Path) -> None:
    with connect(str(tmp_path / "d.db")) as database:
        database.write(crystal(), name="CsCl")
        database.write(crystal(cell=np.eye(3) * 5), name="CsCl")
        database.write(crystal(cell=np.eye(3) * 6), name="CsCl", uid="u3")
    snapshot = pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.db"))
    assert list(read_structures(snapshot).material_ids) == ["d-1", "d-2", "u3"]
    assert (snapshot.unusable, snapshot.facts["name_is_shared"]) == ({}, True)


def test_what_a_row_says_of_moves_is_not_read(pull: Pull, tmp_path: Path) -> None:
    with connect(str(tmp_path / "d.db")) as database:
        database.write(crystal())
    with sqlite3.connect(tmp_path / "d.db") as connection:
        connection.execute("""UPDATE systems SET constraints = '[{"name": "FixOfOthers", "kwargs": {}}]'""")
    connection.close()
    assert rejected(pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.db"))) == {}
