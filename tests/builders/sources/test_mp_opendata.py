"""The public Delta table: served by moto in the place of the bucket, written by deltalake as theirs is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from builders.snapshots.snapshot import read_snapshot, read_structures
from builders.sources import SourceOptions
from builders.sources.mp_documents import normal_id
from builders.structures.cleaning import Selection
from embeddings.errors import SourceError
from testing.servers.summary_documents import summary_documents
from tests.builders.sources.conftest import Pull

N, N_DEPRECATED, N_NC = 60, 5, 4
BUCKET, NEWEST = "materialsproject-build", "2025.09.25"


@pytest.fixture
def bucket(own_home: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty public bucket; the clients find it by environment variables."""
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_S3_ALLOW_UNSAFE_RENAME": "true",
    }.items():
        monkeypatch.setenv(name, value)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    yield f"s3://{BUCKET}/collections/summary"
    server.stop()


def write_table(uri: str, documents: list[dict[str, Any]], version: str) -> None:
    from deltalake import write_deltalake
    from emmet.core.arrow import arrowize
    from emmet.core.summary import SummaryDoc

    schema = pa.schema(arrowize(SummaryDoc))
    wanted = ("material_id", "last_updated", "builder_meta", "structure", "nsites", "deprecated", "band_gap")
    wanted += ("formation_energy_per_atom", "energy_per_atom", "energy_above_hull", "bulk_modulus", "shear_modulus")
    wanted += ("total_magnetization", "volume", "density", "warnings")
    rows = [{name: SummaryDoc(**document).model_dump()[name] for name in wanted} for document in documents]
    table = pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in wanted]))
    table = table.append_column("version", pa.array([version] * len(table)))
    write_deltalake(uri, table, mode="append", partition_by=["version"])
    make_public()


def make_public() -> None:
    import boto3

    client = boto3.client("s3")
    for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        client.put_object_acl(Bucket=BUCKET, Key=entry["Key"], ACL="public-read")


@pytest.fixture
def documents(bucket: str) -> list[dict[str, Any]]:
    """What the newest version holds, in two files; an older version lies beside it."""
    documents = summary_documents(N, n_deprecated=N_DEPRECATED, n_nc=N_NC)
    write_table(bucket, documents[:40], NEWEST)
    write_table(bucket, documents[40:], NEWEST)
    write_table(bucket, documents[:10], "2024.01.01")
    return documents


def test_the_newest_version_is_read_as_it_was_written(
    documents: list[dict[str, Any]], pull: Pull, tmp_path: Path
) -> None:
    snapshot = pull("mp-opendata", tmp_path / "s")
    table = read_structures(snapshot)
    assert sorted(table.material_ids) == sorted(normal_id(d["material_id"]) for d in documents[:N])
    rows = {material_id: row for row, material_id in enumerate(table.material_ids)}
    for document in documents[:N]:
        row = rows[normal_id(document["material_id"])]
        assert table.lattices[row].tolist() == document["structure"]["lattice"]["matrix"]
        assert table.properties["formation_energy_per_atom"][row] == document["formation_energy_per_atom"]
    assert snapshot.counts == {
        "licence CC-BY-4.0": N,
        "deprecated_left_out": N_DEPRECATED,
        "non_commercial_left_out": N_NC,
    }
    assert len(snapshot.parts) == 2
    assert snapshot.origin.database_version == NEWEST
    assert snapshot.origin.synthetic


def test_rows_are_those_of_the_other_route(
    documents: list[dict[str, Any]], pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from testing.servers.summary import summary_server

    with summary_server(documents) as served:
        monkeypatch.setenv("MP_API_ENDPOINT", served.address)
        theirs = read_structures(pull("mp", tmp_path / "rest"))
    ours = read_structures(pull("mp-opendata", tmp_path / "open"))
    order = {material_id: row for row, material_id in enumerate(ours.material_ids)}
    same = ours.take([order[material_id] for material_id in theirs.material_ids])
    assert (same.frac_coords == theirs.frac_coords).all()
    assert same.properties.keys() == theirs.properties.keys()


def test_non_commercial_data_only_when_asked_for(documents: list[dict[str, Any]], pull: Pull, tmp_path: Path) -> None:
    snapshot = pull("mp-opendata", tmp_path / "s", SourceOptions(include_nc=True))
    assert snapshot.counts["licence CC-BY-NC-4.0"] == N_NC
    assert snapshot.origin.licence == "CC-BY-NC-4.0"


def test_a_lost_part_is_read_again_from_the_table_as_it_was(
    bucket: str, documents: list[dict[str, Any]], pull: Pull, tmp_path: Path
) -> None:
    snapshot = pull("mp-opendata", tmp_path / "s")
    write_table(bucket, documents[:10], "2026.01.01")
    (tmp_path / "s" / "part-00001.parquet").unlink()
    assert pull("mp-opendata", tmp_path / "s").parts == snapshot.parts
    assert read_snapshot(tmp_path / "s").origin.database_version == NEWEST


def test_a_selection_is_applied(documents: list[dict[str, Any]], pull: Pull, tmp_path: Path) -> None:
    snapshot = pull("mp-opendata", tmp_path / "s", selection=Selection(stable_only=True, limit=7))
    assert len(read_structures(snapshot)) == 7
    assert (read_structures(snapshot).properties["energy_above_hull"] == 0).all()


def test_an_absent_table_is_named_with_the_way_out(bucket: str, pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be reached.*--source starter"):
        pull("mp-opendata", tmp_path / "s")
