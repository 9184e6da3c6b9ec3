"""Files of a catalog that are none, or hold what they should not, listed in the manifest as if they belonged there."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embeddings import load_catalog, load_encoder, load_uae
from embeddings.errors import CatalogCorrupt, CatalogNotFound, EmbeddingsError
from embeddings.store import roots as store
from embeddings.store.decode import parse_npy
from embeddings.store.tables import HDF5, NPY, PARQUET, write_vectors_hdf5, write_vectors_parquet
from testing.attacks import replace_file, replace_manifest
from testing.composition_encoders import content_of, tensors, write_toy_encoder
from testing.toys import TOY_VECTORS, toy_table, write_toy
from testing.vector_files import read_element_table

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a catalog of each kind, written once."""
    root = tmp_path_factory.mktemp("written")
    write_toy(root)
    write_toy_encoder(root)
    return root


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A catalog of elements of this test's own."""
    return Path(shutil.copytree(written / "toy" / "0.1.0", tmp_path / "toy" / "0.1.0"))


@pytest.fixture
def encoder(written: Path, tmp_path: Path) -> Path:
    """A composition encoder of this test's own."""
    return Path(shutil.copytree(written / "toy-encoder" / "0.1.0", tmp_path / "toy-encoder" / "0.1.0"))


def refuse(folder: Path, expected: str, *, also_loads: bool = True) -> None:
    """Check that verify, and loading where it reads the file, name what is wrong."""
    for use in (store.verify, load_catalog)[: 1 + also_loads]:
        with pytest.raises(CatalogCorrupt, match=expected):
            use(folder)


# What is no file


def link_to_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


PLACED: dict[str, Callable[[Path], Any]] = {
    "link to /dev/zero": link_to_zero,
    "link to itself": link_to_itself,
    "pipe": lambda path: os.mkfifo(path),
    "folder": Path.mkdir,
    "nothing": lambda path: None,
    "another size": lambda path: path.write_bytes(b""),
    "a hole of a terabyte": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
}


@needs_pipes
@pytest.mark.parametrize("name", ["CARD.md", NPY, "manifest.json"])
@pytest.mark.parametrize("placed", PLACED)
def test_what_is_no_file_is_named_at_once(name: str, placed: str, folder: Path) -> None:
    n_bytes = (folder / name).stat().st_size
    (folder / name).unlink()
    try:
        PLACED[placed](folder / name)
    except OSError:
        pytest.skip("this file system has no such thing")
    if name != "manifest.json":
        return refuse(folder, rf"{name} is not what its manifest says: expected {n_bytes} bytes, got ")
    for use in (store.verify, load_catalog):
        with pytest.raises(EmbeddingsError, match=r"manifest\.json"):
            use(folder)
    return None


def test_a_link_to_the_right_file_is_fine(folder: Path, tmp_path: Path) -> None:
    (folder / NPY).rename(tmp_path / "blob")
    (folder / NPY).symlink_to(tmp_path / "blob")
    store.verify(folder)
    assert load_uae(folder).symbols == tuple(sorted(TOY_VECTORS, key=list(toy_table().symbols).index))


def test_a_file_that_is_not_listed_is_named(folder: Path) -> None:
    (folder / ".DS_Store").touch()
    store.verify(folder)
    (folder / "vectors.pkl").touch()
    with pytest.raises(CatalogCorrupt, match=r"vectors\.pkl is not listed in manifest\.json"):
        store.verify(folder)
    assert load_uae(folder).dim == 2


def test_a_file_that_changes_while_it_is_read_gives_the_bytes_that_were_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embeddings import loaders

    def and_then_replaced(*args: Any, **kwargs: Any) -> dict[str, bytes]:
        contents = real(*args, **kwargs)
        (folder / NPY).write_bytes(b"something else")
        return contents

    real = loaders.read_intact
    monkeypatch.setattr(loaders, "read_intact", and_then_replaced)
    assert load_uae(folder)["Fe"].tolist() == [3.0, 4.0]


# Who it is


@pytest.mark.parametrize("place", ["toy/0.2.0", "zoo/0.1.0", "zoo/9.9.9"])
def test_a_folder_in_the_place_of_another_is_corrupt(
    place: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "root"))
    moved = tmp_path / "root" / place
    shutil.copytree(folder, moved)
    name = place.replace("/", "@")
    for use in (load_uae, load_catalog, load_encoder, store.verify):
        for called in (name, moved) if use is not store.verify else (moved,):
            with pytest.raises(CatalogCorrupt, match=rf"{name} belongs, but .* says that it is toy@0\.1\.0"):
                use(called)  # type: ignore[operator]


