"""Vectors in folders of files, in fewer bits, and behind URLs: the same vectors, sorted, complete or told so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.embed import parts as made
from builders.embed import sorting, writing
from builders.parts import pieces
from embeddings import load_catalog
from embeddings.cli import main
from embeddings.store.places import Place
from embeddings.store.roots import user_root
from embeddings.vectors.folder import open_folder
from testing.buckets import moto_bucket
from testing.crystals import arrow_table, sample_crystals
from testing.encoders import write_encoder_catalog

N = 40


@pytest.fixture
def sample(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty crystals whose identifiers are in no order; parts of 7, ranges of few rows; a catalog, toy."""
    write_encoder_catalog(user_root())
    monkeypatch.setattr(pieces, "AT_ONCE", 7)
    monkeypatch.setattr(sorting, "RANGE_BYTES", 1 << 10)
    order = np.random.default_rng(0).permutation(N)
    ids = pa.array([f"mp-{k}" for k in order])
    pq.write_table(arrow_table(sample_crystals(N)[0], material_id=ids), tmp_path / "sample.parquet")
    return tmp_path / "sample.parquet"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(part) for part in arguments])


def embed(sample: Path, out: object, *more: object) -> Result:
    return run("embed", sample, "--catalog", "toy", "-o", out, "--quiet", *more)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("level", ["structure", "site"])
def test_a_folder_holds_the_vectors_of_the_file_by_identifier(level: str, sample: Path, tmp_path: Path) -> None:
    assert embed(sample, tmp_path / "one.parquet", "--level", level).exit_code == 0
    result = embed(sample, f"{tmp_path}/many/", "--level", level, "--rows-per-file", "12")
    assert result.exit_code == 0, result.output
    one, many = (load_catalog(tmp_path / name) for name in ("one.parquet", "many"))
    assert list(many) == sorted(one)
    for name in one:
        np.testing.assert_array_equal(many[name], one[name])
    files = sorted((tmp_path / "many").iterdir())
    rows = [pq.read_metadata(path).num_rows for path in files]
    assert [path.name for path in files] == [f"part-{k:05d}.parquet" for k in range(len(files))]
    assert rows[:-1] == [12] * (len(files) - 1)
    assert 1 <= rows[-1] <= 12
    together = ds.dataset(tmp_path / "many").to_table()
    assert together["material_id"].to_pylist() == sorted(together["material_id"].to_pylist())
    assert len(together) == sum(rows)


def test_row_groups_have_the_size_that_is_asked_for(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "GROUP_BYTES", 5 * (4 * 32 + 40))
    assert embed(sample, tmp_path / "many", "--rows-per-file", "12").exit_code == 0
    about = pq.read_metadata(tmp_path / "many" / "part-00000.parquet")
    assert [about.row_group(group).num_rows for group in range(about.num_row_groups)] == [5, 5, 2]
    assert about.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.usefixtures("two_threads")
def test_the_bytes_do_not_depend_on_the_workers_nor_the_rows_on_the_order_of_the_source(
    sample: Path, tmp_path: Path
) -> None:
    assert embed(sample, tmp_path / "one", "--rows-per-file", "12").exit_code == 0
    assert embed(sample, tmp_path / "two", "--rows-per-file", "12", "--workers", "2").exit_code == 0
    assert content(tmp_path / "two") == content(tmp_path / "one")
    turned = pq.read_table(sample)
    pq.write_table(turned.take(np.arange(len(turned))[::-1]), tmp_path / "turned.parquet")
    assert embed(tmp_path / "turned.parquet", tmp_path / "three", "--rows-per-file", "12").exit_code == 0
    one, three = (load_catalog(tmp_path / name) for name in ("one", "three"))
    assert (one.material_ids, one.formulas) == (three.material_ids, three.formulas)
    np.testing.assert_allclose(one.vectors, three.vectors, atol=1e-5)


