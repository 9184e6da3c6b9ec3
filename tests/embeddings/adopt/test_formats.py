"""The same table in every format gives the same catalog."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.adopt import FORMATS as NAMES
from embeddings.adopt import examine, read_table
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import EmbeddingsError, InputInvalid
from tests.embeddings.adopt.conftest import ELEMENTS, VECTORS, csv_text

NUMBERS = [ATOMIC_NUMBERS[name] for name in ELEMENTS]


def _csv(path: Path) -> None:
    path.write_text(csv_text())


def _tsv_by_number(path: Path) -> None:
    lines = [f"{z}\t" + "\t".join(map(str, row)) for z, row in zip(NUMBERS, VECTORS, strict=True)]
    path.write_text("\n".join(["Z\t" + "\t".join(f"v{k}" for k in range(8)), *reversed(lines)]) + "\n")


def _json(path: Path) -> None:
    path.write_text(json.dumps({name: row.tolist() for name, row in zip(ELEMENTS, VECTORS, strict=True)}))


def _atom_init(path: Path) -> None:
    path.write_text(json.dumps({str(z): row.tolist() for z, row in zip(NUMBERS, VECTORS, strict=True)}))


def _records(path: Path) -> None:
    rows = [{"symbol": name, "vector": row.tolist()} for name, row in zip(ELEMENTS, VECTORS, strict=True)]
    path.write_text(json.dumps(rows))


def _npy(path: Path) -> None:
    np.save(path, VECTORS)


def _npz(path: Path) -> None:
    np.savez(path, vectors=VECTORS, symbols=np.array(ELEMENTS))


def _npz_by_symbol(path: Path) -> None:
    np.savez_compressed(path, **dict(zip(ELEMENTS, VECTORS, strict=True)))


def _parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"symbol": list(ELEMENTS), "vector": VECTORS.tolist()}), path)


def _wide_parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {str(k): VECTORS[:, k] for k in range(8)}
    pq.write_table(pa.table({"element": list(ELEMENTS), **columns}), path)


def _hdf5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["table/atomic_number"], file["table/vector"] = NUMBERS, VECTORS


def _word2vec(path: Path) -> None:
    lines = [f"{name} " + " ".join(map(str, row)) for name, row in zip(ELEMENTS, VECTORS, strict=True)]
    path.write_text("\n".join([f"{len(lines) + 1} 8", "perovskite" + " 1" * 8, *lines]) + "\n")


def _safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"embedding.weight": VECTORS}, path)


def _torch(path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": {"embedding.weight": torch.from_numpy(np.vstack([np.zeros(8), VECTORS]))}}, path)


FORMATS: dict[str, tuple[str, Callable[[Path], None], int | None]] = {
    "csv": ("t.csv", _csv, None),
    "tsv, by number": ("t.tsv", _tsv_by_number, None),
    "json": ("t.json", _json, None),
    "atom_init.json": ("atom_init.json", _atom_init, None),
    "json records": ("t.json", _records, None),
    "npy": ("t.npy", _npy, 1),
    "npz": ("t.npz", _npz, None),
    "npz, by symbol": ("t.npz", _npz_by_symbol, None),
    "parquet": ("t.parquet", _parquet, None),
    "parquet, wide": ("t.parquet", _wide_parquet, None),
    "hdf5": ("t.h5", _hdf5, None),
    "word2vec": ("t.txt", _word2vec, None),
    "safetensors": ("t.safetensors", _safetensors, 1),
    "torch": ("t.pt", _torch, 0),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_rows(kind: str, tmp_path: Path) -> None:
    name, write, first_row = FORMATS[kind]
    write(tmp_path / name)
    found = examine(read_table(tmp_path / name, first_row=first_row))
    assert found.rows.symbols == list(ELEMENTS)
    assert np.allclose(found.rows.vectors, VECTORS, atol=1e-7)
    assert found.rows.columns == ()
    assert found.left_out == {}


def test_names_of_features_become_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("symbol,melting point,radius\nFe,1811,126\nO,54.4,66\n")
    rows = examine(read_table(tmp_path / "t.csv")).rows
    assert (rows.symbols, rows.columns) == (["O", "Fe"], ("melting point", "radius"))
    (tmp_path / "t.json").write_text('{"Fe": {"T": 1811, "r": 126}, "O": {"T": 54.4, "r": 66}}')
    assert examine(read_table(tmp_path / "t.json")).rows.columns == ("T", "r")


def test_words_of_english_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("4 2\nIn 1 2\nAs 3 4\nFe 5 6\niron 7 8\n")
    notes = " ".join(examine(read_table(tmp_path / "t.txt")).notes)
    assert "Of 4 words, 3 are symbols" in notes
    assert "may mean those: In, As" in notes


def test_checkpoint_of_the_authors_layout_made_by_our_network(tmp_path: Path) -> None:
    """One-hot atoms through a linear layer give what a table of our network gives by atomic number."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("vesin")
    from builders.methods.crystal_transformer.model import CrystalTransformer
    from builders.methods.crystal_transformer.recipes import RECIPES

    torch.manual_seed(0)
    network = CrystalTransformer(next(iter(RECIPES.values())).model, 2)
    table = network.element_vectors().detach()[1:101]  # (100, dim)
    bias = torch.randn(table.shape[1])
    state = {
        "atom_embed.weight": (table - bias).T.contiguous(),
        "atom_embed.bias": bias,
        "fc_out.weight": torch.ones(3, 4),
    }
    whole = {
        "epoch": 7,
        "state_dict": state,
        "best_mae_error": torch.tensor(0.1),
        "optimizer": {"state": {}},
        "normalizer": {"mean": torch.tensor(0.0), "std": torch.tensor(1.0)},
        "args": {"lr": 1e-3, "load": "mp"},
    }
    for name, prefix in (("model_best.pth.tar", ""), ("model_best_mt3_256.pth.tar", "module.")):
        renamed = {f"{prefix}{key}": value for key, value in state.items()}
        torch.save(whole | {"state_dict": renamed}, tmp_path / name, _use_new_zipfile_serialization=not prefix)
        found = read_table(tmp_path / name)
        assert found.format == "torch checkpoint of ct-UAE"
        assert found.keys == tuple(range(1, 101))
        assert np.allclose(found.values, table.numpy(), atol=1e-5)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["t.pth", "t.pt", "model_best.pth.tar", "t.pkl", "t.model", "t", "t.npy", "t.csv"])
