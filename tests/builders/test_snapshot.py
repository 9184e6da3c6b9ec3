"""Sources into snapshots: what is taken, what is refused, and what is noticed afterwards."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.learning.material import prepare
from builders.methods.crystal_transformer.recipes import RECIPES
from builders.progress import Reporter
from builders.snapshots.check import check_source
from builders.snapshots.snapshot import Snapshot, read_snapshot, read_structures, take_snapshot
from builders.sources import SOURCES, SourceOptions, find_source
from builders.sources.origins import ORIGINS, find_origin
from builders.structures.cleaning import Selection, clean
from builders.structures.rejections import MENDS
from embeddings.errors import ColumnNotFound, EmbeddingsError, InputInvalid, SourceError
from testing.crystals import arrow_table, cscl, rocksalt, sample_crystals, write_sample

CRYSTALS = [cscl(11, 17, 3.6), rocksalt(12, 8, 4.2)]


def pull(path: Path, folder: Path, selection: Selection | None = None) -> Snapshot:
    selection = selection or Selection()
    stream = find_source("table")(SourceOptions(path), selection)
    return take_snapshot(folder, "table", stream, selection, Reporter(quiet=True))


def test_structures_and_labels_come_through_unchanged(tmp_path: Path) -> None:
    crystals, labels = sample_crystals(30)
    table = read_structures(pull(write_sample(tmp_path / "t.parquet", 30), tmp_path / "s"))
    assert len(table) == 30
    for row, (lattice, numbers, coords) in enumerate(crystals):
        atoms = slice(table.offsets[row], table.offsets[row + 1])
        np.testing.assert_allclose(table.lattices[row], lattice, rtol=1e-6)
        np.testing.assert_array_equal(table.atomic_numbers[atoms], numbers)
        np.testing.assert_allclose(table.frac_coords[atoms], coords, atol=1e-6)
    for name, values in labels.items():
        np.testing.assert_array_equal(table.properties[name], values)


def test_units_and_origin_are_read_from_the_file(tmp_path: Path) -> None:
    column = pa.field("bulk_modulus", pa.float32(), metadata={"unit": "GPa"})
    table = arrow_table(CRYSTALS).append_column(column, pa.array([1.0, None], pa.float32()))
    table = table.replace_schema_metadata({"licence": "CC0-1.0", "attribution": "Nobody.", "synthetic": "true"})
    pq.write_table(table, tmp_path / "t.parquet")
    snapshot = pull(tmp_path / "t.parquet", tmp_path / "s")
    assert (snapshot.origin.licence, snapshot.origin.attribution) == ("CC0-1.0", "Nobody.")
    assert snapshot.origin.synthetic
    structures = read_structures(snapshot)
    assert structures.units == {"bulk_modulus": "GPa"}
    np.testing.assert_array_equal(structures.properties["bulk_modulus"], [1.0, np.nan])


def test_the_selection_is_counted_and_the_limit_counts_what_is_kept(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "t.parquet", 40)
    snapshot = pull(path, tmp_path / "s", Selection(max_sites=2, limit=7))
    assert len(read_structures(snapshot)) == 7
    assert set(read_structures(snapshot).n_sites) == {2}
    assert snapshot.rejected == {"too_many_sites": 20}
    assert snapshot.query["limit"] == 7


def test_the_same_query_is_not_pulled_twice_and_another_one_never_replaces_it(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "t.parquet", 10)
    first = pull(path, tmp_path / "s")
    assert pull(path, tmp_path / "s") == first
    with pytest.raises(SourceError, match="another pull: limit None there, 3 asked"):
        pull(path, tmp_path / "s", Selection(limit=3))
    assert read_snapshot(tmp_path / "s") == first


def test_the_same_file_gives_the_same_snapshot(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "t.parquet", 10)
    assert pull(path, tmp_path / "one").sha256 == pull(path, tmp_path / "two").sha256


def test_an_altered_part_or_ledger_is_noticed(tmp_path: Path) -> None:
    folder = pull(write_sample(tmp_path / "t.parquet", 10), tmp_path / "s").folder
    part = next(folder.glob("*.parquet"))
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(SourceError, match=r"part-00000\.parquet is missing or altered"):
        read_snapshot(folder)
    (folder / "snapshot.json").write_text("{")
    with pytest.raises(SourceError, match="not a complete snapshot"):
        read_snapshot(folder)


def test_a_folder_that_was_not_pulled_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"embeddings pull {re.escape(str(tmp_path))} --out SNAPSHOT makes one"):
        read_snapshot(tmp_path)
    with pytest.raises(SourceError, match="There is no such folder; embeddings pull makes one"):
        read_snapshot(tmp_path / "absent")


def test_a_missing_column_is_named_with_those_there(tmp_path: Path) -> None:
    pq.write_table(arrow_table(CRYSTALS, lattice=None), tmp_path / "t.parquet")
    with pytest.raises(ColumnNotFound, match=r"lacks the column lattice.*material_id, formula"):
        pull(tmp_path / "t.parquet", tmp_path / "s")


def test_an_absent_or_broken_or_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No file"):
        pull(tmp_path / "absent.parquet", tmp_path / "s")
    with pytest.raises(InputInvalid, match="--path"):
        find_source("table")(SourceOptions())
    whole = write_sample(tmp_path / "t.parquet", 10).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="not a readable Parquet"):
        pull(tmp_path / "cut.parquet", tmp_path / "s")
    pq.write_table(arrow_table(CRYSTALS).slice(0, 0), tmp_path / "empty.parquet")
    with pytest.raises(SourceError, match="the source is empty"):
        pull(tmp_path / "empty.parquet", tmp_path / "s")
    with pytest.raises(SourceError, match="10 other_elements"):
        pull(tmp_path / "t.parquet", tmp_path / "none", Selection(elements=("Xe",)))


def faulty(path: Path) -> Path:
    """Eight crystals; an identifier twice, an atom on another, a cell without room."""
    crystals = [cscl(11, 17, 3.6 + 0.1 * k) for k in range(8)]
    ids = pa.array([f"c{k}" for k in (0, 1, 2, 3, 1, 4, 5, 0)])
    lattice, numbers, coords = crystals[3]
    crystals[3] = lattice, numbers, coords * 0
    crystals[5] = crystals[5][0] * 0.1, *crystals[5][1:]
    pq.write_table(arrow_table(crystals).set_column(0, "material_id", ids), path)
    return path


FAULTS = {("c1", "duplicate_id"), ("c0", "duplicate_id"), ("c4", "no_volume"), ("c3", "atoms_overlap")}


@pytest.mark.parametrize("rows_per_batch", [1, 3, 100])
def test_what_the_cleaning_will_drop_is_listed_by_name_and_stays_in_the_snapshot(
    rows_per_batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.sources.table.ROWS_PER_BATCH", rows_per_batch)
    snapshot = pull(faulty(tmp_path / "t.parquet"), tmp_path / "s")
    assert len(read_structures(snapshot)) == 8
    assert snapshot.rejected == {}
    assert snapshot.unusable == {"duplicate_id": 2, "no_volume": 1, "atoms_overlap": 1}
    assert clean(read_structures(snapshot))[1] == snapshot.unusable
    with (tmp_path / "s" / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["item"], row["reason"]) for row in rows} == FAULTS
    assert all(row["mend"] == MENDS[row["reason"]] for row in rows)


def test_counts_of_one_reason_from_the_pull_and_from_the_cleaning_are_added(tmp_path: Path) -> None:
    snapshot = replace(
        pull(write_sample(tmp_path / "t.parquet", 30), tmp_path / "s"), rejected={"no_target": 2, "x": 1}
    )
    table = read_structures(snapshot)
    unknown = int(np.isnan(table.properties["band_gap"]).sum())
    dropped = prepare(snapshot, replace(RECIPES["ct-all"], targets=("band_gap",)), Reporter(quiet=True)).dropped
    assert dropped == {"no_target": 2 + unknown, "x": 1}
    assert unknown


def test_a_check_says_what_a_pull_and_a_build_would_do(tmp_path: Path) -> None:
    stream = find_source("table")(SourceOptions(faulty(tmp_path / "t.parquet")), Selection(max_sites=2, limit=6))
    report = check_source(stream, Selection(max_sites=2, limit=6), Reporter(quiet=True))
    assert (report.n_received, report.n_kept, report.n_usable) == (8, 6, 3)
    assert report.unusable == {"duplicate_id": 1, "no_volume": 1, "atoms_overlap": 1}
    assert {(first["item"], reason) for reason, kind in report.faults.items() for first in kind.first} < FAULTS


def test_labels_are_counted_over_the_usable(tmp_path: Path) -> None:
    table = arrow_table(
        [cscl(11, 17, 3.6 + 0.1 * k) for k in range(4)],
        gap=pa.array([1.0, None, 3.0, float("nan")]),
        metal=pa.array([1, 0, 0, 1]),
        same=pa.array([2.5, 2.5, None, None]),
        none=pa.array([None] * 4, pa.float64()),
    )
    pq.write_table(table, tmp_path / "t.parquet")
    stream = find_source("table")(SourceOptions(tmp_path / "t.parquet"), Selection())
    labels = check_source(stream, Selection(), Reporter(quiet=True)).to_dict()["labels"]
    shown = {name: [label[key] for key in ("n_known", "is_constant", "is_binary")] for name, label in labels.items()}
    assert shown["gap"] == [2, False, False]
    assert shown["metal"] == [4, False, True]
    assert shown["same"] == [2, True, False]
    assert shown["none"][0] == 0
    assert (labels["gap"]["least"], labels["gap"]["most"]) == (1.0, 3.0)


def test_sources_and_origins_go_by_name(tmp_path: Path) -> None:
    assert all(callable(find_source(name)) for name in SOURCES)
    with pytest.raises(InputInvalid, match='Did you mean "table"'):
        find_source("tabel")
    assert find_origin("materials-project") is ORIGINS["materials-project"]
    with pytest.raises(InputInvalid, match="materials-project"):
        find_origin("material-project")
    (tmp_path / "mine.json").write_text(json.dumps({"name": "Mine", "licence": "CC0-1.0"}))
    assert find_origin(str(tmp_path / "mine.json")).licence == "CC0-1.0"
    (tmp_path / "american.json").write_text('{"name": "mine", "license": "CC0-1.0"}')
    assert find_origin(str(tmp_path / "american.json")).licence == "CC0-1.0"
    (tmp_path / "bad.json").write_text(json.dumps({"nom": "Mine"}))
    with pytest.raises(EmbeddingsError, match="Its fields: name, license"):
        find_origin(str(tmp_path / "bad.json"))
