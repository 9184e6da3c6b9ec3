"""Vectors that are made again agree with those that are stored, and with no others."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from embeddings.cli import main
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import ENCODER, read_catalog, write_catalog
from embeddings.vectors.file import open_vectors, vectors_of
from testing.attacks import replace_file, replace_manifest
from testing.composition_encoders import write_toy_encoder
from testing.crystals import write_sample
from testing.encoders import write_encoder_catalog

BUILD = ("--recipe", "starter", "--targets", "band_gap", "--name", "made", "--epochs", "1", "--quiet")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), prog_name="embeddings")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a small catalog that was really trained, beside its source."""
    root = tmp_path_factory.mktemp("built")
    write_sample(root / "crystals.parquet", 24)
    write_sample(root / "others.parquet", 24, seed=5)
    for seed in (0, 1):
        out = ("--out", root / "catalogs", "--seed", seed)
        assert run("build", "--source", "table", "--path", root / "crystals.parquet", *BUILD, *out).exit_code == 0
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that root of this test's own."""
    root = Path(shutil.copytree(built, tmp_path / "root"))
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root / "catalogs"))
    return root


def verify(root: Path, name: object, *, n: int = 1000, source: str = "crystals") -> Result:
    path = root / f"{source}.parquet"
    return run("verify", name, "--recompute", n, "--source", "table", "--path", path, "--quiet", "--json")


def found(result: Result) -> dict[str, Any]:
    (entry,) = json.loads(result.stdout)
    return entry["recomputed"]


def refused(result: Result, expected: str) -> None:
    assert result.exit_code == 1, result.output
    assert re.search(expected, result.stderr), result.stderr
    assert result.stderr.count("\n") == 1


def test_genuine_rows_agree(root: Path) -> None:
    result = verify(root, "made@0.1.0")
    assert result.exit_code == 0, result.output
    told = found(result)
    n_elements = read_manifest(root / "catalogs" / "made" / "0.1.0").n_rows
    assert (told["n_checked"], told["n_rows"], told["n_wrong"]) == (n_elements, n_elements, 0)
    assert min(told["lowest"].values()) >= 0.99999
    fewer = found(verify(root, "made@0.1.0", n=told["n_structures"] // 2))
    assert 3 <= fewer["n_checked"] < n_elements
    assert fewer["n_structures"] <= told["n_structures"] // 2


def test_number_that_would_do_is_named(root: Path) -> None:
    result = verify(root, "made@0.1.0", n=1)
    refused(result, r"The 3 rarest elements are in \d+ structures")
    wanted = int(re.search(r"--recompute (\d+)", result.stderr)[1])  # type: ignore[index]
    assert verify(root, "made@0.1.0", n=wanted).exit_code == 0


def test_another_encoder_is_caught(root: Path) -> None:
    folder, other = (root / "catalogs" / "made" / version for version in ("0.1.0", "0.2.0"))
    replace_file(folder, ENCODER, (other / ENCODER).read_bytes().replace(b"0.2.0", b"0.1.0"))
    refused(verify(root, folder), r"\d+ of \d+ elements that were made again differ from what is stored")


def test_another_cutoff_is_caught(root: Path) -> None:
    folder = root / "catalogs" / "made" / "0.1.0"
    replace_manifest(folder, ("model", "hyperparameters", "model", "cutoff"), 4.5)
    refused(verify(root, folder), "come from another encoder, other settings")


def test_another_table_is_caught(root: Path) -> None:
    folder = root / "catalogs" / "made" / "0.1.0"
    catalog = read_catalog(folder)
    vectors = catalog.vectors.copy()
    vectors[[0, 1]] = vectors[[1, 0]]
    table = replace(catalog.table, vectors=vectors)
    encoder = (folder / ENCODER).read_bytes()
    write_catalog(root / "catalogs", catalog.manifest.provenance, table, encoder=encoder, force=True)
    result = verify(root, folder)
    assert found(result)["n_wrong"] >= 2
    assert result.exit_code == 1


def test_other_structures_are_refused(root: Path) -> None:
    refused(verify(root, "made@0.1.0", source="others"), "not the structures that the vectors were made from")


@pytest.fixture(params=["structure", "site", "element"])
def vectors(request: pytest.FixtureRequest, root: Path) -> Path:
    """A file of vectors of each level."""
    out = root / f"{request.param}.parquet"
    source = ("--source", "table", "--path", root / "crystals.parquet", "--quiet", "-o", out)
    assert run("embed", "--catalog", "made@0.1.0", "--level", request.param, *source).exit_code == 0
    return out


def test_files_of_vectors(root: Path, vectors: Path) -> None:
    result = verify(root, vectors)
    assert result.exit_code == 0, result.output
    told = found(result)
    assert told["what"] == f"{vectors.stem}s"
    assert told["n_checked"] == told["n_rows"]
    assert min(told["lowest"].values()) >= 0.99999
    assert run("verify", vectors).exit_code == 0


def test_changed_files_of_vectors_are_caught(root: Path, vectors: Path) -> None:
    file, footer = open_vectors(vectors)
    table = file.read()
    changed = vectors_of(table["vector"]).copy()
    changed[0] += 0.05 * np.abs(changed).max() * np.random.default_rng(0).normal(size=changed.shape[1])
    column = pa.FixedSizeListArray.from_arrays(pa.array(changed.ravel()), changed.shape[1])
    place = table.column_names.index("vector")
    metadata = replace(footer, sealed=False).to_metadata()
    schema = table.schema.with_metadata(metadata)
    pq.write_table(table.set_column(place, schema.field("vector"), column).replace_schema_metadata(metadata), vectors)
    result = verify(root, vectors)
    assert result.exit_code == 1
    assert found(result)["n_wrong"] >= 1


def test_files_of_another_encoder_are_refused(root: Path, vectors: Path) -> None:
    shutil.rmtree(root / "catalogs" / "made" / "0.1.0")
    other = Path(shutil.copytree(root / "catalogs" / "made" / "0.2.0", root / "catalogs" / "made" / "0.1.0"))
    replace_manifest(other, ("version",), "0.1.0")
    assert read_crystal_encoder(other).manifest.version == "0.1.0"
    refused(verify(root, vectors), "made it, but the one here has")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--recompute", "10", "--source", "starter"),
        ("made", "--source", "starter"),
        ("made", "--recompute", "0", "--source", "starter"),
        ("made", "--recompute", "10", "--source", "starter", "--snapshot", "x"),
    ],
)
def test_usage(root: Path, arguments: tuple[str, ...]) -> None:
    assert run("verify", *arguments).exit_code == 2


