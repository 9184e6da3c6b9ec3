"""MatBench and JARVIS: what is wrong with a row is counted, what is wrong with a file is named."""

from __future__ import annotations

import gzip
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions, json_stream
from embeddings.errors import InputInvalid, SourceError
from tests.builders.sources.conftest import Pull

STRUCTURE = {
    "lattice": {"matrix": [[5, 0, 0], [0, 5, 0], [0, 0, 5]]},
    "sites": [{"species": [{"element": "Na", "occu": 1}], "abc": [0, 0, 0]}],
}
GOOD = ("good", [STRUCTURE, 1.5])


def matbench(folder: Path, *rows: tuple[Any, Any], **more: Any) -> Path:
    document = {
        "index": [name for name, _ in rows],
        "columns": ["structure", "y"],
        "data": [row for _, row in rows],
        **more,
    }
    return compressed(folder, json.dumps(document))


def compressed(folder: Path, text: str) -> Path:
    (folder / "d.json.gz").write_bytes(gzip.compress(text.encode()))
    return folder / "d.json.gz"


def jarvis(folder: Path, text: str) -> Path:
    with zipfile.ZipFile(folder / "d.json.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d.json", text)
    return folder / "d.json.zip"


def entry(name: Any, **more: Any) -> dict[str, Any]:
    atoms = {"lattice_mat": np.eye(3).tolist(), "coords": [[0, 0, 0]], "elements": ["Na"]}
    return {"jid": name, "atoms": atoms, **more}


def rejected(snapshot: Snapshot) -> dict[str, str]:
    path = snapshot.folder / "rejected.csv"
    return dict(pd.read_csv(path)[["item", "reason"]].itertuples(index=False)) if path.exists() else {}


def test_true_and_false_are_one_and_zero(pull: Pull, tmp_path: Path) -> None:
    rows = [(f"m-{k}", [STRUCTURE, bool(k % 2)]) for k in range(20)]
    snapshot = pull("local", tmp_path / "s", SourceOptions(matbench(tmp_path, *rows)))
    np.testing.assert_array_equal(read_structures(snapshot).properties["y"], [0, 1] * 10)
    assert snapshot.counts == {"booleans_as_numbers": 20}


UNKNOWN = {"1e300": "values_out_of_range", "9" * 400: "values_out_of_range", "9" * 5_000: "values_out_of_range"}
UNKNOWN |= {
    "-Infinity": "values_out_of_range",
    "NaN": None,
    "null": None,
    '"1.5"': "values_not_numbers",
    "[1]": "values_not_numbers",
}


@pytest.mark.parametrize("value", UNKNOWN)
def test_what_is_no_number_that_can_be_learned_is_unknown_and_counted(value: str, pull: Pull, tmp_path: Path) -> None:
    text = matbench(tmp_path, ("a", [STRUCTURE, "HERE"]), GOOD)
    text = compressed(tmp_path, gzip.decompress(text.read_bytes()).decode().replace('"HERE"', value))
    snapshot = pull("local", tmp_path / "s", SourceOptions(text))
    np.testing.assert_array_equal(read_structures(snapshot).properties["y"], [np.nan, 1.5])
    assert snapshot.counts == ({UNKNOWN[value]: 1} if UNKNOWN[value] else {})


def changed(**changes: Any) -> dict[str, Any]:
    return {**STRUCTURE, **changes}


def occupied(**species: Any) -> dict[str, Any]:
    return changed(sites=[{"species": [species], "abc": [0, 0, 0]}])


