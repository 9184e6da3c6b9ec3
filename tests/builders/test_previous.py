"""A build in the frame of an earlier version: the same shape, near the old vectors, encoder and table together."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from embeddings import load_encoder
from embeddings.analysis import compare
from embeddings.cli import main
from embeddings.search.neighbors import cosine_similarity
from embeddings.store.encoder_files import read_formulas
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import read_catalog
from testing.composition_encoders import write_toy_encoder
from testing.crystals import write_sample
from testing.encoders import write_encoder_catalog
from testing.toys import write_toy

BUILD = ("--recipe", "starter", "--targets", "band_gap", "--name", "made", "--epochs", "1", "--quiet")


def build(root: Path, *more: object) -> Result:
    source = ("--source", "table", "--path", root / "crystals.parquet", "--out", root / "catalogs")
    return CliRunner().invoke(main, ["build", *map(str, (*source, *BUILD, *more))])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one version, and two of another seed: as it is, and turned onto the first."""
    root = tmp_path_factory.mktemp("built")
    write_sample(root / "crystals.parquet", 24)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CATALOGS", str(root / "catalogs"))
        for more in ((), ("--seed", 1), ("--seed", 1, "--previous", "made@0.1.0")):
            result = build(root, *more)
            assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that root of this test's own."""
    root = Path(shutil.copytree(built, tmp_path / "root"))
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root / "catalogs"))
    return root


def folder(root: Path, version: str) -> Path:
    return root / "catalogs" / "made" / version


def test_turning_keeps_the_shape_and_comes_closer(root: Path) -> None:
    old, plain, turned = (read_catalog(folder(root, version)) for version in ("0.1.0", "0.2.0", "0.3.0"))
    np.testing.assert_allclose(cosine_similarity(turned.vectors), cosine_similarity(plain.vectors), atol=1e-5)
    comparison = compare(plain, turned)
    assert (comparison.procrustes, comparison.overlap) == (pytest.approx(0, abs=1e-6), 1)
    shared = [name for name in old.symbols if name in turned]
    before, after = (np.linalg.norm(new.lookup(shared) - old.lookup(shared)) for new in (plain, turned))
    assert after < 0.9 * before


def test_manifest_and_card_say_so(root: Path) -> None:
    manifest = read_manifest(folder(root, "0.3.0"))
    assert manifest.model.hyperparameters["aligned_to"] == "made@0.1.0"
    assert "turned as a whole onto made@0.1.0" in manifest.limits[-1]
    assert "--previous made@0.1.0" in manifest.command
    assert "turned as a whole onto made@0.1.0" in (folder(root, "0.3.0") / "CARD.md").read_text()
    assert read_manifest(folder(root, "0.2.0")).fingerprint != manifest.fingerprint


def test_encoder_gives_vectors_of_the_same_frame(root: Path) -> None:
    arguments = ("--recompute", "1000", "--source", "table", "--path", str(root / "crystals.parquet"), "--quiet")
    assert CliRunner().invoke(main, ["verify", "made@0.3.0", *arguments]).exit_code == 0
    plain, turned = (read_crystal_encoder(folder(root, version)) for version in ("0.2.0", "0.3.0"))
    assert plain.turn is None
    assert turned.turn is not None
    np.testing.assert_allclose(turned.turn @ turned.turn.T, np.eye(turned.dim), atol=1e-5)


def test_same_build_again_is_already_there(root: Path) -> None:
    result = build(root, "--seed", 1, "--previous", "made@0.1.0")
    assert result.exit_code == 0
    assert str(folder(root, "0.3.0")) in result.output


@pytest.mark.parametrize(
    ("previous", "expected"), [("toy", "a width of 2"), ("toy-encoder", "of kind composition-encoder, and this")]
)
def test_what_cannot_be_turned_onto(root: Path, previous: str, expected: str) -> None:
    write_toy(root / "catalogs")
    write_toy_encoder(root / "catalogs")
    result = build(root, "--seed", 1, "--previous", previous)
    assert (result.exit_code, expected in result.output) == (1, True), result.output
    assert not folder(root, "0.4.0").exists()


def build_encoder(root: Path, *more: object, recipe: str = "cromel-band-gap") -> Result:
    source = ("--source", "table", "--path", root / "crystals.parquet", "--out", root / "catalogs")
    teacher = ("--teacher", root / "teachers" / "toy" / "0.1.0", "--recipe", recipe, "--name", "formulas")
    return CliRunner().invoke(main, ["build", *map(str, (*source, *teacher, "--epochs", 2, "--quiet", *more))])


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with an encoder of formulas, and two of another seed: as it is, and turned onto the first."""
    root = tmp_path_factory.mktemp("encoders")
    write_sample(root / "crystals.parquet", 60)
    write_encoder_catalog(root / "teachers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CATALOGS", str(root / "catalogs"))
        for more in ((), ("--seed", 1), ("--seed", 1, "--previous", "formulas@0.1.0")):
            result = build_encoder(root, *more)
            assert result.exit_code == 0, result.output
    return root


def test_an_encoder_is_turned_in_its_last_layer(encoders: Path) -> None:
    folders = [encoders / "catalogs" / "formulas" / version for version in ("0.1.0", "0.2.0", "0.3.0")]
    formulas = sorted(set(read_formulas(folders[0])) & set(read_formulas(folders[1])))
    old, plain, turned = (load_encoder(folder).encode(formulas) for folder in folders)
    np.testing.assert_allclose(cosine_similarity(turned), cosine_similarity(plain), atol=1e-3)  # half precision
    assert np.linalg.norm(turned - old) < 0.9 * np.linalg.norm(plain - old)
    manifest = read_manifest(folders[2])
    assert manifest.model.hyperparameters["aligned_to"] == "formulas@0.1.0"
    assert "shared training formulas" in manifest.limits[-1]
    assert CliRunner().invoke(main, ["verify", str(folders[2]), "--recompute", "50", "--quiet"]).exit_code == 0


@pytest.mark.parametrize(
    ("recipe", "previous", "expected"),
    [
        ("cromel-band-gap", "toy", "of kind element, and this recipe makes one of kind composition-encoder"),
        ("cromel-band-gap", "toy-encoder", "a width of 128, and those of toy-encoder@0.1.0 a width of 4"),
        ("cromel-samples", "toy-encoder", "would give other samples"),
        ("imkt-multi", "toy-encoder", "no place for a turn onto toy-encoder@0.1.0"),
    ],
)
def test_encoders_that_cannot_be_turned(
    encoders: Path, recipe: str, previous: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(encoders / "others"))
    if not (encoders / "others").exists():
        write_toy(encoders / "others")
        write_toy_encoder(encoders / "others")
    result = build_encoder(encoders, "--previous", previous, "--targets", "band_gap", recipe=recipe)
    assert (result.exit_code, expected in result.output) == (1, True), result.output
    assert result.output.count("\n") == 1