@pytest.mark.parametrize("place", ["copy", "copies/0.1.0", "my toy/1.0", "0.1.0"])
def test_a_copy_elsewhere_is_what_its_manifest_says(place: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "far" / "away" / place
    shutil.copytree(folder, copy)
    store.verify(copy)
    assert repr(load_uae(copy)).startswith('ElementCatalog("toy@0.1.0"')


def test_a_copy_under_another_version_is_corrupt_everywhere(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "far" / "away" / "2.0.0")
    with pytest.raises(CatalogCorrupt, match=r"toy@2\.0\.0 belongs"):
        load_uae(tmp_path / "far" / "away" / "2.0.0")


@pytest.mark.parametrize(("name", "write"), [(PARQUET, write_vectors_parquet), (HDF5, write_vectors_hdf5)])
def test_files_that_say_that_they_are_another_are_corrupt(
    name: str, write: Callable[..., None], folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / name, toy_table(), {"name": "zoo", "version": "0.1.0"})
    replace_file(folder, name, (tmp_path / name).read_bytes())
    refuse(folder, rf"{name} says that it is zoo@0\.1\.0, and manifest\.json says toy@0\.1\.0", also_loads=False)
    other = toy_table(TOY_VECTORS | {"Fe": (3.0, 4.5)})
    write(tmp_path / name, other, {"name": "toy", "version": "0.1.0"})
    replace_file(folder, name, (tmp_path / name).read_bytes())
    refuse(folder, rf"{name} holds other rows than the other files", also_loads=False)


# What it holds


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def rows(**changes: Any) -> np.ndarray:
    table = toy_table()
    made = np.empty(6, dtype=[("atomic_number", "<i2"), ("n_structures", "<i4"), ("vector", "<f4", (2,))])
    made["atomic_number"], made["n_structures"], made["vector"] = (
        table.atomic_numbers,
        table.n_structures,
        table.vectors,
    )
    for field, value in changes.items():
        made[field] = value
    return made


def npy_header(text: str, data: bytes = b"") -> bytes:
    line = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + data


NPY_CONTENTS = {
    "not a number": npy(rows(vector=np.nan)),
    "infinite": npy(rows(vector=np.inf)),
    "unordered": npy(rows()[::-1]),
    "objects": npy(np.array([{}], dtype=object)),
    "another type": npy(np.eye(3)),
    "a table of rows": npy(rows().reshape(2, 3)),
    "a trillion rows": npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"),
    "negative": npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}"),
    "huge integers": npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, " + "9" * 40 + ")}"),
    "no bytes at all": npy_header("{'descr': '|V0', 'fortran_order': False, 'shape': (1000,)}"),
    "code": npy_header("__import__('os').system('true')"),
    "deep": npy_header("(" * 5000),
    "no header": b"\x93NUMPY\x01\x00\xff\xff",
    "another version": b"\x93NUMPY\x07\x00" + bytes(100),
}


@pytest.mark.parametrize("content", NPY_CONTENTS)
def test_an_array_that_cannot_be_is_refused(content: str, folder: Path) -> None:
    replace_file(folder, NPY, NPY_CONTENTS[content])
    refuse(folder, r"vectors\.npy")


def test_an_array_is_not_copied_and_not_writable() -> None:
    array = parse_npy(npy(np.arange(6).reshape(2, 3)), "here")
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not array.flags.writeable


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
TENSOR_CONTENTS = {
    "empty": b"",
    "a header beyond the end": safetensors({}, length=2**63),
    "overlapping": safetensors({"a": F32, "b": F32}, bytes(4)),
    "unused bytes": safetensors({"a": F32}, bytes(8)),
    "twice": safetensors(b'{"a":%b,"a":%b}' % (2 * (json.dumps(F32).encode(),)), bytes(4)),
    "huge shape": safetensors({"a": F32 | {"shape": [0, 10**30], "data_offsets": [0, 0]}}),
    "negative shape": safetensors({"a": F32 | {"shape": [-1, -1]}}, bytes(4)),
    "float offsets": safetensors({"a": F32 | {"data_offsets": [0.0, 4.0]}}, bytes(4)),
    "deep": safetensors(b"[" * 100_000),
    "not text": safetensors(b"\xff\xfe"),
    "weights that are not numbers": content_of(tensors() | {"layers.0.bias": np.full(12, np.nan, np.float32)}),
    "infinite weights": content_of(tensors() | {"input_mean": np.full(15, np.inf, np.float32)}),
    "integers": content_of(tensors() | {"input_mean": np.ones(15, np.int64)}),
    "one more": content_of(tensors() | {"surplus": np.ones(1, np.float32)}),
}


@pytest.mark.parametrize("content", TENSOR_CONTENTS)
def test_tensors_that_cannot_be_are_refused(content: str, encoder: Path) -> None:
    replace_file(encoder, "encoder.safetensors", TENSOR_CONTENTS[content])
    refuse(encoder, r"encoder\.safetensors")