BAD_ROWS: dict[str, tuple[Any, Any, str, str]] = {
    "a short row": ("a", [STRUCTURE], "a", "wrong_count"),
    "a long row": ("a", [STRUCTURE, 1, 2], "a", "wrong_count"),
    "null": ("a", None, "a", "no_structure"),
    "text": ("a", "text", "a", "no_structure"),
    "no structure": ("a", [None, 1], "a", "no_structure"),
    "a list for a structure": ("a", [[1, 2], 1], "a", "no_structure"),
    "no sites": ("a", [changed(sites=[]), 1], "a", "no_structure"),
    "no species": ("a", [changed(sites=[{"species": [], "abc": [0, 0, 0]}]), 1], "a", "no_structure"),
    "two coordinates": (
        "a",
        [changed(sites=[{"species": [{"element": "Na", "occu": 1}], "abc": [0, 0]}]), 1],
        "a",
        "no_structure",
    ),
    "coordinates of null": (
        "a",
        [changed(sites=[{"species": [{"element": "Na", "occu": 1}], "abc": [0, 0, None]}]), 1],
        "a",
        "not_finite",
    ),
    "a lattice of text": ("a", [changed(lattice={"matrix": "abc"}), 1], "a", "no_structure"),
    "a slab": ("a", [changed(lattice={**STRUCTURE["lattice"], "pbc": [True, True, False]}), 1], "a", "no_cell"),  # type: ignore[dict-item]
    "a dummy": ("a", [occupied(element="X", occu=1), 1], "a", "unknown_element"),
    "an element of 5": ("a", [occupied(element=5, occu=1), 1], "a", "unknown_element"),
    "a share of text": ("a", [occupied(element="Na", occu="1"), 1], "a", "no_structure"),
    "a share of 2": ("a", [occupied(element="Na", occu=2), 1], "a", "occupancy_out_of_range"),
    "a partial site": ("a", [occupied(element="Na", occu=0.5), 1], "a", "partial_occupancy"),
    "an identifier of null": (None, [STRUCTURE, 1], "d.json-1", "no_id"),
    "an identifier of a list": ([1], [STRUCTURE, 1], "d.json-1", "no_id"),
    "an empty identifier": (" ", [STRUCTURE, 1], " ", "bad_name"),
    "a surrogate": ("\ud800", [STRUCTURE, 1], "\\ud800", "bad_name"),
    "a long identifier": ("x" * 300, [STRUCTURE, 1], "x" * 300, "bad_name"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_and_the_rest_goes_on(name: str, pull: Pull, tmp_path: Path) -> None:
    identifier, row, item, reason = BAD_ROWS[name]
    path = matbench(tmp_path, GOOD, (identifier, row), ("last", [STRUCTURE, 2]))
    snapshot = pull("local", tmp_path / "s", SourceOptions(path))
    assert rejected(snapshot) == {item: reason}
    assert list(read_structures(snapshot).material_ids) == ["good", "last"]


@pytest.mark.parametrize("nested", ["[" * 200_000 + "]" * 200_000, '{"a\\"[":' * 50_000 + "1" + "}" * 50_000])
def test_a_row_that_is_nested_too_deeply_is_passed_over(nested: str, pull: Pull, tmp_path: Path) -> None:
    rows = [json.dumps(GOOD[1]), f"[{nested}, 1]", json.dumps([STRUCTURE, 2])]
    text = '{"index": ["a", "b", "c"], "columns": ["structure", "y"], "data": [' + ",".join(rows) + "]}"
    snapshot = pull("local", tmp_path / "s", SourceOptions(compressed(tmp_path, text)))
    assert rejected(snapshot) == {"b": "unreadable"}
    assert list(read_structures(snapshot).material_ids) == ["a", "c"]


BAD_HEADERS: dict[str, dict[str, Any]] = {
    "no list of identifiers": {"index": None},
    "no list of names": {"columns": 5},
    'needs one column "structure"': {"columns": ["s", "y"]},
    "two columns with the same name": {"columns": ["structure", "y", "y"]},
    'column "lattice"': {"columns": ["structure", "lattice"]},
    "name of a column is not valid UTF-8": {"columns": ["structure", "\ud800"]},
    "3 identifiers in its index, and 1 row": {"index": ["a", "b", "c"]},
}


@pytest.mark.parametrize("message", BAD_HEADERS)
def test_a_bad_header_is_named(message: str, pull: Pull, tmp_path: Path) -> None:
    path = matbench(tmp_path, GOOD, **BAD_HEADERS[message])
    with pytest.raises(InputInvalid, match=rf"d\.json\.gz .*{message}|d\.json\.gz: .*{message}"):
        pull("local", tmp_path / "s", SourceOptions(path))


BAD_TEXTS = {
    "no list of names": '{"data": [], "columns": ["structure"]}',
    'has "index" twice': '{"index": [], "index": []}',
    'it has no "data"': '{"index": ["a"]}',
    "something follows": '{"index": [], "columns": ["structure"], "data": []} and more',
}


@pytest.mark.parametrize("message", BAD_TEXTS)
def test_a_text_that_is_no_data_set_is_named(message: str, pull: Pull, tmp_path: Path) -> None:
    with pytest.raises((InputInvalid, SourceError), match=message):
        pull("local", tmp_path / "s", SourceOptions(compressed(tmp_path, BAD_TEXTS[message])))


def test_a_checksum_that_is_wrong_is_found(pull: Pull, tmp_path: Path) -> None:
    path = matbench(tmp_path, GOOD)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match="CRC"):
        pull("local", tmp_path / "s", SourceOptions(path))


def test_a_bomb_is_refused_before_it_fills_the_memory(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "FREE_BYTES", 1 << 22)
    with pytest.raises(SourceError, match="unpacks to more than"):
        pull("local", tmp_path / "s", SourceOptions(compressed(tmp_path, "{" + " " * (1 << 23))))
    monkeypatch.setattr(json_stream, "LONGEST_VALUE", 1 << 21)
    with pytest.raises(SourceError, match="a value has more than 2,097,152 characters"):
        pull("local", tmp_path / "s2", SourceOptions(compressed(tmp_path, '{"index": "' + "a" * (1 << 23))))


OTHER_FORMS = {
    "records": json.dumps([{"structure": STRUCTURE, "y": 1}]),
    "columns": json.dumps({"structure": {"0": STRUCTURE}, "y": {"0": 1}}),
    "a long column": '{"entry": "' + "a" * 2_000 + '"}',
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_json_of_another_form_is_told_the_one_that_is_read(
    form: str, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "LONGEST_VALUE", 1_000)
    with pytest.raises(InputInvalid, match=r'not a MatBench data set.*orient="split"'):
        pull("local", tmp_path / "s", SourceOptions(compressed(tmp_path, OTHER_FORMS[form])))


def test_an_object_in_place_of_a_list_of_entries_is_named(pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"not a JARVIS data set: it has to be a list"):
        pull("local", tmp_path / "s", SourceOptions(jarvis(tmp_path, '{"data": []}')))


def test_a_mark_of_the_byte_order_is_no_content(pull: Pull, tmp_path: Path) -> None:
    text = gzip.decompress(matbench(tmp_path, GOOD).read_bytes()).decode()
    snapshot = pull("local", tmp_path / "s", SourceOptions(compressed(tmp_path, f"\ufeff{text}")))
    assert list(read_structures(snapshot).material_ids) == ["good"]
    path = jarvis(tmp_path, "\ufeff" + json.dumps([entry("a")]))
    assert list(read_structures(pull("local", tmp_path / "s2", SourceOptions(path))).material_ids) == ["a"]


def test_what_macos_packs_beside_the_data_is_not_the_data(pull: Pull, tmp_path: Path) -> None:
    path = jarvis(tmp_path, json.dumps([entry("a")]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._d.json", b"\x00\x05")
    assert list(read_structures(pull("local", tmp_path / "s", SourceOptions(path))).material_ids) == ["a"]


@pytest.mark.parametrize(("names", "way"), [(["b.json"], "Pack the one that you want alone"), ([], "name the folder")])
def test_an_archive_of_another_number_of_data_sets_is_told_the_way(
    names: list[str], way: str, pull: Pull, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for name in ["a.cif", *names, *(["c.json"] if names else [])]:
            archive.writestr(name, "[]")
    with pytest.raises(InputInvalid, match=way):
        pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.zip"))


@pytest.mark.parametrize(("at", "value", "message"), [(6, 1, "encrypted"), (8, 99, "compression")])
def test_an_archive_that_cannot_be_opened_is_named(
    at: int, value: int, message: str, pull: Pull, tmp_path: Path
) -> None:
    path = jarvis(tmp_path, json.dumps([entry("a")]))
    content = bytearray(path.read_bytes())
    for place in (at, content.index(b"PK\x01\x02") + at + 2):
        content[place : place + 2] = struct.pack("<H", value)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=f"d.json.zip .*{message}"):
        pull("local", tmp_path / "s", SourceOptions(path))


def test_entries_of_jarvis_are_taken_or_named(pull: Pull, tmp_path: Path) -> None:
    cell = {"lattice_mat": (np.eye(3) * 4).tolist(), "elements": ["Cs", "Cl"]}
    entries = [
        entry("a", is_metal=True, gap=0, word="x", id=7),
        entry("reserved", lattice=4.05),
        entry("text", atoms={**cell, "coords": [[0, 0, 0], [0, 0, 1]], "elements": "CsCl"}),
        entry("count", atoms={**cell, "coords": [[0, 0, 0]]}),
        entry("by axis", atoms={**cell, "coords": [[0, 0.5], [0, 0.5], [0, 0.5]]}),
        entry("which", atoms={**cell, "coords": [[0, 0, 0], [2, 2, 2]], "cartesian": "False"}),
        entry(
            "deuterium", atoms={**cell, "coords": [[0, 0, 0], [2, 2, 2]], "elements": ["Cs", "D "], "cartesian": True}
        ),
        entry(
            "flat",
            atoms={"lattice_mat": np.zeros((3, 3)).tolist(), "coords": [[0, 0, 0]], "elements": ["Na"], "cartesian": 1},
        ),
        None,
        entry(5),
    ]
    snapshot = pull("local", tmp_path / "s", SourceOptions(jarvis(tmp_path, json.dumps(entries))))
    table = read_structures(snapshot)
    assert list(table.material_ids) == ["a", "deuterium", "5"]
    np.testing.assert_allclose(table.frac_coords[2], [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(table.properties["is_metal"], [1, np.nan, np.nan])
    assert set(table.properties) == {"is_metal", "gap"}
    assert snapshot.counts == {"booleans_as_numbers": 1, "deuterium_as_hydrogen": 1}
    assert rejected(snapshot) == {
        "reserved": "reserved_name",
        "text": "no_structure",
        "count": "no_structure",
        "by axis": "no_structure",
        "which": "no_structure",
        "flat": "no_volume",
        "d.json-8": "no_structure",
    }
