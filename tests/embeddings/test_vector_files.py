"""Catalogs of structures and sites: lookups, neighbors, what is read from disk, and files that are not theirs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings import load_catalog, load_uae
from embeddings.catalog import ElementCatalog
from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, MaterialNotCovered
from embeddings.store.manifest import Licence
from embeddings.store.tables import measure
from embeddings.vectors.footer import Footer, Level
from embeddings.vectors.sites import SiteCatalog
from embeddings.vectors.structures import StructureCatalog
from testing.toys import toy_provenance, toy_table

VECTORS = {"mp-1": (3.0, 4.0), "mp-2": (4.0, 3.0), "mp-3": (0.0, 1.0), "mp-4": (-1.0, 0.0)}
FORMULAS = ("Fe", "Co", "O2", "Na")
SITES = {"mp-1": [26, 26], "mp-3": [8], "mp-2": [27, 8, 26]}
ROWS_PER_GROUP = 2


def footer(level: Level, **changes: Any) -> Footer:
    fields: dict[str, Any] = {
        "level": level,
        "dim": 2,
        "n_structures": 4,
        "dropped": {"no_volume": 1},
        "source": "made up",
        "snapshot_sha256": "0" * 64,
        "synthetic": True,
        "licence": Licence(spdx="CC0-1.0", attribution="Nobody."),
        "identity": "1" * 64,
        "catalog": measure(toy_provenance(), toy_table()),
    }
    return Footer(**(fields | changes))


def write(path: Path, level: Level, **columns: pa.Array) -> Path:
    table = pa.table(columns).replace_schema_metadata(footer(level).to_metadata())
    pq.write_table(table, path, row_group_size=ROWS_PER_GROUP, write_page_checksum=True, compression="none")
    return path


def column(vectors: Any) -> pa.Array:
    flat = np.asarray(vectors, dtype=np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])


def structure_columns() -> dict[str, pa.Array]:
    vectors = column(list(VECTORS.values()))
    return {"material_id": pa.array(VECTORS), "formula": pa.array(FORMULAS), "vector": vectors}


@pytest.fixture
def structures(tmp_path: Path) -> StructureCatalog:
    catalog = load_catalog(write(tmp_path / "v.parquet", "structure", **structure_columns()))
    assert isinstance(catalog, StructureCatalog)
    return catalog


def site_columns() -> dict[str, pa.Array]:
    rows = [(name, site, z) for name, numbers in SITES.items() for site, z in enumerate(numbers)]
    ids, number, z = zip(*rows, strict=True)
    return {
        "material_id": pa.array(ids),
        "site": pa.array(number, pa.int32()),
        "atomic_number": pa.array(z, pa.int16()),
        "vector": column([(row, z) for row, (_, _, z) in enumerate(rows)]),
    }


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> SiteCatalog:
    catalog = load_catalog(write(tmp_path_factory.mktemp("sites") / "s.parquet", "site", **site_columns()))
    assert isinstance(catalog, SiteCatalog)
    return catalog


def test_a_structure_is_looked_up_by_its_identifier(structures: StructureCatalog) -> None:
    assert structures["mp-1"].tolist() == [3.0, 4.0]
    assert structures["mp-1"].dtype == np.float32
    assert structures.lookup(["mp-3", "mp-1", "mp-3"]).tolist() == [[0, 1], [3, 4], [0, 1]]
    assert "mp-2" in structures
    assert "mp-9" not in structures
    assert (len(structures), structures.dim, list(structures)) == (4, 2, list(VECTORS))
    assert structures.formulas == FORMULAS
    assert repr(structures) == 'StructureCatalog(4 structures by "toy@0.1.0", dim=2)'


def test_missing_structures_are_named(structures: StructureCatalog, sites: SiteCatalog) -> None:
    for catalog in (structures, sites):
        with pytest.raises(MaterialNotCovered, match=r"has no mp-8, mp-9 \(2 of 3 asked\)"):
            catalog.lookup(["mp-8", "mp-1", "mp-9"])
        with pytest.raises(MaterialNotCovered, match="and 95 more"):
            catalog.lookup([f"oqmd-{k}" for k in range(100)])


def test_vectors_are_read_only_even_after_a_copy(structures: StructureCatalog) -> None:
    copy = pickle.loads(pickle.dumps(structures))
    for catalog in (structures, copy):
        with pytest.raises(ValueError, match="read-only"):
            catalog.vectors[0, 0] = 1
    assert copy["mp-2"].tolist() == [4, 3]


def test_neighbors_can_be_worked_out_by_hand(structures: StructureCatalog) -> None:
    found = structures.neighbors("mp-1", k=9)
    assert [name for name, _ in found] == ["mp-2", "mp-3", "mp-4"]
    np.testing.assert_allclose([value for _, value in found], [0.96, 0.8, -0.6], rtol=1e-6)
    assert structures.neighbors("mp-1", k=1, metric="euclidean") == [("mp-2", pytest.approx(2**0.5))]
    with pytest.raises(InputInvalid, match="k=0 must be at least 1"):
        structures.neighbors("mp-1", k=0)
    with pytest.raises(InputInvalid, match="manhattan"):
        structures.neighbors("mp-1", metric="manhattan")  # type: ignore[arg-type]


def test_frame(structures: StructureCatalog) -> None:
    pytest.importorskip("pandas")
    frame = structures.to_frame()
    assert frame.loc["mp-2"].tolist() == ["Co", 4.0, 3.0]
    assert list(frame.columns) == ["formula", "v0", "v1"]


def test_sites_are_looked_up_across_row_groups(sites: SiteCatalog) -> None:
    assert sites["mp-2"].tolist() == [[3, 27], [4, 8], [5, 26]]  # rows 3 to 5, groups of two
    assert sites.atomic_numbers("mp-2").tolist() == [27, 8, 26]
    assert sites["mp-3"].shape == (1, 2)
    assert sites.lookup_atomic_numbers(["mp-3", "mp-2"]).tolist() == [8, 27, 8, 26]
    vectors, numbers = sites.sites("mp-2")
    assert (vectors.tolist(), numbers.tolist()) == (sites["mp-2"].tolist(), [27, 8, 26])
    assert (list(sites), sites.offsets.tolist(), len(sites), sites.dim) == (list(SITES), [0, 2, 3, 6], 3, 2)
    assert "mp-3" in sites
    assert "mp-4" not in sites


@given(st.lists(st.sampled_from(list(SITES)), max_size=8))
def test_many_lookups_are_single_lookups_joined(sites: SiteCatalog, names: list[str]) -> None:
    vectors, offsets = sites.lookup(names)
    assert offsets.tolist() == [0, *np.cumsum([len(SITES[name]) for name in names])]
    for name, start, stop in zip(names, offsets, offsets[1:], strict=False):
        assert np.array_equal(vectors[start:stop], sites[name])


def test_identifiers_that_can_be_gone_through_once(structures: StructureCatalog, sites: SiteCatalog) -> None:
    names = ["mp-3", "mp-1", "mp-3"]
    for again in (lambda: map(str, names), lambda: (name for name in names), lambda: pa.array(names)):
        assert structures.lookup(again()).tolist() == [[0, 1], [3, 4], [0, 1]]
        assert np.array_equal(sites.lookup(again())[0], sites.lookup(names)[0])
        assert sites.lookup_atomic_numbers(again()).tolist() == [8, 26, 26, 8]
    with pytest.raises(MaterialNotCovered, match="1 of 2 asked"):
        structures.lookup(iter(["mp-1", "mp-9"]))


def test_columns_that_can_be_gone_through_once(structures: StructureCatalog) -> None:
    table = pa.table({"material_id": pa.array(VECTORS), "gap": pa.array([1.0, 2.0, 3.0, 4.0])})
    found = structures.nearest("mp-1", 1, table=table, columns=iter(["gap"]))  # type: ignore[arg-type]
    assert [match.columns for match in found] == [{"gap": 2.0}]


def test_a_lookup_reads_only_the_row_groups_it_needs(sites: SiteCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = SiteCatalog._read
    monkeypatch.setattr(
        SiteCatalog, "_read", lambda self, group, name: read.append(group) or original(self, group, name)
    )
    sites.lookup(["mp-3", "mp-1"])
    assert read == [0, 1]


def test_a_site_catalog_travels_to_another_process(sites: SiteCatalog) -> None:
    sites["mp-1"]
    assert pickle.loads(pickle.dumps(sites))["mp-2"].tolist() == sites["mp-2"].tolist()


def test_elements_in_context_are_an_element_catalog(tmp_path: Path) -> None:
    path = write(
        tmp_path / "e.parquet",
        "element",
        atomic_number=pa.array([8, 26], pa.int16()),
        symbol=pa.array(["O", "Fe"]),
        n_structures=pa.array([2, 2], pa.int32()),
        n_sites=pa.array([2, 3]),
        vector=column([(1, 2), (3, 4)]),
    )
    catalog = load_catalog(path)
    assert isinstance(catalog, ElementCatalog)
    assert (catalog["Fe"].tolist(), catalog.n_structures["O"]) == ([3, 4], 2)
    assert (catalog.name, catalog.manifest.licence.spdx) == ("toy-in-context", "CC-BY-4.0 AND CC0-1.0")
    assert "4 structures of made up" in catalog.manifest.description
    assert catalog.manifest.to_json()
    assert load_uae(path).symbols == ("O", "Fe")


def test_structures_are_not_elements(structures: StructureCatalog, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"StructureCatalog.* not a catalog of elements. Load it with load_catalog"):
        load_uae(tmp_path / "v.parquet")


def test_a_footer_survives_the_file(structures: StructureCatalog) -> None:
    assert structures.footer == footer("structure")
    assert structures.footer.encoder == "toy@0.1.0"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFound, match=r"There is no file .*gone\.parquet.*embeddings embed -o gone\.parquet"):
        load_catalog(tmp_path / "gone.parquet")


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 or not")
    with pytest.raises(CatalogCorrupt, match="cannot be read"):
        load_catalog(path)
    for metadata in (None, {b"materials-embeddings": b"{}"}, {b"materials-embeddings": b"{"}, newer()):
        pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), path)
        with pytest.raises(InputInvalid, match="not a file of vectors"):
            load_catalog(path)


def newer() -> dict[bytes, bytes]:
    (key, text), *_ = footer("site").to_metadata().items()
    return {key: json.dumps(json.loads(text) | {"format": 2}).encode()}


def test_an_altered_vector_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "s.parquet", "site", **site_columns())
    content = path.read_bytes()
    number = np.float32(27).tobytes()
    assert content.count(number) >= 1
    path.write_bytes(content.replace(number, np.float32(28).tobytes()))
    catalog = load_catalog(path)
    with pytest.raises(CatalogCorrupt, match="cannot be read"):
        catalog.lookup(list(SITES))  # type: ignore[union-attr]