def test_pickles_are_refused_and_never_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps({"state_dict": Bomb()}))
    with pytest.raises(InputInvalid, match=r"pickle|checkpoint"):
        read_table(tmp_path / name)
    assert not Path("exploded").exists()


def test_a_pickle_in_the_zip_of_a_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"atom_embed.weight": torch.ones(4, 5)}, "extra": Bomb()}, "t.pth.tar")
    with pytest.raises(InputInvalid, match="nothing else is ever unpickled"):
        read_table(Path("t.pth.tar"))
    assert not Path("exploded").exists()


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([{"Fe": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "t.npz", a=np.array([Bomb()], dtype=object))
    for name in ("t.npy", "t.npz"):
        with pytest.raises(InputInvalid):
            read_table(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"element,a\nFe,1\nO,2,3\n", "line 3"),
        ("t.csv", b"element,a,b\nFe,1,2\nO,three,4\n", '"three" in the row of O is not a number'),
        ("t.csv", b"a,b\n1,2\n3,4\n", "no column that says which element"),
        ("t.json", b"{", "is not JSON"),
        ("t.json", b'{"Fe": [1], "O": [2], "Fe": [3]}', 'the key "Fe" appears twice'),
        ("t.csv", b"element,a,b,a\nFe,1,2,3\n", "several columns called a"),
        ("t.json", b'{"Fe": [1' + b"0" * 400 + b"]}", "in the row of Fe is not a number"),
        ("t.json", b"{}", "not rows of numbers"),
        ("t.json", b'{"Fe": [1, 2], "O": [3]}', "ragged: Fe has 2 numbers, O has 1"),
        ("t.json", b'{"Fe": [1, [2]]}', "has a list instead of a number"),
        ("t.json", b'{"Fe": ["a"]}', "is not a number"),
        ("t.json", b"[[1, 2], [3]]", "ragged"),
        ("t.json", b"[[1, 2], [3, 4]]", "--first-row"),
        ("t.txt", b"2 999999999\nFe 1 2\n", "at most 65,536"),
        ("t.txt", b"2 3\nFe 1 2\nO 1 2 3\n", "does not have 3 numbers"),
        ("t.txt", b"1 2\nword 1 2\n", "The one word is not"),
        ("t.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'shape': (99999999999, 9)}", "cannot be read"),
        ("t.parquet", b"PAR1PAR1", "Parquet"),
        ("t.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("t.safetensors", b"\xff" * 16, "not a file of tensors"),
        ("t.npz", b"PK\x03\x04" + b"\0" * 22 + b"\x05\0\0\0a.npy", "not an intact .npz"),
    ],
)  # fmt: skip
def test_bad_files_are_named_errors(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EmbeddingsError) as caught:
        examine(read_table(tmp_path / name))
    assert says in str(caught.value)


def test_an_archive_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"")
    content = bytearray((tmp_path / "t.npz").read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (2**31 - 1).to_bytes(4, "little")
    (tmp_path / "t.npz").write_bytes(content)
    with pytest.raises(InputInvalid, match=r"unpacks to|not an intact"):
        read_table(tmp_path / "t.npz")


@pytest.mark.parametrize("kind", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_an_archive_that_says_less_than_it_unpacks_to_is_not_unpacked(kind: int, tmp_path: Path) -> None:
    import tracemalloc

    with zipfile.ZipFile(tmp_path / "t.npz", "w", kind) as archive:
        archive.writestr("a.npy", bytes(50_000_000))
    content = bytearray((tmp_path / "t.npz").read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (1_000).to_bytes(4, "little")
    (tmp_path / "t.npz").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(InputInvalid, match=r"compressed in a way|not an intact"):
        read_table(tmp_path / "t.npz", format="npz")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("format", NAMES)
def test_a_format_that_a_file_is_not_in(format: str, tmp_path: Path) -> None:
    for name, content in {"t.bin": bytes(range(256)), "t.txt": b"2 x\nFe 1\n"}.items():
        (tmp_path / name).write_bytes(content)
    for name in ("t.bin", "t.txt", "nowhere"):
        with pytest.raises(EmbeddingsError, match=name):
            read_table(tmp_path / name, format=format)


@pytest.mark.parametrize(
    ("format", "option", "said"),
    [
        ("csv", {"array": "a"}, "--array"), ("csv", {"first_row": 0}, "--first-row"),
        ("npy", {"drop": ["a"]}, "--drop-column"),
        ("npz", {"drop": ["a"]}, "--drop-column"), ("word2vec", {"first_row": 1}, "--first-row"),
    ],
)  # fmt: skip
def test_an_option_that_would_be_passed_over(format: str, option: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=f"read as {format}, which takes no {said}"):
        read_table(tmp_path / "t", format=format, **option)


def test_objects_go_by_their_names_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"a": 1, "element": "H"}, {"element": "He"}, {"element": "Li", "a": 3}]')
    found = read_table(tmp_path / "t.json")
    assert found.keys == ("H", "He", "Li")
    assert np.array_equal(found.values[:, 0], [1, np.nan, 3], equal_nan=True)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "t.npz", a=VECTORS)
    content = bytearray((tmp_path / "t.npz").read_bytes())
    content[60:120] = bytes(255 - byte for byte in content[60:120])
    (tmp_path / "t.npz").write_bytes(content)
    with pytest.raises(InputInvalid, match="not an intact"):
        read_table(tmp_path / "t.npz", format="npz")


