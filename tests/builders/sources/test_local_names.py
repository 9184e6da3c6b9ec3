"""A folder of files: which structure is whose, and files that are none."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders.engines import Engine
from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions
from builders.sources.local_folder import MAX_BYTES
from embeddings.errors import InputInvalid, SourceError
from tests.builders.sources.conftest import Pull

POSCAR = "x\n1.0\n4 0 0\n0 4 0\n0 0 4\nCs {other}\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
OTHERS = ("Cl", "Br", "I", "F")


def write(folder: Path, *names: str) -> Path:
    """One structure for each name, told apart by its second element."""
    folder.mkdir(exist_ok=True)
    for name, other in zip(names, OTHERS, strict=False):
        (folder / name).write_text(POSCAR.format(other=other))
    return folder


def labelled(folder: Path, text: str) -> Path:
    (folder / "id_prop.csv").write_bytes(text.encode())
    return folder


def rejected(snapshot: Snapshot) -> dict[str, str]:
    path = snapshot.folder / "rejected.csv"
    return dict(pd.read_csv(path)[["item", "reason"]].itertuples(index=False)) if path.exists() else {}


IDENTIFIERS = {
    ("POSCAR.mp-1", "POSCAR.mp-149", "POSCAR.mp-22862"): ["POSCAR.mp-1", "POSCAR.mp-149", "POSCAR.mp-22862"],
    ("POSCAR_0.90", "POSCAR_0.95", "POSCAR_1.00"): ["POSCAR_0.90", "POSCAR_0.95", "POSCAR_1.00"],
    ("CONTCAR-relaxed", "POSCAR", "a.poscar", "b.vasp"): ["CONTCAR-relaxed", "POSCAR", "a", "b"],
    ("a.poscar", "a.vasp", "b.vasp"): ["a.poscar", "a.vasp", "b"],
    ("a.vasp", "a.vasp.vasp"): ["a", "a.vasp.vasp"],
    ("x.y.vasp", "x.z.VASP"): ["x.y", "x.z"],
}


@pytest.mark.parametrize("names", IDENTIFIERS)
def test_each_file_has_an_identifier_of_its_own_that_leads_back_to_it(
    names: tuple[str, ...], pull: Pull, tmp_path: Path
) -> None:
    table = read_structures(pull("local", tmp_path / "s", SourceOptions(write(tmp_path / "d", *names))))
    assert list(table.material_ids) == IDENTIFIERS[names]


def test_labels_find_their_file_by_any_of_its_names(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "POSCAR.mp-1", "POSCAR_b", "c.vasp", "d.vasp")
    labelled(folder, "mp-1,1\nPOSCAR_b,2\nc.vasp,3\nd,4\n")
    table = read_structures(pull("local", tmp_path / "s", SourceOptions(folder)))
    assert list(table.material_ids) == ["POSCAR.mp-1", "POSCAR_b", "c", "d"]
    np.testing.assert_array_equal(table.properties["target"], [1, 2, 3, 4])


def test_labels_find_a_packed_file_by_the_name_that_it_had(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "POSCAR.mp-1", "POSCAR_b.vasp", "c.vasp", "d.vasp")
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    labelled(folder, "mp-1,1\nb,2\nc.vasp,3\nd.vasp.gz,4\n")
    table = read_structures(pull("local", tmp_path / "s", SourceOptions(folder)))
    assert list(table.material_ids) == ["POSCAR.mp-1", "POSCAR_b", "c", "d"]
    np.testing.assert_array_equal(table.properties["target"], [1, 2, 3, 4])


def test_a_name_of_two_files_is_refused_with_both(pull: Pull, tmp_path: Path) -> None:
    folder = labelled(write(tmp_path / "d", "a.vasp", "a.poscar", "b.vasp"), "a,1\na.vasp,3\nb,2\n")
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert rejected(snapshot) == {"a": "ambiguous_name"}
    assert "a.poscar and a.vasp" in (tmp_path / "s" / "rejected.csv").read_text()
    assert list(read_structures(snapshot).material_ids) == ["a.vasp", "b"]


BAD_LABELS = {
    'line 1: "N/A" is not a number': "a,N/A\nb,2\n",
    'line 1: "high" is not a number': "a,high\nb,2\n",
    r'line 1: "\?" is not a number': "absent,?\nb,2\n",
    'line 1: "null" is not a number': "absent,null\nb,2\n",
    'line 2: "1_000" is not a number': "a,1\nb,1_000\n",
    'target "material_id"': "id,material_id\na,1\n",
    'target "lattice"': "id,gap,lattice\na,1,2\n",
    'line 1: "gap" is not a number': "id,gap, \na,1,2\n",
    "name of a target has characters that cannot be printed": "id,g\ap\na,1\n",
    "line 1: its cells are not separated by commas": "a;1\nb;2\n",
    "line 2: its cells are not separated by commas": "id,gap\na;0,5\nb;0,6\n",
    r"cells are not separated .*Write": "a\t0,5\nb\t0,6\n",
    "identifiers have to come first": ",id,gap\n0,7,0.5\n1,8,0.6\n",
    "line 2: it has no identifier": "a,1\n,2\n",
    'line 2: "a.vasp" and "a" are one file': "a,1\na.vasp,2\n",
    "line 2: 3 cells": "a,1\nb,2,5\n",
}


@pytest.mark.parametrize("message", BAD_LABELS)
def test_labels_that_cannot_be_used_are_refused_with_their_line(message: str, pull: Pull, tmp_path: Path) -> None:
    folder = labelled(write(tmp_path / "d", "a.vasp", "b.vasp"), BAD_LABELS[message])
    with pytest.raises(InputInvalid, match=message):
        pull("local", tmp_path / "s", SourceOptions(folder))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\ufeffid,gap\r\na,1\r\nb,\r\n", "gap"),
        ('"a","1"\r"b",""\r', "target"),
        ("a,1.0D0\n\n b ,nan\n", "target"),
        ("a,1\nb,1e300\n", "target"),
        ("a,1\nb,-inf\n", "target"),
        ("a,1\nb," + "9" * 5_000 + "\n", "target"),
    ],
)
def test_labels_are_read_however_they_are_written(text: str, name: str, pull: Pull, tmp_path: Path) -> None:
    folder = labelled(write(tmp_path / "d", "a.vasp", "b.vasp"), text)
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    np.testing.assert_array_equal(read_structures(snapshot).properties[name], [1, np.nan])
    is_beyond = any(word in text for word in ("1e300", "inf", "999"))
    assert snapshot.counts == ({"values_out_of_range": 1} if is_beyond else {})
    assert ("names the targets: gap" in str(snapshot.facts)) == (name == "gap")


def test_labels_that_are_no_file_are_not_passed_over(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "a.vasp")
    (folder / "id_prop.csv").mkdir()
    with pytest.raises(InputInvalid, match=r"id_prop\.csv is not a regular file"):
        pull("local", tmp_path / "s", SourceOptions(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such files")
def test_odd_files_are_named_and_the_rest_goes_on(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "a.vasp")
    write(tmp_path / "elsewhere", "secret.vasp")
    (folder / "folder.cif").mkdir()
    (folder / "POSCAR.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    (folder / "zero.vasp").symlink_to("/dev/zero")
    (folder / "link.vasp").symlink_to(tmp_path / "elsewhere" / "secret.vasp")
    (folder / "nowhere.vasp").symlink_to(folder / "absent")
    (folder / "loop.vasp").symlink_to(folder / "loop.vasp")
    os.mkfifo(folder / "fifo.vasp")
    os.mknod(folder / "socket.vasp", 0o140600)
    (folder / "line\nbreak.vasp").write_text(POSCAR.format(other="Br"))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.vasp")).write_text(POSCAR.format(other="I"))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder, engine=Engine(workers=2)))
    assert list(read_structures(snapshot).material_ids) == ["a"]
    assert rejected(snapshot) == {
        "folder.cif": "not_a_file",
        "POSCAR.zst": "packed",
        "zero.vasp": "outside_folder",
        "link.vasp": "outside_folder",
        "nowhere.vasp": "not_a_file",
        "loop.vasp": "unreadable",
        "fifo.vasp": "not_a_file",
        "socket.vasp": "not_a_file",
        "line\\nbreak.vasp": "bad_name",
        "\\udcff.vasp": "bad_name",
    }


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "a.vasp", "b.vasp")
    (folder / "b.vasp").chmod(0)
    assert rejected(pull("local", tmp_path / "s", SourceOptions(folder))) == {"b.vasp": "unreadable"}


def test_a_path_that_is_a_device_is_refused(pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "d.xyz").symlink_to("/dev/zero")
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        pull("local", tmp_path / "s", SourceOptions(tmp_path / "d.xyz"))


def test_a_dummy_in_a_poscar_is_named_and_the_rest_goes_on(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "a.vasp", "b.vasp")
    (folder / "x.vasp").write_text(POSCAR.format(other="X"))
    (folder / "deuterium.vasp").write_text(POSCAR.format(other="D"))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert rejected(snapshot) == {"x.vasp": "unknown_element"}
    assert snapshot.counts == {"deuterium_as_hydrogen": 1}
    assert len(read_structures(snapshot)) == 3


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_packed_file_is_read_and_has_the_name_of_its_content(
    packed: Callable[[bytes], bytes], request: pytest.FixtureRequest, pull: Pull, tmp_path: Path
) -> None:
    folder, ending = write(tmp_path / "d", "a.vasp"), request.node.callspec.id
    content = (folder / "a.vasp").read_bytes()
    (folder / f"b.vasp.{ending}").write_bytes(packed(content))
    (folder / f"a.vasp.{ending.upper()}").write_bytes(packed(content))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    table = read_structures(snapshot)
    assert set(table.material_ids) == {"a.vasp", f"a.vasp.{ending.upper()}", "b"}
    assert len({tuple(table.atomic_numbers[at : at + 2]) for at in (0, 2, 4)}) == 1


def test_a_file_that_is_packed_in_another_way_is_named(pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "a.vasp")
    for name in ("b.vasp.zst", "c.cif.Z", "d.cif.zip", "e.tar.gz", "f.7z", "notes.txt.zst"):
        (folder / name).write_bytes(b"x")
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert rejected(snapshot) == dict.fromkeys(("b.vasp.zst", "c.cif.Z", "d.cif.zip", "e.tar.gz", "f.7z"), "packed")
    assert list(read_structures(snapshot).material_ids) == ["a"]


def test_a_comment_that_begins_like_a_packed_file_is_a_comment(pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.vasp").write_text("BZhang, 2020" + POSCAR.format(other="Cl")[1:])
    assert len(read_structures(pull("local", tmp_path / "s", SourceOptions(tmp_path / "d")))) == 1


PACKED = {
    "cut": (lambda text: gzip.compress(text)[:-9], "unreadable", "damaged or cut"),
    "not gzip after all": (lambda text: b"\x1f\x8b" + text, "unreadable", "damaged or cut"),
    "a bomb": (lambda text: lzma.compress(text + b" " * MAX_BYTES), "too_large", "once unpacked"),
    "Zstandard": (lambda text: b"\x28\xb5\x2f\xfd" + text, "packed", "Zstandard"),
    "zip": (lambda text: b"PK\x03\x04" + text, "packed", "zip"),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_cannot_be_unpacked_is_named_and_the_rest_goes_on(name: str, pull: Pull, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", "a.vasp")
    pack, reason, detail = PACKED[name]
    (folder / "b.vasp.gz").write_bytes(pack((folder / "a.vasp").read_bytes()))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert snapshot.rejected == {reason: 1}
    assert detail in (tmp_path / "s" / "rejected.csv").read_text(encoding="utf-8")
    assert list(read_structures(snapshot).material_ids) == ["a"]
