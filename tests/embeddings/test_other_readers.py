"""What stands on disk is read by the tools of others, without this library."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.registry.landing import landing_page
from embeddings.store.companions import companions
from embeddings.store.index import INDEX
from testing.composition_encoders import write_toy_encoder
from testing.toys import TOY_VECTORS, write_toy

ROWS = np.array([TOY_VECTORS[name] for name in ("H", "O", "Na", "Cl", "Fe", "Co")], dtype=np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published root: a catalog of each kind with its companions, and the card of all."""
    root = tmp_path_factory.mktemp("published")
    folders = [write_toy(root), write_toy_encoder(root)]
    for folder in folders:
        for name, content in companions(folder, url="https://example.org/toy").items():
            (folder / name).write_bytes(content)
    entries = json.loads((root / INDEX).read_text())["catalogs"]
    (root / "README.md").write_text(landing_page(entries, root.as_uri()))
    return root


@pytest.fixture
def folder(root: Path) -> Path:
    """The version of the catalog of elements."""
    return root / "toy" / "0.1.0"


def test_pandas(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(folder / "vectors.parquet")
    assert frame["symbol"].tolist() == ["H", "O", "Na", "Cl", "Fe", "Co"]
    assert np.array_equal(np.stack(frame["vector"]), ROWS)


def test_polars(folder: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(folder / "vectors.parquet")
    assert frame["vector"].dtype == polars.Array(polars.Float32, 2)
    assert np.array_equal(frame["vector"].to_numpy(), ROWS)
    assert frame.filter(polars.col("symbol") == "Fe")["atomic_number"].to_list() == [26]


def test_duckdb(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    nearest = duckdb.sql(
        f"SELECT b.symbol FROM '{folder}/vectors.parquet' a, '{folder}/vectors.parquet' b WHERE a.symbol = 'Fe' "
        "ORDER BY array_cosine_similarity(a.vector::FLOAT[2], b.vector::FLOAT[2]) DESC LIMIT 2"
    )
    assert nearest.fetchall() == [("Fe",), ("Co",)]
    footer = duckdb.sql(f"SELECT value FROM parquet_kv_metadata('{folder}/vectors.parquet') WHERE key = 'emb'")
    assert json.loads(footer.fetchall()[0][0])["dimensions"] == 2


def test_h5py_and_the_tools_of_hdf5(folder: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "vectors.h5") as file:
        assert set(file) == {"atomic_number", "symbol", "n_structures", "vector"}
        assert np.array_equal(file["vector"][()], ROWS)
        assert file["symbol"][4] == b"Fe"
        assert file.attrs["name"] == "toy"


IN_R = """
if (!requireNamespace("hdf5r", quietly = TRUE)) quit(status = 77)
file <- hdf5r::H5File$new(commandArgs(TRUE)[1], "r")
vectors <- file[["vector"]][, ]  # a column for each element
colnames(vectors) <- file[["symbol"]][]
cat(hdf5r::h5attr(file, "name"), paste(dim(vectors), collapse = " "), format(vectors[, "Fe"], digits = 9), sep = "\\n")
"""


def test_r(folder: Path, tmp_path: Path) -> None:
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip("R is not installed")
    (tmp_path / "read.R").write_text(IN_R)
    command = [program, str(tmp_path / "read.R"), str(folder / "vectors.h5")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode == 77:
        pytest.skip("hdf5r is not installed")
    assert done.returncode == 0, done.stderr
    name, shape, *numbers = done.stdout.split("\n")[:4]
    assert (name, shape) == ("toy", "2 6")
    assert [float(number) for number in numbers] == list(TOY_VECTORS["Fe"])


def test_numpy(folder: Path) -> None:
    rows = np.load(folder / "vectors.npy", allow_pickle=False)
    assert np.array_equal(rows["vector"], ROWS)


def test_safetensors(root: Path) -> None:
    from safetensors.numpy import load_file

    assert load_file(root / "toy-encoder" / "0.1.0" / "encoder.safetensors")["elements"].shape == (119, 5)


def test_emb_entry_says_what_the_convention_asks_for(folder: Path) -> None:
    import pyarrow.parquet as pq

    about = json.loads(pq.read_schema(folder / "vectors.parquet").metadata[b"emb"])
    assert about == {
        "type": "element",
        "dimensions": 2,
        "data_type": "float32",
        "model": "toy@0.1.0",
        "source_data": ["made up"],
        "quantization": None,
        "license": "CC-BY-4.0",
    }


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library of the HuggingFace Hub, with a cache of this test's own."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("datasets")


def test_datasets_read_a_version(datasets: Any, folder: Path, tmp_path: Path) -> None:
    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))["train"]
    assert found.column_names == ["atomic_number", "symbol", "n_structures", "vector"]
    assert np.array_equal(np.array(found["vector"], dtype=np.float32), ROWS)


def test_datasets_read_a_registry(datasets: Any, root: Path, tmp_path: Path) -> None:
    assert datasets.get_dataset_config_names(str(root)) == ["toy@0.1.0", "toy-encoder@0.1.0"]
    found = datasets.load_dataset(str(root), "toy-encoder@0.1.0", cache_dir=str(tmp_path))["train"]
    assert found["formula"][:] == ["Fe2O3", "FeO", "H2O", "NaCl"]


def test_croissant_is_valid_and_leads_to_the_rows(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    found = mlcroissant.Dataset(jsonld=str(root / "toy" / "0.1.0" / "croissant.json"))
    assert (found.metadata.name, found.metadata.license) == ("toy", ["https://spdx.org/licenses/CC-BY-4.0"])
    assert "WARNING" not in caplog.text
    rows = list(found.records("vectors"))
    assert [row["vectors/symbol"] for row in rows] == [b"H", b"O", b"Na", b"Cl", b"Fe", b"Co"]
    assert np.array_equal(np.array([row["vectors/vector"] for row in rows], dtype=np.float32), ROWS)
    encoder = mlcroissant.Dataset(jsonld=str(root / "toy-encoder" / "0.1.0" / "croissant.json"))
    assert [row["formulas/formula"] for row in encoder.records("formulas")] == [b"Fe2O3", b"FeO", b"H2O", b"NaCl"]


def test_citation_is_valid(root: Path) -> None:
    cffconvert = pytest.importorskip("cffconvert")
    for folder in (root / "toy" / "0.1.0", root / "toy-encoder" / "0.1.0"):
        cffconvert.Citation((folder / "CITATION.cff").read_text()).validate()
