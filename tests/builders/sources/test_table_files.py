"""The source table on more than one file: folders, and places behind URLs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions, open_stream
from builders.structures.cleaning import EVERYTHING
from builders.structures.table import structures_from_arrow
from embeddings.cli import main
from embeddings.errors import EmbeddingsError, InputInvalid, MissingExtra, SourceError
from testing.buckets import moto_bucket
from testing.crystals import arrow_table, sample_crystals

Pull = Callable[..., Snapshot]


def write_parts(folder: Path, sizes: tuple[int, ...] = (7, 0, 5, 8)) -> pa.Table:
    """Write a table as files whose names sort, in folders of two levels, with something hidden beside them."""
    whole = arrow_table(sample_crystals(sum(sizes))[0], band_gap=pa.array(np.arange(float(sum(sizes)))))
    at = 0
    for number, n in enumerate(sizes):
        path = folder / f"year={2000 + number // 2}" / f"part-{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(whole.slice(at, n), path)
        at += n
    (folder / "_metadata.parquet").write_text("not for readers")
    return whole


def ids(snapshot: Snapshot) -> list[str]:
    return list(read_structures(snapshot).material_ids)


def test_a_folder_is_one_table_in_the_order_of_its_names(pull: Pull, tmp_path: Path) -> None:
    whole = write_parts(tmp_path / "data")
    snapshot = pull("table", tmp_path / "s", SourceOptions(tmp_path / "data"))
    assert ids(snapshot) == whole["material_id"].to_pylist()
    assert read_structures(snapshot).properties["band_gap"].tolist() == list(range(20))
    assert snapshot.query["folder"] == "data"


@pytest.mark.parametrize("n_done", [0, 1, 2])
def test_a_cut_pull_of_a_folder_ends_with_the_same_bytes(
    n_done: int, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.sources.table.ROWS_PER_BATCH", 4)
    write_parts(tmp_path / "data")
    whole = pull("table", tmp_path / "whole", SourceOptions(tmp_path / "data"))
    assert len(whole.parts) == 6
    cut = tmp_path / "cut"
    cut.mkdir()
    names = list(whole.parts)[:n_done]
    for name in ("plan.json", *names):
        (cut / name).write_bytes((whole.folder / name).read_bytes())
    ledger = (whole.folder / "ledger.jsonl").read_text().splitlines(keepends=True)
    (cut / "ledger.jsonl").write_text("".join(ledger[:n_done]))
    assert pull("table", cut, SourceOptions(tmp_path / "data")).parts == whole.parts


def test_another_content_is_another_query(tmp_path: Path) -> None:
    write_parts(tmp_path / "data")
    before = open_stream("table", SourceOptions(tmp_path / "data"), EVERYTHING).query
    (tmp_path / "data" / "year=2000" / "part-0.parquet").rename(tmp_path / "data" / "year=2000" / "part-9.parquet")
    assert open_stream("table", SourceOptions(tmp_path / "data"), EVERYTHING).query != before


def test_a_row_that_is_no_structure_is_named_with_its_file(pull: Pull, tmp_path: Path) -> None:
    write_parts(tmp_path / "data", (3, 3))
    path = tmp_path / "data" / "year=2000" / "part-1.parquet"
    table = pq.read_table(path)
    numbers = table["atomic_numbers"].to_pylist()
    numbers[2] = [200] * len(numbers[2])
    at = table.schema.get_field_index("atomic_numbers")
    pq.write_table(table.set_column(at, "atomic_numbers", pa.array(numbers, pa.list_(pa.int16()))), path)
    first = tmp_path / "data" / "year=2000" / "part-0.parquet"
    other = pq.read_table(first)
    column = other["atomic_numbers"].cast(pa.list_(pa.int16()))
    pq.write_table(other.set_column(at, "atomic_numbers", column), first)
    snapshot = pull("table", tmp_path / "s", SourceOptions(tmp_path / "data"))
    assert snapshot.rejected == {"invalid_atomic_number": 1}
    assert f"{path},invalid_atomic_number,row 2: 200 is not" in (snapshot.folder / "rejected.csv").read_text()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "b.parquet").write_text("text"), "b.parquet is not a readable Parquet file"),
        (lambda folder: pq.write_table(pa.table({"x": [1]}), folder / "b.parquet"), "b.parquet lacks the column"),
        (
            lambda folder: pq.write_table(
                arrow_table(sample_crystals(2)[0], band_gap=pa.array(["a", "b"])), folder / "b.parquet"
            ),
            "band_gap of .*b.parquet is string, and double in the first file",
        ),
        (lambda folder: (folder / "a.parquet").unlink(), "No .parquet file in"),
    ],
)
def test_bad_folders_are_named(damage: Callable[[Path], Any], message: str, pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(arrow_table(sample_crystals(2)[0], band_gap=pa.array([1.0, 2.0])), tmp_path / "data" / "a.parquet")
    damage(tmp_path / "data")
    with pytest.raises(EmbeddingsError, match=message):
        pull("table", tmp_path / "s", SourceOptions(tmp_path / "data"))


def write_both(folder: Path, first: dict[str, pa.Array], second: dict[str, pa.Array]) -> Path:
    """Two files of two structures each, with columns of their own."""
    folder.mkdir()
    whole = arrow_table(sample_crystals(4)[0])
    for name, columns, start in (("a", first, 0), ("b", second, 2)):
        part = whole.slice(start, 2)
        for column, values in columns.items():
            place = part.schema.get_field_index(column)
            part = part.append_column(column, values) if place < 0 else part.set_column(place, column, values)
        pq.write_table(part, folder / f"{name}.parquet")
    return folder


NUMBERS = pa.array([1, 2])
JOINED: dict[str, tuple[pa.Array, pa.Array, list[float]]] = {
    "whole numbers and others": (NUMBERS, pa.array([0.5, None]), [1, 2, 0.5, np.nan]),
    "others and whole numbers": (pa.array([0.5, 1.5]), NUMBERS, [0.5, 1.5, 1, 2]),
    "nothing and whole numbers": (pa.nulls(2), NUMBERS, [np.nan, np.nan, 1, 2]),
    "truth values and numbers": (pa.array([True, None]), pa.array([1.0, 0.0]), [1, np.nan, 1, 0]),
    "half and double": (NUMBERS.cast(pa.float16()), NUMBERS.cast(pa.float64()), [1, 2, 1, 2]),
    "categories and numbers": (NUMBERS.dictionary_encode(), NUMBERS.cast(pa.float32()), [1, 2, 1, 2]),
}


@pytest.mark.parametrize("name", JOINED)
def test_types_of_one_meaning_are_joined(name: str, pull: Pull, tmp_path: Path) -> None:
    first, second, expected = JOINED[name]
    folder = write_both(tmp_path / "data", {"y": first}, {"y": second})
    snapshot = pull("table", tmp_path / "s", SourceOptions(folder))
    np.testing.assert_array_equal(read_structures(snapshot).properties["y"], expected)
    assert list(snapshot.facts["joined_columns"]) == ["y"]


def test_lists_and_text_of_any_width_are_joined_and_a_cut_pull_too(pull: Pull, tmp_path: Path) -> None:
    whole = arrow_table(sample_crystals(4)[0])
    text, numbers = pa.large_string(), pa.large_list(pa.float64())
    second = {
        "material_id": pa.array([7, 8]),
        "formula": whole["formula"].slice(2).cast(text),
        "lattice": whole["lattice"].slice(2).cast(numbers),
        "atomic_numbers": whole["atomic_numbers"].slice(2).cast(numbers),
    }
    folder = write_both(tmp_path / "data", {}, second)
    snapshot = pull("table", tmp_path / "s", SourceOptions(folder))
    found, expected = read_structures(snapshot), structures_from_arrow(whole, origin="here")
    assert found.material_ids.tolist() == [*expected.material_ids[:2].tolist(), "7", "8"]
    for values in ("lattices", "atomic_numbers", "frac_coords"):
        np.testing.assert_array_equal(getattr(found, values), getattr(expected, values))
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "plan.json").write_bytes((snapshot.folder / "plan.json").read_bytes())
    assert pull("table", cut, SourceOptions(folder)).parts == snapshot.parts


def test_shares_that_one_file_states_are_read_beside_one_that_states_none(pull: Pull, tmp_path: Path) -> None:
    n_atoms = arrow_table(sample_crystals(4)[0])["atomic_numbers"].slice(2)
    shares = pa.array([[0.5] * len(n_atoms[0]), [1.0] * len(n_atoms[1])])
    snapshot = pull("table", tmp_path / "s", SourceOptions(write_both(tmp_path / "data", {}, {"occupancies": shares})))
    found = read_structures(snapshot)
    assert found.occupancies is not None
    assert found.occupancies[: found.offsets[2]].tolist() == [1.0] * found.offsets[2]
    assert snapshot.unusable == {"partial_occupancy": 1}


@pytest.mark.parametrize("units", [("eV", "meV"), (None, "eV", "meV")])
def test_units_that_differ_are_refused(units: tuple[str | None, ...], pull: Pull, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number, unit in enumerate(units):
        table = arrow_table(sample_crystals(2)[0], **({"gap": pa.array([1.0, 2.0])} if unit else {}))
        place = table.schema.get_field_index("gap")
        if unit:
            table = table.cast(table.schema.set(place, table.schema.field("gap").with_metadata({"unit": unit})))
        pq.write_table(table, tmp_path / "data" / f"{number}.parquet")
    with pytest.raises(SourceError, match=r"gap of .*\.parquet is in meV, and in eV .*Convert one"):
        pull("table", tmp_path / "s", SourceOptions(tmp_path / "data"))


def test_a_column_that_only_later_files_have_is_compared_among_them(pull: Pull, tmp_path: Path) -> None:
    folder = write_both(tmp_path / "data", {}, {"y": NUMBERS})
    pq.write_table(arrow_table(sample_crystals(2)[0], y=pa.array(["a", "b"])), folder / "c.parquet")
    with pytest.raises(SourceError, match=r"y of .*c\.parquet is string, and int64"):
        pull("table", tmp_path / "s", SourceOptions(folder))


def test_a_flipped_bit_is_noticed_where_pages_have_checksums(pull: Pull, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = arrow_table(sample_crystals(5)[0])
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    content, lattice = bytearray(path.read_bytes()), table["lattice"][3].values.to_numpy().tobytes()
    content[content.index(lattice) + 6] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"t\.parquet is damaged: .*checksum"):
        pull("table", tmp_path / "s", SourceOptions(path))


def test_a_whole_disk_is_not_searched(pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a whole disk"):
        pull("table", tmp_path / "s", SourceOptions(Path(tmp_path.anchor)))


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an empty bucket of moto."""
    with moto_bucket("structures") as address:
        yield address