def test_commands_read_a_folder(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    assert embed(sample, folder, "--rows-per-file", "12").exit_code == 0
    assert embed(sample, tmp_path / "one.parquet").exit_code == 0
    for arguments in (("search", "--like", "mp-7"), ("search", "--duplicates", "0.99"), ("neighbors", "mp-7")):
        command, *more = arguments
        said = run(command, folder, *more)
        assert said.exit_code == 0, said.output
        if command == "search" and "--like" in more:
            single = run(command, tmp_path / "one.parquet", *more).stdout
            assert sorted(said.stdout.splitlines()) == sorted(single.splitlines())  # equals keep the order of the file
    assert "40 x 32 float32, one for each structure" in run("show", folder).stdout
    assert "Intact" in run("verify", folder).stdout
    assert run("list", "--file", folder).exit_code == 0
    assert "Valid file" in run("validate", folder).stdout
    again = run("verify", folder, "--recompute", "5", "--source", "table", "--path", sample, "--quiet")
    assert (again.exit_code, "Made again: 5 of 40 structures" in again.stdout) == (0, True), again.output


@pytest.mark.parametrize(("dtype", "least"), [("float16", 0.999999), ("int8", 0.999)])
def test_fewer_bits_stay_within_half_a_step(dtype: Any, least: float, sample: Path, tmp_path: Path) -> None:
    assert embed(sample, tmp_path / "one.parquet").exit_code == 0
    exact = load_catalog(tmp_path / "one.parquet")
    for out in (tmp_path / "short.parquet", tmp_path / "short"):
        result = embed(sample, out, "--dtype", dtype)
        assert result.exit_code == 0, result.output
        short = load_catalog(out)
        schema = pq.read_schema(out if out.is_file() else out / "part-00000.parquet")
        assert str(schema.field("vector").type.value_type) == {"float16": "halffloat", "int8": "int8"}[dtype]
        scale = float(schema.field("vector").metadata[b"scale"])
        a, b = (catalog.lookup(list(exact)) for catalog in (exact, short))
        assert b.dtype == np.float32
        bound = scale / 2 * (1 + 1e-5) if dtype == "int8" else np.abs(a) * 2.0**-11 + scale * 2.0**-25
        assert (np.abs(a - b) <= bound).all()
        cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert cosines.min() > least
        assert f"x 32 {dtype}" in run("show", out).stdout
        assert "Intact" in run("verify", out).stdout


def test_another_tool_reads_int8_by_the_scale_in_the_schema(sample: Path, tmp_path: Path) -> None:
    assert embed(sample, tmp_path / "one.parquet").exit_code == 0
    assert embed(sample, tmp_path / "short", "--dtype", "int8").exit_code == 0
    table = ds.dataset(tmp_path / "short").to_table()
    scale = float(table.schema.field("vector").metadata[b"scale"])
    exact = load_catalog(tmp_path / "one.parquet").lookup(table["material_id"].to_pylist())
    np.testing.assert_allclose(np.array(table["vector"].to_pylist()) * scale, exact, atol=scale / 2 * 1.001)


def test_rounded_vectors_are_not_held_against_exact_ones(sample: Path, tmp_path: Path) -> None:
    assert embed(sample, tmp_path / "short", "--dtype", "int8").exit_code == 0
    again = run("verify", tmp_path / "short", "--recompute", "5", "--source", "table", "--path", sample, "--quiet")
    assert (again.exit_code, "rounded to int8" in again.stderr) == (1, True)


def test_vectors_of_elements_in_fewer_bits(sample: Path, tmp_path: Path) -> None:
    for name in ("exact.parquet", "short.parquet", "many"):
        more = () if name == "exact.parquet" else ("--dtype", "float16")
        result = embed(sample, tmp_path / name, "--level", "element", *more)
        assert result.exit_code == 0, result.output
    exact, short, many = (load_catalog(tmp_path / name) for name in ("exact.parquet", "short.parquet", "many"))
    np.testing.assert_allclose(short.vectors, exact.vectors, rtol=2e-3, atol=1e-5)
    np.testing.assert_array_equal(many.vectors, short.vectors)


def test_the_same_command_leaves_a_folder_and_another_layout_is_refused(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    assert embed(sample, folder, "--rows-per-file", "12").exit_code == 0
    before = content(folder)
    again = run("embed", sample, "--catalog", "toy", "-o", folder, "--rows-per-file", "12")
    assert (again.exit_code, "Already there" in again.stderr) == (0, True)
    refused = embed(sample, folder, "--rows-per-file", "13")
    assert (refused.exit_code, "in another layout" in refused.stderr) == (1, True)
    assert content(folder) == before
    assert embed(sample, folder, "--rows-per-file", "13", "--force").exit_code == 0
    assert len(content(folder)) == 4


def test_a_folder_of_other_things_is_never_replaced(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    for more in ((), ("--force",)):
        refused = embed(sample, tmp_path / "mine", *more)
        assert (refused.exit_code, "holds something other than vectors, such as thesis.txt" in refused.stderr) == (
            1,
            True,
        )
    assert content(tmp_path / "mine") == {"thesis.txt": b"all of it"}
    holds = embed(sample, tmp_path)
    assert holds.exit_code == 1
    assert sample.exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "part-00001.parquet").unlink(), "lacks part-00001.parquet of 4 files"),
        (lambda folder: (folder / "part-00003.parquet").unlink(), "lacks part-00003.parquet of 4 files"),
        (
            lambda folder: shutil.copy(folder / "part-00001.parquet", folder / "part-00001 (copy).parquet"),
            "/many/part-00001 (copy).parquet does not belong there: it holds the rows of",
        ),
        (
            lambda folder: shutil.copy(folder / "part-00003.parquet", folder / "a.parquet"),
            "/many/part-00003.parquet again. Remove it.",
        ),
        (
            lambda folder: shutil.copy(folder / "part-00001.parquet", folder / "part-00002.parquet"),
            "/many/part-00001.parquet again. The rows of part-00002.parquet are missing. Copy it again",
        ),
        (lambda folder: os.truncate(folder / "part-00002.parquet", 100), "part-00002.parquet cannot be read"),
        (lambda folder: flip(folder / "part-00002.parquet"), "part-00002.parquet cannot be read"),
        (
            lambda folder: shutil.copy(folder.parent / "one.parquet", folder / "x.parquet"),
            "x.parquet is a complete file by itself, next to 4 other files. Name one of them",
        ),
        (lambda folder: shutil.copy(folder.parent / "b" / "part-00000.parquet", folder), "holds other vectors"),
    ],
)
def test_a_damaged_folder_is_named(damage: Any, message: str, sample: Path, tmp_path: Path) -> None:
    assert embed(sample, tmp_path / "one.parquet").exit_code == 0
    assert embed(sample, tmp_path / "b", "--rows-per-file", "11").exit_code == 0
    assert embed(sample, tmp_path / "many", "--rows-per-file", "12").exit_code == 0
    damage(tmp_path / "many")
    result = run("verify", tmp_path / "many")
    assert (result.exit_code, message in result.stderr) == (1, True), result.stderr


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("out", "more", "message"),
    [
        ("v.csv", (), 'ends in ".csv"; vectors are written to a .parquet file, or to a folder'),
        ("v.parquet", ("--rows-per-file", "5"), "--rows-per-file goes with a folder"),
        ("s3://key:secret@bucket/v/", (), "holds credentials"),
        ("nosuch://bucket/v/", (), "cannot be opened"),
    ],
)
def test_outputs_that_cannot_be_written_are_refused_first(
    out: str, more: tuple[str, ...], message: str, sample: Path, tmp_path: Path
) -> None:
    result = embed(sample, out if "://" in out else tmp_path / out, *more)
    assert (result.exit_code, message in result.stderr) == (1, True), result.stderr
    assert not (user_root().parent / "snapshots").exists()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of a bucket of moto."""
    with moto_bucket("vectors") as address:
        yield address


def keys(prefix: str) -> dict[str, bytes]:
    import boto3

    client = boto3.client("s3")
    found = client.list_objects_v2(Bucket="vectors", Prefix=prefix).get("Contents", [])
    found = [one for one in found if not one["Key"].endswith("/")]  # marks of folders
    return {Path(one["Key"]).name: client.get_object(Bucket="vectors", Key=one["Key"])["Body"].read() for one in found}


def test_a_bucket_gets_the_bytes_of_a_folder_and_is_read_as_one(bucket: str, sample: Path, tmp_path: Path) -> None:
    assert embed(sample, tmp_path / "many", "--rows-per-file", "12").exit_code == 0
    result = embed(sample, f"{bucket}/all/", "--rows-per-file", "12")
    assert result.exit_code == 0, result.output
    assert keys("all/") == content(tmp_path / "many")
    assert list(load_catalog(f"{bucket}/all/")) == list(load_catalog(tmp_path / "many"))
    said = run("search", f"{bucket}/all/", "--like", "mp-7")
    assert said.stdout == run("search", tmp_path / "many", "--like", "mp-7").stdout
    assert "Intact" in run("verify", f"{bucket}/all/").stdout
    assert embed(sample, f"{bucket}/one.parquet").exit_code == 0
    assert len(load_catalog(f"{bucket}/one.parquet")) == N
    refused = embed(sample, f"{bucket}/all/", "--rows-per-file", "20")
    assert (refused.exit_code, "in another layout" in refused.stderr) == (1, True)
    assert embed(sample, f"{bucket}/all/", "--rows-per-file", "20", "--force").exit_code == 0
    assert len(keys("all/")) == 2


def test_a_copy_that_was_cut_goes_on_and_copies_nothing_twice(
    bucket: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, copied = Place.put, list[str]()

    def cut(place: Place, name: str, *more: Any) -> None:
        if len(copied) == 2:
            raise KeyboardInterrupt
        copied.append(name)
        put(place, name, *more)

    monkeypatch.setattr(Place, "put", cut)
    assert embed(sample, f"{bucket}/cut/", "--rows-per-file", "12").exit_code == 130
    incomplete = run("verify", f"{bucket}/cut/")
    assert (incomplete.exit_code, "lacks part-00002.parquet" in incomplete.stderr) == (1, True)
    monkeypatch.setattr(Place, "put", lambda place, name, *more: (copied.append(name), put(place, name, *more)))
    monkeypatch.setattr(made, "make_part", None)  # nothing is encoded again
    assert embed(sample, f"{bucket}/cut/", "--rows-per-file", "12").exit_code == 0
    assert copied == [f"part-{k:05d}.parquet" for k in range(4)]
    assert len(open_folder(f"{bucket}/cut/")[0].read()) == N


def test_a_store_that_refuses_costs_nothing(
    bucket: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = embed(sample, "s3://nobucket/v/")
    assert (nowhere.exit_code, "s3://nobucket/v/ cannot be written" in nowhere.stderr) == (1, True), nowhere.stderr
    monkeypatch.setattr(made, "make_part", None)
    assert embed(sample, f"{bucket}/after/").exit_code == 0
