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