def test_structures_are_needed(root: Path) -> None:
    refused(run("verify", "made", "--recompute", "10"), "No structures were given")


@pytest.fixture(scope="module", params=["cromel-band-gap", "imkt-multi"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an encoder of formulas that was really trained, beside its source."""
    root = tmp_path_factory.mktemp("encoder")
    write_sample(root / "crystals.parquet", 60)
    write_sample(root / "others.parquet", 60, seed=5)
    (root / "corpus.csv").write_text("formula\nNaCl\nKF\nFe2O3\n")
    corpus = ("--corpus", root / "corpus.csv") if request.param == "imkt-multi" else ()
    made = run(
        "build", "--source", "table", "--path", root / "crystals.parquet", "--recipe", request.param, "--name", "made",
        "--targets", "band_gap", "--epochs", 1, "--teacher", write_encoder_catalog(root / "teachers"), *corpus,
        "--out", root / "catalogs", "--quiet",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    return root


def test_an_encoder_of_formulas_is_computed_twice(encoder: Path) -> None:
    folder = encoder / "catalogs" / "made" / "0.1.0"
    result = run("verify", folder, "--recompute", 10, "--quiet")
    assert result.exit_code == 0, result.output
    assert "Computed twice: 10 of " in result.stdout
    assert "Not shown: that these weights came out of the training." in result.stdout
    told = found(verify(encoder, folder))
    manifest = read_manifest(folder)
    assert (told["what"], told["n_rows"], told["n_checked"]) == ("formulas", manifest.n_rows, manifest.n_rows)
    assert told["n_structures"] == manifest.training.n_structures
    refused(verify(encoder, folder, source="others"), r"not the structures that made@0\.1\.0 learned from: they have")


def test_settings_that_are_not_those_of_the_training_are_caught(encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder / "catalogs" / "made" / "0.1.0", tmp_path / "made" / "0.1.0"))
    is_pooled = "activation" in read_manifest(folder).model.hyperparameters
    name, value = ("activation", "relu") if is_pooled else ("n_heads", 2)
    replace_manifest(folder, ("model", "hyperparameters", name), value)
    refused(run("verify", folder, "--recompute", 10, "--quiet"), "not those of its training")


def test_a_network_of_other_sizes_is_caught(encoder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder / "catalogs" / "made" / "0.1.0", tmp_path / "made" / "0.1.0"))
    is_pooled = "activation" in read_manifest(folder).model.hyperparameters
    name, value = ("hidden", [352, 300]) if is_pooled else ("feed_forward", 100)
    replace_manifest(folder, ("model", "hyperparameters", "model", name), value)
    refused(run("verify", folder, "--recompute", 10, "--quiet"), "another network than its recipe describes")


def test_an_encoder_that_says_nothing_of_its_recipe(root: Path) -> None:
    folder = write_toy_encoder(root / "catalogs")
    assert found(run("verify", folder, "--recompute", 3, "--quiet", "--json"))["n_checked"] == 3
    refused(verify(root, folder), "does not say how its training structures were chosen")
