"""The seal of a file of vectors: every altered byte is noticed, and so is every file that was written anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embeddings import load_catalog
from embeddings.errors import CatalogCorrupt, EmbeddingsError
from embeddings.vectors.footer import Level
from embeddings.vectors.seal import blank_seal, seal
from embeddings.vectors.sites import SiteCatalog
from tests.embeddings.test_vector_files import ROWS_PER_GROUP, SITES, VECTORS, column, footer, site_columns

COLUMNS: dict[Level, dict[str, pa.Array]] = {
    "structure": {
        "material_id": pa.array(VECTORS),
        "formula": pa.array(["Fe", "Co", "O2", "Na"]),
        "vector": column(list(VECTORS.values())),
    },
    "site": site_columns(),
    "element": {
        "atomic_number": pa.array([8, 26, 27], pa.int16()),
        "symbol": pa.array(["O", "Fe", "Co"]),
        "n_structures": pa.array([2, 2, 1], pa.int32()),
        "n_sites": pa.array([2, 3, 1]),
        "vector": column([(1, 2), (3, 4), (5, 6)]),
    },
}
LEVELS: tuple[Level, ...] = ("structure", "site", "element")
every_level = pytest.mark.parametrize("level", LEVELS)


def write(path: Path, level: Level, **changes: Any) -> Path:
    """Write a sealed file as ``embeddings embed`` does; `changes` replace columns."""
    metadata = footer(level, sealed=True).to_metadata()
    table = pa.table(COLUMNS[level] | changes).replace_schema_metadata(metadata)
    with pq.ParquetWriter(path, table.schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        writer.add_key_value_metadata(blank_seal(-(-len(table) // ROWS_PER_GROUP), table.num_columns))
    seal(path)
    return path


def read_all(path: Path) -> list[bytes]:
    """Load a file and return everything that it says."""
    catalog = load_catalog(path)
    if isinstance(catalog, SiteCatalog):
        numbers = [catalog.atomic_numbers(name).tobytes() for name in catalog]
        return [catalog.lookup(list(catalog))[0].tobytes(), *map(str.encode, catalog), *numbers]
    return [catalog.vectors.tobytes(), *map(str.encode, catalog)]


@every_level
def test_a_sealed_file_gives_back_what_was_written(level: Level, tmp_path: Path) -> None:
    path = write(tmp_path / "v.parquet", level)
    expected = np.concatenate([np.asarray(row.as_py(), np.float32) for row in COLUMNS[level]["vector"]])
    assert read_all(path)[0] == expected.tobytes()
    assert path.read_bytes() == write(tmp_path / "again.parquet", level).read_bytes()


@every_level
def test_every_flipped_bit_is_noticed(level: Level, tmp_path: Path) -> None:
    content = write(tmp_path / "v.parquet", level).read_bytes()
    data = 4 + 700
    places = [*range(0, data, 3), *range(data, len(content) - 400, 97), *range(len(content) - 400, len(content), 7)]
    path = tmp_path / "flipped.parquet"
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        with pytest.raises(EmbeddingsError, match=r"flipped\.parquet"):
            read_all(path)
    for stop in (0, 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:stop])
        with pytest.raises(CatalogCorrupt):
            read_all(path)


def relicensed(path: Path) -> None:
    """Write the same rows with another licence in the manifest of the encoder."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"materials-embeddings"])
    about["catalog"]["licence"]["spdx"] = "CC0-1.0"
    metadata = table.schema.metadata | {b"materials-embeddings": json.dumps(about).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path, write_page_checksum=True)


def relicensed_in_place(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b'"CC-BY-4.0"') == 1
    path.write_bytes(content.replace(b'"CC-BY-4.0"', b'"CC-BY-1.0"'))


def with_an_empty_seal(path: Path) -> None:
    with_seal(path, "")


def with_a_blank_seal(path: Path) -> None:
    with_seal(path, "0" * 64)


def with_seal(path: Path, stated: str) -> None:
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"materials-embeddings-seal": stated})


@pytest.mark.parametrize("edit", [relicensed, relicensed_in_place, with_an_empty_seal, with_a_blank_seal])
@every_level
def test_a_file_that_was_written_anew_is_refused(level: Level, edit: Callable[[Path], None], tmp_path: Path) -> None:
    path = write(tmp_path / "v.parquet", level)
    edit(path)
    with pytest.raises(CatalogCorrupt, match=r"v\.parquet cannot be read: .*seal|altered"):
        load_catalog(path)


def test_a_lookup_hashes_what_it_reads_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sites = load_catalog(write(tmp_path / "v.parquet", "site"))
    hashed: list[tuple[int, int]] = []
    from embeddings.vectors import seal as vector_seal

    real = vector_seal._hash_of
    monkeypatch.setattr(vector_seal, "_hash_of", lambda source, *span: hashed.append(span) or real(source, *span))  # type: ignore[func-returns-value]
    sites["mp-1"]
    identifiers = len(hashed) - 1
    assert identifiers == 2 * (sum(map(len, SITES.values())) // ROWS_PER_GROUP)
    sites["mp-1"]
    assert len(hashed) == identifiers + 1


@pytest.mark.parametrize(
    ("level", "name", "values", "reason"),
    [
        ("structure", "vector", column([(1, np.nan)] * 4), "hold NaN or infinity"),
        ("structure", "vector", column([(1, np.inf)] * 4), "hold NaN or infinity"),
        ("structure", "vector", column([(1, 2, 3)] * 4), r"\[3\], not"),
        ("structure", "vector", pa.array([[1.0, 2.0], None] * 2, pa.list_(pa.float32(), 2)), "values missing"),
        ("structure", "material_id", pa.array(["a", "b", "c", "a"]), "two rows with the same identifier"),
        ("structure", "material_id", pa.array(["a", "b", "c", None]), "values missing"),
        ("structure", "formula", pa.array([1, 2, 3, 4]), "formula is int64, not string"),
        ("structure", "surplus", pa.array([1, 2, 3, 4]), "surplus is int64, not None"),
        ("site", "vector", column([(1, np.nan)] * 6), "hold NaN or infinity"),
        ("site", "site", pa.array([1, 2, 0, 0, 1, 2], pa.int32()), "not grouped by structure"),
        ("site", "material_id", pa.array(["a", "a", "b", "a", "a", "a"]), "not grouped by structure"),
        ("element", "symbol", pa.array(["O", "Co", "Fe"]), "do not belong"),
        ("element", "atomic_number", pa.array([8, 27, 26], pa.int16()), "must ascend"),
    ],
)
def test_rows_that_break_the_rules_are_refused(
    level: Level, name: str, values: pa.Array, reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "v.parquet", level, **{name: values})
    with pytest.raises(CatalogCorrupt, match=reason):
        read_all(path)


def test_far_more_rows_than_bytes_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.vectors.file.MODEST", 1 << 20)
    n = 400_000
    row = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(2 * n, np.float32)), 2)
    table = pa.table({"material_id": pa.nulls(n, pa.string()), "formula": pa.nulls(n, pa.string()), "vector": row})
    path = tmp_path / "bomb.parquet"
    pq.write_table(table.replace_schema_metadata(footer("structure").to_metadata()), path, compression="zstd")
    with pytest.raises(CatalogCorrupt, match="claims 400,000 rows"):
        load_catalog(path)