def test_a_bucket_is_read_as_a_folder_is(bucket: str, pull: Pull, tmp_path: Path) -> None:
    import boto3

    whole = write_parts(tmp_path / "data", (6, 5))
    for path in sorted((tmp_path / "data").rglob("*.parquet")):
        boto3.client("s3").upload_file(str(path), "structures", f"mine/{path.relative_to(tmp_path / 'data')}")
    snapshot = pull("table", tmp_path / "s", SourceOptions(url=f"{bucket}/mine/"))
    assert ids(snapshot) == whole["material_id"].to_pylist()
    result = CliRunner().invoke(main, ["pull", f"{bucket}/mine/", "--out", str(tmp_path / "t"), "--quiet"])
    assert (result.exit_code, "11 structures" in result.stdout) == (0, True), result.output
    assert pull("table", tmp_path / "s", SourceOptions(url=f"{bucket}/mine/")).parts == snapshot.parts


def test_what_is_not_there_is_named(bucket: str) -> None:
    with pytest.raises(SourceError, match=r"No \.parquet file at s3://structures/nothing"):
        open_stream("table", SourceOptions(url=f"{bucket}/nothing"), EVERYTHING)


def test_a_store_that_refuses_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: object) -> None:
        raise OSError("When listing objects: AWS Error ACCESS_DENIED during ListObjectsV2 operation: Access Denied")

    monkeypatch.setattr("embeddings.store.places._s3", lambda: type("Refusing", (), {"get_file_info": denied})())
    with pytest.raises(SourceError, match=r"s3://structures/mine cannot be listed: .*ACCESS_DENIED.* your rights\."):
        open_stream("table", SourceOptions(url=f"{bucket}/mine"), EVERYTHING)


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("s3://key:secret@bucket/folder", InputInvalid, "holds credentials"),
        ("s3://", InputInvalid, "is not an address"),
        ("s3://bucket/a?b=c", InputInvalid, "is not an address"),
        ("nosuch://bucket/folder", InputInvalid, "cannot be opened"),
    ],
)
def test_addresses_that_are_none_are_named(url: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as told:
        open_stream("table", SourceOptions(url=url), EVERYTHING)
    assert "secret" not in str(told.value)


def test_the_hub_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match="hub"):
        open_stream("table", SourceOptions(url="hf://org/repo"), EVERYTHING)


def test_only_tables_are_read_from_an_address(tmp_path: Path) -> None:
    arguments = ["pull", "--source", "local", "--path", "s3://bucket/cifs", "--out", str(tmp_path / "s")]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "local takes no --path with an address" in result.stderr) == (1, True)