def test_weights_so_large_that_no_number_comes_out_are_named(encoder: Path) -> None:
    assert np.isnan(load_encoder(encoder).encode(["Og"], missing="nan")).all()
    found = tensors()
    found["layers.0.weight"] = np.full(found["layers.0.weight"].shape, 1e38, np.float32)
    found["layers.1.weight"] = np.full(found["layers.1.weight"].shape, 1e38, np.float32)
    replace_file(encoder, "encoder.safetensors", content_of(found))
    with pytest.raises(CatalogCorrupt, match="weights of this network are so large that"):
        load_encoder(encoder).encode(["Fe2O3", "H2O"])


def parquet(**changes: Any) -> bytes:
    table = toy_table()
    columns = {
        "atomic_number": pa.array(table.atomic_numbers),
        "symbol": pa.array(table.symbols),
        "n_structures": pa.array(table.n_structures),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(table.vectors.ravel()), 2),
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns | changes), sink)
    return sink.getvalue()


def many_rows() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"atomic_number": pa.array(np.zeros(5_000_000, np.int16))}), sink)
    return sink.getvalue()


PARQUET_CONTENTS = {
    "no parquet": b"PAR1PAR1",
    "no vectors": parquet(vector=pa.array([None] * 6)),
    "not a number": parquet(vector=pa.array([[np.nan, 1.0]] * 6, pa.list_(pa.float32(), 2))),
    "vectors of text": parquet(vector=pa.array([["a", "b"]] * 6, pa.list_(pa.string(), 2))),
    "wide": parquet(vector=pa.array([[1.0] * 3] * 6, pa.list_(pa.float32(), 3))),
    "other symbols": parquet(symbol=pa.array(["H"] * 6)),
    "no symbols": parquet(symbol=pa.array([None] * 6, pa.string())),
    "rows of a bomb": many_rows(),
}


@pytest.mark.parametrize("content", PARQUET_CONTENTS)
def test_a_table_that_cannot_be_is_refused(content: str, folder: Path) -> None:
    replace_file(folder, PARQUET, PARQUET_CONTENTS[content])
    refuse(folder, r"vectors\.parquet", also_loads=False)


def hdf5(edit: Callable[[Any], None]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with h5py.File(path, "a") as file:
            edit(file)

    return change


def put(name: str, **about: Any) -> Callable[[Any], None]:
    def edit(file: Any) -> None:
        del file[name]
        file.create_dataset(name, **about)

    return edit


def link(target: Any) -> Callable[[Any], None]:
    def edit(file: Any) -> None:
        del file["vector"]
        file["vector"] = target

    return edit


def group(file: Any) -> None:
    del file["vector"]
    file.create_group("vector")


HDF5_EDITS = {
    "a bomb": put("vector", shape=(1 << 30, 1 << 10), dtype="f4", chunks=(1024, 1024), compression="gzip"),
    "never written": put("n_structures", shape=(6,), dtype="i4"),
    "external": put("vector", shape=(6, 2), dtype="f4", external=[("/dev/zero", 0, 48)]),
    "a link elsewhere": link(h5py.ExternalLink("/dev/zero", "x")),
    "a link within": link(h5py.SoftLink("/n_structures")),
    "a group": group,
    "text": put("vector", data=np.full((6, 2), b"x")),
    "no numbers": put("vector", data=np.full((6, 2), np.nan, np.float32)),
    "symbols": put("symbol", data=np.full(6, b"H")),
    "numbers for symbols": put("symbol", data=np.arange(6)),
}


@pytest.mark.parametrize("edit", HDF5_EDITS)
def test_an_hdf5_file_that_cannot_be_is_refused(edit: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / HDF5
    shutil.copy(folder / HDF5, path)
    hdf5(HDF5_EDITS[edit])(path)
    replace_file(folder, HDF5, path.read_bytes())
    refuse(folder, r"vectors\.h5", also_loads=False)
    with pytest.raises(CatalogCorrupt, match=r"vectors\.h5"):
        read_element_table(path)


def test_a_manifest_that_tells_of_a_huge_file_is_not_believed(folder: Path) -> None:
    entries = json.loads((folder / "manifest.json").read_text())["files"]
    replace_manifest(folder, ("files",), [entry | {"bytes": 2**36} for entry in entries])
    refuse(folder, "expected")


def test_paths_that_no_system_takes_are_not_found() -> None:
    for path in ("./" + "x" * 300, "./a\x00b", "~nosuchuser/x", "./" + "x/" * 3000):
        with pytest.raises(CatalogNotFound):
            load_uae(path)
