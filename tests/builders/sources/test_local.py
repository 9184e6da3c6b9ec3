"""Files of one's own: each format as its library writes it, and everything that may be wrong with a file."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Poscar

from builders.engines import Engine
from builders.snapshots.snapshot import Snapshot, read_structures
from builders.snapshots.whole import read_structures as read_whole
from builders.sources import SourceOptions, local, local_folder
from builders.sources.json_stream import JsonStream
from builders.structures.cleaning import Selection
from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid, SourceError
from testing.crystals import Crystal, sample_crystals
from tests.builders.sources.conftest import Pull

N = 12
CRYSTALS = sample_crystals(N)[0]
GAPS = [0.1 * k for k in range(N)]


def structure_of(crystal: Crystal) -> Structure:
    lattice, numbers, coords = crystal
    return Structure(Lattice(lattice), numbers.tolist(), coords)


def write_cifs(folder: Path, n: int = N) -> Path:
    folder.mkdir(exist_ok=True)
    for k in range(n):
        structure_of(CRYSTALS[k]).to(filename=str(folder / f"crystal-{k:02d}.cif"))
    return folder


def write_labels(folder: Path, text: str) -> Path:
    (folder / "id_prop.csv").write_text(text)
    return folder


def write_id_prop(folder: Path) -> Path:
    return write_labels(folder, "".join(f"crystal-{k:02d},{GAPS[k]}\n" for k in range(N)))


def atoms_of(crystal: Crystal) -> Any:
    from ase import Atoms

    lattice, numbers, coords = crystal
    return Atoms(numbers=numbers, cell=lattice, scaled_positions=coords, pbc=True)


def write_poscars(path: Path) -> Path:
    path.mkdir()
    for k, crystal in enumerate(CRYSTALS):
        Poscar(structure_of(crystal)).write_file(path / (f"{k:02d}.vasp" if k % 2 else f"POSCAR_{k:02d}"))
    return path


def write_extxyz(path: Path) -> Path:
    from ase.io import write

    frames = [atoms_of(crystal) for crystal in CRYSTALS]
    for frame, gap in zip(frames, GAPS, strict=True):
        frame.info["band_gap"] = gap
    write(path.with_suffix(".extxyz"), frames, format="extxyz")
    return path.with_suffix(".extxyz")


def write_ase_database(path: Path) -> Path:
    from ase.db import connect

    with connect(str(path.with_suffix(".db"))) as database:
        for crystal, gap in zip(CRYSTALS, GAPS, strict=True):
            database.write(atoms_of(crystal), band_gap=gap, name_of_series="x")
    return path.with_suffix(".db")


def write_matbench(path: Path) -> Path:
    frame = pd.DataFrame({"structure": [structure_of(c).as_dict() for c in CRYSTALS], "band_gap": GAPS})
    frame.index = [f"mb-test-{k}" for k in range(N)]
    document = {"index": list(frame.index), "columns": list(frame.columns), "data": frame.to_numpy().tolist()}
    path.with_suffix(".json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
    return path.with_suffix(".json.gz")


def jarvis_entry(k: int, *, cartesian: bool = False) -> dict[str, Any]:
    lattice, numbers, coords = CRYSTALS[k]
    atoms = {
        "lattice_mat": lattice.tolist(),
        "coords": (coords @ lattice if cartesian else coords).tolist(),
        "elements": [SYMBOLS[int(z) - 1] + " " for z in numbers],
        "cartesian": cartesian,
    }
    return {"jid": f"JVASP-{k}", "atoms": atoms, "band_gap": GAPS[k], "epsx": "na", "spg": "Fm-3m"}


def write_jarvis(path: Path, name: str = "d3.json") -> Path:
    with zipfile.ZipFile(path.with_suffix(".json.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, json.dumps([jarvis_entry(k, cartesian=bool(k % 2)) for k in range(N)]))
    return path.with_suffix(".json.zip")


FORMATS = {
    "cif": lambda path: write_id_prop(write_cifs(path)),
    "poscar": write_poscars,
    "extxyz": write_extxyz,
    "ase": write_ase_database,
    "matbench": write_matbench,
    "jarvis": write_jarvis,
}


def assert_same(table: StructureTable, crystals: list[Crystal]) -> None:
    """The same crystals, whatever the order of their atoms and the orientation of their cell."""
    for row, (lattice, numbers, _) in enumerate(crystals):
        atoms = slice(*table.offsets[row : row + 2])
        found = Structure(table.lattices[row], table.atomic_numbers[atoms], table.frac_coords[atoms])
        np.testing.assert_allclose(found.lattice.abc, Lattice(lattice).abc, atol=1e-4)
        assert sorted(found.atomic_numbers) == sorted(numbers)
        distances = np.sort(found.distance_matrix.ravel())
        np.testing.assert_allclose(distances, np.sort(structure_of(crystals[row]).distance_matrix.ravel()), atol=1e-3)


@pytest.mark.parametrize("name", FORMATS)
def test_structures_and_labels_come_through(name: str, pull: Pull, tmp_path: Path) -> None:
    path = FORMATS[name](tmp_path / "data")
    table = read_structures(pull("local", tmp_path / "s", SourceOptions(path)))
    order = np.argsort(table.material_ids, kind="stable") if name == "poscar" else np.arange(N)
    expected = [CRYSTALS[k] for k in (*range(1, N, 2), *range(0, N, 2))] if name == "poscar" else CRYSTALS
    assert_same(table.take(order), expected)
    if name != "poscar":
        np.testing.assert_allclose(table.properties["band_gap" if name != "cif" else "target"], GAPS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_pull_in_batches_with_processes_gives_the_same(
    name: str, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FORMATS[name](tmp_path / "data")
    whole = read_structures(pull("local", tmp_path / "whole", SourceOptions(path)))
    monkeypatch.setattr(local, "ITEMS_PER_BATCH", 5)
    parallel = pull("local", tmp_path / "parallel", SourceOptions(path, engine=Engine(workers=2)))
    assert len(parallel.parts) == 3
    assert list(read_structures(parallel).material_ids) == list(whole.material_ids)
    np.testing.assert_array_equal(read_structures(parallel).frac_coords, whole.frac_coords)


def test_a_damaged_part_is_parsed_again(pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "ITEMS_PER_BATCH", 5)
    path = write_id_prop(write_cifs(tmp_path / "data"))
    snapshot = pull("local", tmp_path / "s", SourceOptions(path))
    before = (tmp_path / "s" / "part-00001.parquet").read_bytes()
    (tmp_path / "s" / "part-00001.parquet").unlink()
    assert pull("local", tmp_path / "s", SourceOptions(path)).parts == snapshot.parts
    assert (tmp_path / "s" / "part-00001.parquet").read_bytes() == before


def test_a_header_names_several_targets_and_empty_cells_are_unknown(pull: Pull, tmp_path: Path) -> None:
    text = "id, gap ,k_vrh\ncrystal-03.cif,1.5,\ncrystal-01,nan,90\n"
    path = write_labels(write_cifs(tmp_path / "data"), text)
    snapshot = pull("local", tmp_path / "s", SourceOptions(path))
    table = read_structures(snapshot)
    assert list(table.material_ids) == ["crystal-03", "crystal-01"]
    np.testing.assert_array_equal(table.properties["gap"], [1.5, np.nan])
    np.testing.assert_array_equal(table.properties["k_vrh"], [np.nan, 90])
    assert snapshot.facts["n_files_without_labels"] == N - 2


BAD_LABELS = {
    "two targets with the same name": "id,gap,gap\ncrystal-00,1,2\n",
    'line 2: "crystal-00" is there twice': "crystal-00,1\ncrystal-00,2\n",
    'line 3: "high" is not a number': "id,gap\ncrystal-00,1\ncrystal-01,high\n",
    "line 2: 3 cells, not 2": "crystal-00,1\ncrystal-01,1,2\n",
    "needs lines with an identifier": "crystal-00\n",
}


@pytest.mark.parametrize("message", BAD_LABELS)
def test_an_id_prop_that_cannot_be_used_is_refused_with_its_line(message: str, pull: Pull, tmp_path: Path) -> None:
    path = write_labels(write_cifs(tmp_path / "data", 2), BAD_LABELS[message])
    with pytest.raises(InputInvalid, match=message):
        pull("local", tmp_path / "s", SourceOptions(path))


def rejected(snapshot: Snapshot) -> dict[str, str]:
    """Item -> reason, from the file for people."""
    rows = pd.read_csv(snapshot.folder / "rejected.csv")
    return dict(zip(rows["item"], rows["reason"], strict=True))


def test_what_cannot_be_read_is_listed_with_the_reason(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_cifs(tmp_path / "data")
    (folder / "bad.cif").write_bytes(b"\x00\xff not a CIF")
    (folder / "empty.cif").write_text("")
    (folder / "huge.cif").write_text("#" * 6_000)
    monkeypatch.setattr(local_folder, "MAX_BYTES", 5_000)
    (tmp_path / "secret.cif").write_text((folder / "crystal-00.cif").read_text())
    (folder / "link.cif").symlink_to(tmp_path / "secret.cif")
    (folder / "POSCAR_nameless").write_text("a crystal\n1.0\n4 0 0\n0 4 0\n0 0 4\n1 1\ndirect\n0 0 0\n.5 .5 .5\n")
    ids = [path.stem for path in folder.glob("*.cif")] + ["POSCAR_nameless", "absent", "../secret"]
    write_labels(folder, "".join(f"{name},1\n" for name in sorted(ids)))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert len(read_structures(snapshot)) == N
    assert rejected(snapshot) == {
        "bad.cif": "unreadable",
        "empty.cif": "unreadable",
        "huge.cif": "too_large",
        "link.cif": "outside_folder",
        "POSCAR_nameless": "unreadable",
        "absent": "missing_file",
        "../secret": "missing_file",
    }
    assert snapshot.rejected == {"unreadable": 3, "too_large": 1, "outside_folder": 1, "missing_file": 2}


def test_what_is_not_read_in_a_folder_is_not_passed_over(pull: Pull, tmp_path: Path) -> None:
    folder = write_cifs(tmp_path / "data")
    alone = ["more.XYZ", "more.extxyz", "ase.db", "matbench.json.gz", "jarvis.json.zip", "cifs.zip"]
    others = dict.fromkeys(alone, "read_alone") | {"mp-1.json": "unknown_format", "sub": "subfolder"}
    for name in (*alone, "mp-1.json", "README.md", "atom_init.json", ".hidden.json"):
        (folder / name).write_text("1\n\nSi 0 0 0\n")
    for name in ("sub", ".git"):
        (folder / name).mkdir()
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert len(read_structures(snapshot)) == N
    assert rejected(snapshot) == others
    write_labels(folder, "crystal-00,1\nmore.XYZ,2\nless.XYZ,3\nmp-1.json,4\n")
    labelled = pull("local", tmp_path / "labelled", SourceOptions(folder))
    assert rejected(labelled) == {"more.XYZ": "read_alone", "less.XYZ": "missing_file", "mp-1.json": "unknown_format"}
    (folder / "id_prop.csv").unlink()
    for path in folder.glob("*.cif"):
        path.unlink()
    for name, advice in (
        ("ase.db", "one at a time, not in a folder; name the file itself with --path"),
        ("mp-1.json", "not read; write its structures as CIF"),
        ("sub", "are not read; name the folder itself with --path"),
    ):
        with pytest.raises(SourceError, match=rf"No \.cif.* {name}: .*{advice}"):
            pull("local", tmp_path / "none", SourceOptions(folder))
        for other in [name] if name == "sub" else [*alone, name]:
            path = folder / other
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def test_a_folder_that_is_added_is_named_in_the_next_pull(pull: Pull, tmp_path: Path) -> None:
    folder = write_cifs(tmp_path / "data", n=2)
    before = pull("local", tmp_path / "before", SourceOptions(folder))
    (folder / "sub").mkdir()
    after = pull("local", tmp_path / "after", SourceOptions(folder))
    assert before.query["sha256"] != after.query["sha256"]


def test_the_folder_of_work_has_its_name(pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_cifs(tmp_path / "mine", n=2))
    assert pull("local", tmp_path / "s", SourceOptions(Path())).origin.name == "mine"


def test_a_folder_of_which_nothing_can_be_read_points_to_the_list(pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bad.cif").write_text("nothing")
    with pytest.raises(
        SourceError,
        match=r"The one structure from .* is not kept: 1 unreadable \(write the .* bad\.cif: .+ See .*rejected\.csv",
    ):
        pull("local", tmp_path / "s", SourceOptions(tmp_path / "data"))


def test_the_error_of_a_disordered_file_says_the_way_out(pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "shared.cif").write_text(DISORDERED.format(share=0.8, rest=0.2))
    for read in (
        lambda path: pull("local", tmp_path / "s", SourceOptions(path)),  # as embed does
        read_whole,  # as search --like does
    ):
        with pytest.raises(SourceError, match="order the sites, or choose --disorder majority"):
            read(tmp_path / "shared.cif")


DISORDERED = """data_x
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Fe1 Fe 0 0 0 {share}
Ni1 Ni 0 0 0 {rest}
D1 D 0.5 0.5 0.5 1
"""


def test_shared_sites_are_dropped_or_decided_and_deuterium_is_hydrogen(pull: Pull, tmp_path: Path) -> None:
    folder = write_cifs(tmp_path / "data", 2)
    (folder / "disordered.cif").write_text(DISORDERED.format(share=0.8, rest=0.2))
    dropped = pull("local", tmp_path / "drop", SourceOptions(folder))
    assert dropped.rejected == {"partial_occupancy": 1}
    assert "Fe 0.8, Ni 0.2" in (tmp_path / "drop" / "rejected.csv").read_text()
    decided = pull("local", tmp_path / "majority", SourceOptions(folder, disorder="majority"))
    assert decided.counts == {"deuterium_as_hydrogen": 1, "majority_of_disordered_sites_taken": 1}
    table = read_structures(decided)
    assert table.atomic_numbers[-2:].tolist() == [26, 1]


def test_a_majority_that_is_another_material_is_dropped_and_counted(pull: Pull, tmp_path: Path) -> None:
    folder = write_cifs(tmp_path / "data", 2)
    (folder / "disordered.cif").write_text(DISORDERED.format(share=0.7, rest=0.3))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder, disorder="majority"))
    assert snapshot.rejected == {"composition_changed": 1}
    assert "Fe would go from 0.350 to 0.500; the limit is 0.1" in (tmp_path / "s" / "rejected.csv").read_text()


def test_molecules_are_not_crystals(pull: Pull, tmp_path: Path) -> None:
    from ase import Atoms
    from ase.io import write

    frames = [atoms_of(CRYSTALS[0]), Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.7]])]
    write(tmp_path / "data.xyz", frames, format="extxyz")
    snapshot = pull("local", tmp_path / "s", SourceOptions(tmp_path / "data.xyz"))
    assert rejected(snapshot) == {"data-2": "no_cell"}


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, damage) for name in ("ase", "matbench", "jarvis") for damage in ("cut", "noise")] + [("extxyz", "noise")],
)
def test_a_damaged_file_is_named(name: str, damage: str, pull: Pull, tmp_path: Path) -> None:
    path = FORMATS[name](tmp_path / "data")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else os.urandom(500))
    with pytest.raises(SourceError, match=r"data\.[a-z.]+ (is|cannot)"):
        pull("local", tmp_path / "s", SourceOptions(path))


@pytest.mark.parametrize("name", ["../d3.json", "/etc/d3.json"])
def test_an_archive_that_points_outside_is_refused(name: str, pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="cannot be trusted"):
        pull("local", tmp_path / "s", SourceOptions(write_jarvis(tmp_path / "data", name)))


def test_an_archive_with_a_link_is_refused(pull: Pull, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("d3.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "data.json.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputInvalid, match="cannot be trusted"):
        pull("local", tmp_path / "s", SourceOptions(tmp_path / "data.json.zip"))


def test_entries_without_a_structure_are_rejected_by_name(pull: Pull, tmp_path: Path) -> None:
    entries = [jarvis_entry(0), {"jid": "JVASP-bare"}, "text", jarvis_entry(1) | {"atoms": {"elements": ["Xx"]}}]
    with zipfile.ZipFile(tmp_path / "data.json.zip", "w") as archive:
        archive.writestr("d3.json", json.dumps(entries))
    snapshot = pull("local", tmp_path / "s", SourceOptions(tmp_path / "data.json.zip"))
    assert rejected(snapshot) == {
        "JVASP-bare": "no_structure",
        "data.json-2": "no_structure",
        "JVASP-1": "no_structure",
    }


@pytest.mark.parametrize(("path", "error"), [(None, "--path"), ("absent", "nothing at"), ("x.txt", "no format")])
def test_a_path_that_is_no_source_is_named(path: str | None, error: str, pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("text")
    with pytest.raises((InputInvalid, SourceError), match=error):
        pull("local", tmp_path / "s", SourceOptions(tmp_path / path if path else None))


def test_a_selection_and_a_limit_reach_over_batches(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ITEMS_PER_BATCH", 3)
    path = write_id_prop(write_cifs(tmp_path / "data"))
    snapshot = pull("local", tmp_path / "s", SourceOptions(path), Selection(max_sites=2, limit=4))
    table = read_structures(snapshot)
    assert len(table) == 4
    assert set(table.n_sites) == {2}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(values=st.lists(JSON, max_size=6), indent=st.none() | st.integers(0, 3), step=st.integers(1, 40))
def test_a_stream_of_json_gives_what_json_gives(values: list[Any], indent: int | None, step: int) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(step)

    text = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if b"\xed" not in text:
        assert list(JsonStream(Trickle(text)).elements()) == values