def test_an_hdf5_file_with_a_name_that_is_not_utf8_or_a_damaged_address(tmp_path: Path) -> None:
    _hdf5(tmp_path / "t.h5")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "t.h5", "a") as file:
        file[b"Gr\xf6\xdfe"] = np.zeros(3)
    table = read_table(tmp_path / "t.h5")
    assert (table.keys, table.values.shape) == (tuple(NUMBERS), VECTORS.shape)
    with pytest.raises(InputInvalid, match="it has Größe"):
        read_table(tmp_path / "t.h5", array="missing")
    content = bytearray((tmp_path / "t.h5").read_bytes())
    content[53] = 226  # of the address of the driver, which then lies beyond what a file can have
    (tmp_path / "t.h5").write_bytes(content)
    with pytest.raises(InputInvalid, match="cannot be read as HDF5"):
        read_table(tmp_path / "t.h5")


def test_a_few_bytes_that_claim_to_be_many_numbers(tmp_path: Path) -> None:
    import h5py
    import pyarrow as pa
    import pyarrow.parquet as pq

    lists = pa.ListArray.from_arrays(pa.array([0, 100_000, 200_000]), pa.array(np.zeros(200_000)))
    pq.write_table(pa.table({"symbol": ["H", "O"], "vector": lists}), tmp_path / "t.parquet")
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for name in "abc":
            file.create_dataset(name, shape=(1_000, 60_000), dtype="f8", chunks=True)
    for name in ("t.parquet", "t.h5"):
        with pytest.raises(InputInvalid, match="no table of elements has"):
            read_table(tmp_path / name, array="a") if name.endswith("h5") else read_table(tmp_path / name)


@pytest.mark.parametrize("name", ["embedding.weight", "atom_embed.weight", "layers.0"])
def test_a_tensor_of_one_number_that_claims_to_be_many(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    many, sparse = torch.zeros(1, 1).expand(1 << 20, 1 << 20), torch.eye(4).to_sparse_csr()
    torch.save({"state_dict": {name: many, "sparse": sparse, "a.b": many[0]}}, tmp_path / "t.pt")
    with pytest.raises(InputInvalid, match="no table of elements has"):
        read_table(tmp_path / "t.pt")


def test_several_arrays_need_a_choice(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=VECTORS, b=VECTORS + 1, element=np.array(ELEMENTS))
    with pytest.raises(InputInvalid, match="--array"):
        read_table(tmp_path / "t.npz")
    assert np.allclose(read_table(tmp_path / "t.npz", array="b").values, VECTORS + 1)
