"""Which element a row is: found wherever a file says so, and never supposed against what it says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.adopt import examine, read_table
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import InputInvalid

ALPHABETIC = sorted(SYMBOLS)
VECTORS = np.random.default_rng(3).normal(size=(len(SYMBOLS), 8)).astype(np.float32)
NUMBERS = np.array([ATOMIC_NUMBERS[name] for name in ALPHABETIC])
"""Of all elements, in the order of the alphabet: 118 rows, which would be taken as those of 1 to 118."""


def write(path: Path, **arrays: Any) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[f"frame/{name}"] = np.asarray(values, dtype="S2" if np.asarray(values).dtype.kind == "U" else None)
    else:
        torch = pytest.importorskip("torch")
        torch.save({name: a.tolist() if a.dtype.kind == "U" else torch.tensor(a) for name, a in arrays.items()}, path)
    return path


@pytest.mark.parametrize("name", ["t.npz", "t.h5", "t.pt"])
@pytest.mark.parametrize(
    "beside",
    [
        {"labels": np.array(ALPHABETIC)},
        {"axis1": np.array(ALPHABETIC)},  # as pandas writes the index of a frame to HDF5
        {"element_types": np.array(ALPHABETIC), "n_structures": NUMBERS * 7},
        {"z": NUMBERS},
    ],
    ids=lambda beside: "-".join(beside),
)
def test_keys_are_found_by_what_they_hold(name: str, beside: Mapping[str, Any], tmp_path: Path) -> None:
    rows = examine(read_table(write(tmp_path / name, weight=VECTORS, **beside))).rows
    assert np.array_equal(rows.vectors, VECTORS[np.argsort(NUMBERS)])


def test_keys_beside_the_weights_of_a_model(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Embedding.from_pretrained(torch.tensor(VECTORS))
    torch.save({"state_dict": layer.state_dict(), "element_types": ALPHABETIC, "epoch": 3}, tmp_path / "t.pt")
    assert read_table(tmp_path / "t.pt").keys == tuple(ALPHABETIC)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": VECTORS, "labels": np.array(ALPHABETIC[:117])}, '117 elements in "labels", but 118 rows in "a"'),
        ({"a": np.vstack([VECTORS[:1], VECTORS]), "symbols": np.array(ALPHABETIC)}, "118 elements .* but 119 rows"),
        ({"a": VECTORS, "order": NUMBERS}, '"order" in .* may say which element a row is'),
        ({"a": VECTORS, "order": NUMBERS - 1}, '"order" in .* may say which element a row is'),
        ({"a": VECTORS, "symbols": np.array(ALPHABETIC), "z": NUMBERS[::-1]}, "and differently"),
    ],
)
def test_keys_that_do_not_fit_are_refused(arrays: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=said):
        read_table(write(tmp_path / "t.npz", **arrays))


def test_what_only_counts_or_measures_is_no_key(tmp_path: Path) -> None:
    beside = {"n_structures": NUMBERS * 7, "row": np.arange(118), "radius": NUMBERS / 7}
    assert read_table(write(tmp_path / "t.npz", a=VECTORS, **beside)).keys == tuple(range(1, 119))
    path = write(tmp_path / "u.npz", a=VECTORS, order=NUMBERS)
    assert read_table(path, first_row=1).keys == tuple(range(1, 119))  # said by who knows


def test_a_first_row_beside_keys_is_refused(tmp_path: Path) -> None:
    records = np.array(list(zip(ALPHABETIC, VECTORS[:, 0], strict=True)), dtype=[("element", "U2"), ("v", "f4")])
    np.save(tmp_path / "t.npy", records)
    (tmp_path / "t.json").write_text('{"He": [1, 2], "H": [3, 4]}')
    write(tmp_path / "t.npz", a=VECTORS, symbols=np.array(ALPHABETIC))
    np.savez(tmp_path / "u.npz", He=VECTORS[0], H=VECTORS[1])
    for name in ("t.npy", "t.json", "t.npz", "u.npz"):
        read_table(tmp_path / name)
        with pytest.raises(InputInvalid, match=r"says which element a row is\. Leave --first-row out"):
            read_table(tmp_path / name, first_row=1)


def test_the_keys_of_another_group_are_not_taken(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["a/symbols"], file["a/vectors"] = np.array(SYMBOLS, dtype="S2"), VECTORS
        file["b/symbols"], file["b/vectors"] = np.array(ALPHABETIC, dtype="S2"), VECTORS
    assert read_table(tmp_path / "t.h5", array="b/vectors").keys == tuple(ALPHABETIC)


def csv(path: Path, head: str, *columns: Any) -> Path:
    rows = (",".join(map(str, row)) for row in zip(*columns, strict=True))
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "__index_level_0__"])
def test_the_index_of_a_frame_is_no_number_of_a_vector(name: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).permutation(500)[:118]  # of a frame that was filtered
    table = read_table(csv(tmp_path / "t.csv", f"{name},element,v0,v1", rows, ALPHABETIC, *VECTORS[:, :2].T))
    assert np.array_equal(table.values.astype(np.float32), VECTORS[:, :2])
    assert any("Numbers of the rows" in note for note in table.notes)


def test_columns_that_all_lack_a_name_are_kept(tmp_path: Path) -> None:
    table = read_table(csv(tmp_path / "t.csv", ",,element", NUMBERS, NUMBERS * 2, ALPHABETIC))
    assert np.array_equal(table.values, np.column_stack([NUMBERS, NUMBERS * 2]))


def test_the_element_said_twice_is_no_number_of_a_vector(tmp_path: Path) -> None:
    table = read_table(csv(tmp_path / "t.csv", "element,Z,v0,v1", ALPHABETIC, NUMBERS, *VECTORS[:, :2].T))
    assert np.array_equal(table.values.astype(np.float32), VECTORS[:, :2])
    assert any('"Z" says the element again' in note for note in table.notes)
    named = read_table(csv(tmp_path / "u.csv", "element,Z,radius", ALPHABETIC, NUMBERS, VECTORS[:, 0]))
    assert named.columns == ("Z", "radius")  # among properties, the atomic number is one


@pytest.mark.parametrize("numbers", [NUMBERS - 1, NUMBERS[::-1]])
def test_a_second_key_that_says_another_element_is_refused(numbers: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match='the column "Z" says'):
        read_table(csv(tmp_path / "t.csv", "element,Z,v0,v1", ALPHABETIC, numbers, *VECTORS[:, :2].T))


def test_a_table_without_names_of_columns_does_not_lose_its_first_element(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="its first line is a row of H, and must name the columns"):
        read_table(csv(tmp_path / "t.csv", "H,0.5,0.25", SYMBOLS[1:], *VECTORS[1:, :2].T))


def test_columns_beside_one_of_lists_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"element": "H", "v": [1, 2], "mass": 1}, {"element": "He", "v": [3, 4]}]')
    assert "Columns passed over: mass." in read_table(tmp_path / "t.json").notes
