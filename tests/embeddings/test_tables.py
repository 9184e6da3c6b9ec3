"""A version's folder: every format gives back what was written, and no half-written one is ever seen."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embeddings.catalog import ElementTable
from embeddings.errors import (
    CatalogCorrupt,
    CatalogExists,
    ColumnNotFound,
    InputInvalid,
    ManifestInvalid,
    MissingExtra,
    OutputInvalid,
)
from embeddings.store import tables
from embeddings.store.index import names, read_index, versions
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import (
    read_catalog,
    write_catalog,
)
from testing.toys import toy_provenance, toy_table, write_toy_anew
from testing.vector_files import read_element_table

TABLES = ("vectors.parquet", "vectors.h5", "vectors.npy")
COLUMNS = ("atomic_numbers", "vectors", "n_structures")


@st.composite
def element_tables(draw: st.DrawFn) -> ElementTable:
    numbers = sorted(draw(st.sets(st.integers(1, 118), min_size=1, max_size=8)))
    n, dim = len(numbers), draw(st.integers(1, 5))
    floats = st.floats(allow_nan=False, allow_infinity=False, width=32)
    return ElementTable(
        np.array(numbers),
        draw(arrays(np.float32, (n, dim), elements=floats)),
        draw(arrays(np.int32, n, elements=st.integers(1, 2**31 - 1))),
        draw(st.none() | arrays(np.uint8, (1, 5))),
    )


def assert_same(a: ElementTable, b: ElementTable) -> None:
    for column in COLUMNS:
        x, y = getattr(a, column), getattr(b, column)
        assert x.dtype == y.dtype
        assert x.tobytes() == y.tobytes()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=25, deadline=None)
@given(element_tables())
def test_every_format_gives_back_the_same_bits(table: ElementTable) -> None:
    with TemporaryDirectory() as root:
        folder = write_catalog(Path(root), toy_provenance(), table)
        for name in TABLES:
            assert_same(read_element_table(folder / name), table)
        catalog = read_catalog(folder)
        assert_same(catalog.table, table)
        digest = catalog.table.training_formulas
        assert (digest is None) == (table.training_formulas is None)
        assert digest is None or digest.tobytes() == table.training_formulas.tobytes()


def test_folder_holds_what_the_format_says(tmp_path: Path) -> None:
    folder = write_toy_anew(tmp_path)
    assert folder == tmp_path / "toy" / "0.1.0"
    assert set(contents(folder)) == {
        "CARD.md", "manifest.json", "training_formulas.npy", "vectors.h5", "vectors.npy", "vectors.parquet",
    }  # fmt: skip
    assert {entry.path for entry in read_manifest(folder).files} == set(contents(folder)) - {"manifest.json"}


def test_parquet_columns_are_the_documented_ones(tmp_path: Path) -> None:
    schema = pq.read_schema(write_toy_anew(tmp_path) / "vectors.parquet")
    assert [f"{field.name}: {field.type}" for field in schema] == [
        "atomic_number: int16",
        "symbol: string",
        "n_structures: int32",
        "vector: fixed_size_list<element: float>[2]",
    ]


def test_stray_files_identify_themselves(tmp_path: Path) -> None:
    folder = write_toy_anew(tmp_path)
    footer = pq.read_schema(folder / "vectors.parquet").metadata
    with h5py.File(folder / "vectors.h5") as file:
        attributes = dict(file.attrs)
        assert file["symbol"][:3].tolist() == [b"H", b"O", b"Na"]
    for name, value in {"name": "toy", "version": "0.1.0", "recipe": "by-hand", "seed": "7"}.items():
        assert footer[name.encode()] == value.encode()
        assert attributes[name] == value


def test_same_input_gives_same_bytes(tmp_path: Path) -> None:
    assert contents(write_toy_anew(tmp_path / "a")) == contents(write_toy_anew(tmp_path / "b"))


def test_existing_version_is_refused_and_untouched(tmp_path: Path) -> None:
    before = contents(write_toy_anew(tmp_path))
    with pytest.raises(CatalogExists, match="never edited"):
        write_toy_anew(tmp_path, description="Another.")
    assert contents(tmp_path / "toy" / "0.1.0") == before


def test_force_replaces_the_whole_folder(tmp_path: Path) -> None:
    (write_toy_anew(tmp_path) / "stray.txt").write_text("old")
    folder = write_toy_anew(tmp_path, force=True, description="Another.")
    assert read_manifest(folder).description == "Another."
    assert not (folder / "stray.txt").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["0.1.0"]


@pytest.mark.parametrize(
    ("step", "force"),
    [
        ("tables.write_vectors_npy", False),
        ("publish.render_card", True),
        ("publish.move_into_place", False),
        ("publish.replace_folder", True),
    ],
)
def test_failure_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, force: bool
) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"embeddings.store.{step}", fail)
    with pytest.raises(KeyboardInterrupt):
        write_toy_anew(tmp_path, force=force)
    monkeypatch.undo()
    assert list((tmp_path / "toy").iterdir()) == []
    assert write_toy_anew(tmp_path, force=force).is_dir()


def test_killed_writer_leaves_nothing_that_is_picked_up(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from embeddings.store import publish; from testing.toys import write_toy_anew\n"
        "publish.move_into_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_toy_anew(sys.argv[1])"
    )
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "toy").iterdir()
    assert (left / "manifest.json").is_file()
    assert names(tmp_path) == []
    assert read_catalog(write_toy_anew(tmp_path)).name == "toy"
    assert versions(tmp_path, "toy") == ["0.1.0"]


@pytest.mark.parametrize("step", ["folders.sync_tree", "folders.exchange", "folders.move_into_place"])
def test_failed_replacement_brings_the_old_version_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = contents(write_toy_anew(tmp_path))

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("embeddings.store.folders.exchange", lambda *_: False)
    monkeypatch.setattr(f"embeddings.store.{step}", fail)
    with pytest.raises(OutputInvalid, match="disk full"):
        write_toy_anew(tmp_path, force=True, description="Another.")
    assert contents(tmp_path / "toy" / "0.1.0") == before
    assert [path.name for path in (tmp_path / "toy").iterdir()] == ["0.1.0"]


def test_of_several_writers_exactly_one_wins(tmp_path: Path) -> None:
    def attempt(i: int) -> str | None:
        try:
            write_toy_anew(tmp_path, description=f"Writer {i}.")
        except CatalogExists:
            return None
        return f"Writer {i}."

    with ThreadPoolExecutor(8) as pool:
        winners = [winner for winner in pool.map(attempt, range(8)) if winner]
    assert len(winners) == 1
    assert read_catalog(tmp_path / "toy" / "0.1.0").manifest.description == winners[0]
    assert [path.name for path in (tmp_path / "toy").iterdir()] == ["0.1.0"]


def test_writers_of_different_versions_all_enter_the_index(tmp_path: Path) -> None:
    versions = [f"0.{i}.0" for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda version: write_toy_anew(tmp_path, version=version), versions))
    assert read_index(tmp_path)["toy"]["versions"] == versions


def test_index_pins_the_highest_release(tmp_path: Path) -> None:
    for version, default in [
        ("0.2.0-rc.1", "0.2.0-rc.1"), ("0.1.0", "0.1.0"), ("0.10.0", "0.10.0"), ("0.9.0", "0.10.0"),
        ("1.0.0-rc.1", "0.10.0"), ("1.0.0", "1.0.0"),
    ]:  # fmt: skip
        write_toy_anew(tmp_path, version=version)
        assert read_index(tmp_path)["toy"]["default"] == default
    assert read_index(tmp_path)["toy"]["versions"] == [
        "0.1.0", "0.2.0-rc.1", "0.9.0", "0.10.0", "1.0.0-rc.1", "1.0.0",
    ]  # fmt: skip
    assert read_index(tmp_path)["toy"]["licence"] == "CC-BY-4.0"


def test_pin_set_by_hand_stays_when_another_catalog_is_written(tmp_path: Path) -> None:
    write_toy_anew(tmp_path, version="0.1.0")
    write_toy_anew(tmp_path, version="0.2.0")
    index = json.loads((tmp_path / "index.json").read_text())
    index["catalogs"]["toy"]["default"] = "0.1.0"
    (tmp_path / "index.json").write_text(json.dumps(index))
    write_toy_anew(tmp_path, name="another")
    assert read_index(tmp_path)["toy"]["default"] == "0.1.0"


def test_broken_index_stops_a_writer_before_it_writes(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(CatalogCorrupt, match="not an index"):
        write_toy_anew(tmp_path)
    assert not (tmp_path / "toy").exists()


def test_corrupt_neighbour_does_not_stop_a_writer(tmp_path: Path) -> None:
    (write_toy_anew(tmp_path) / "manifest.json").write_text("{}")
    before = read_index(tmp_path)["toy"]
    write_toy_anew(tmp_path, name="another")
    assert list(read_index(tmp_path)) == ["another", "toy"]
    assert read_index(tmp_path)["toy"] == before


@pytest.mark.parametrize("name", ["../toy", "Toy", "", "a/b", ".toy"])
def test_name_cannot_leave_the_root(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    with pytest.raises(ManifestInvalid, match="name: expected"):
        write_toy_anew(root, name=name)
    assert list(tmp_path.iterdir()) == []


def test_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file")
    with pytest.raises(OutputInvalid, match="cannot be written"):
        write_toy_anew(tmp_path / "root")


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match="h5py"):
        write_toy_anew(tmp_path)
    assert list((tmp_path / "toy").iterdir()) == []


def test_missing_columns_are_named(tmp_path: Path) -> None:
    folder = write_toy_anew(tmp_path)
    rows = pq.read_table(folder / "vectors.parquet").drop_columns(["vector"])
    pq.write_table(rows, tmp_path / "bare.parquet")
    with pytest.raises(ColumnNotFound, match="no column vector; it has atomic_number"):
        read_element_table(tmp_path / "bare.parquet")
    h5py.File(tmp_path / "bare.h5", "w").close()
    with pytest.raises(ColumnNotFound, match="it has none"):
        read_element_table(tmp_path / "bare.h5")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("vector", pa.array([1.0, 2.0])),
        ("vector", pa.array([[1.0], None], pa.list_(pa.float32(), 1))),
        ("vector", pa.array([[1.0], [None]], pa.list_(pa.float32(), 1))),
        ("atomic_number", pa.array(["H", "He"])),
        ("atomic_number", pa.array([1, None])),
        ("n_structures", pa.array([1, 0])),
    ],
)
def test_rows_that_break_the_rules_are_corrupt(tmp_path: Path, column: str, values: pa.Array) -> None:
    columns = {
        "atomic_number": pa.array([1, 2]),
        "symbol": pa.array(["H", "He"]),
        "n_structures": pa.array([1, 1]),
        "vector": pa.array([[1.0], [2.0]], pa.list_(pa.float32(), 1)),
    }
    pq.write_table(pa.table(columns), tmp_path / "fine.parquet")
    assert len(read_element_table(tmp_path / "fine.parquet").vectors) == 2
    pq.write_table(pa.table(columns | {column: values}), tmp_path / "bad.parquet")
    with pytest.raises(CatalogCorrupt, match=r"bad\.parquet"):
        read_element_table(tmp_path / "bad.parquet")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"PAR1 nonsense PAR1"])
def test_nonsense_is_corrupt(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogCorrupt, match=name):
        read_element_table(tmp_path / name)


def test_arrays_of_another_kind_are_corrupt(tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", np.eye(3))
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object))
    for name in ("plain.npy", "pickle.npy"):
        with pytest.raises(CatalogCorrupt, match=name):
            read_element_table(tmp_path / name)


def test_rows_have_to_agree_with_the_manifest(tmp_path: Path) -> None:
    folder = write_toy_anew(tmp_path)
    tables.write_vectors_npy(folder / "vectors.npy", toy_table({"H": (1, 0), "O": (0, 1)}))
    with pytest.raises(CatalogCorrupt, match="disagree"):
        read_catalog(folder)


def test_other_kinds_cannot_be_read_yet(tmp_path: Path) -> None:
    folder = write_toy_anew(tmp_path)
    text = replace(read_manifest(folder), kind="structure").to_json()
    (folder / "manifest.json").write_text(text)
    with pytest.raises(InputInvalid, match='kind "structure"'):
        read_catalog(folder)
