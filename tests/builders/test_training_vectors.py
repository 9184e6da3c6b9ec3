"""What a build keeps of the crystals that its encoder was trained on, and how it is read back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import save

from benchmarks.downstream import record
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from builders.methods.crystal_transformer.training_vectors import centers_of, evenly
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import ENCODER, read_catalog, write_catalog
from embeddings.store.training_structures import STRUCTURES, read_structures
from embeddings.store.training_vectors import TRAINING_VECTORS, TrainingVectors, read_training_vectors
from testing.attacks import replace_file
from testing.crystals import write_sample
from testing.toys import toy_provenance
from tools import remember as tool

BUILD = ("--recipe", "starter", "--targets", "formation_energy_per_atom", "--name", "made", "--epochs", "1", "--quiet")


def build(root: Path, *more: object) -> None:
    source = ("--source", "table", "--path", root / "crystals.parquet", "--out", root / "catalogs")
    result = CliRunner().invoke(main, ["build", *map(str, (*source, *BUILD, *more))])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a version, one that is turned onto it, and one that goes on from it."""
    root = tmp_path_factory.mktemp("built")
    write_sample(root / "crystals.parquet", 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CATALOGS", str(root / "catalogs"))
        patch.setenv("EMBEDDINGS_CACHE", str(root / "cache"))
        build(root)
        build(root, "--seed", 1, "--previous", "made@0.1.0")
        build(root, "--init", "made@0.1.0", "--name", "mine")
    return root


def of(folder: Path) -> TrainingVectors:
    found = read_training_vectors(folder, read_manifest(folder))
    assert found is not None
    return found


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_the_training_crystals_of_a_small_build_are_there_and_others_lie_apart(root: Path, version: str) -> None:
    """Also in a frame that the encoder was turned into."""
    folder = root / "catalogs" / "made" / version
    encoder, table = read_crystal_encoder(folder), read_structure_table(root / "crystals.parquet")
    table = table.take(np.flatnonzero(encoder.covers(table)))
    formulas = reduced_formulas_of(table)
    trained_on = np.isin(formulas, read_catalog(folder).overlap(sorted(set(formulas))))
    training, distances = of(folder), of(folder).distances(encoder.encode(table))
    assert len(training.centers) == trained_on.sum()
    np.testing.assert_allclose(distances[trained_on], 0, atol=0.02)
    np.testing.assert_allclose(np.sort(distances[~trained_on]), training.held_out, atol=0.02)
    assert training.bound == training.held_out[-1]
    assert CliRunner().invoke(main, ["verify", str(folder)]).exit_code == 0


def test_what_goes_on_from_another_network_does_not_know_what_that_one_saw(root: Path) -> None:
    folder = root / "catalogs" / "mine" / "0.1.0"
    assert read_training_vectors(folder, read_manifest(folder)) is None


def test_distances_are_told_beside_those_of_held_out_crystals() -> None:
    training = TrainingVectors.of(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [3.0, 6.0], [0.0, -3.0]]))
    distances = training.distances(np.array([[0.0, 0.0], [3.0, 4.5], [3.0, 1.5], [30.0, 40.0]]))
    assert distances.tolist() == [0.0, 0.5, 2.5, 45.0]
    assert training.shares(distances).tolist() == pytest.approx([0, 0, 2 / 3, 1])
    assert training.bound == 3.0
    assert training.distances(np.zeros((0, 2))).shape == (0,)


def test_few_centers_lie_where_many_crystals_do() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], 50, axis=0).astype(np.float32)
    vectors = rng.permutation(groups + rng.normal(0, 0.1, groups.shape).astype(np.float32))
    found = centers_of(vectors, 12)
    assert found.shape == (12, 2)
    assert TrainingVectors.of(found, vectors).held_out.max() < 0.5
    alike = np.zeros((20, 2), np.float32)
    assert (centers_of(alike, 5) == 0).all()
    assert np.array_equal(centers_of(vectors, 1000), vectors)
    assert evenly(np.arange(10), 4).tolist() == [0, 3, 6, 9]


GOOD = {"centers": np.ones((3, 128), np.float16), "held_out": np.array([0.5, 1.0], np.float32)}

FAULTS: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "something else": ({"centers": GOOD["centers"]}, "holds centers, not centers and held_out"),
    "another shape": (GOOD | {"held_out": np.ones((1, 2), np.float32)}, r"has the shapes \(3, 128\) and \(1, 2\)"),
    "nothing": (GOOD | {"held_out": np.ones(0, np.float32)}, "has the shapes"),
    "no numbers": (GOOD | {"centers": np.full((3, 128), np.nan, np.float16)}, "not finite"),
    "out of order": (GOOD | {"held_out": np.array([1.0, 0.5], np.float32)}, "do not ascend"),
    "below zero": (GOOD | {"held_out": np.array([-1.0, 0.5], np.float32)}, "do not ascend"),
    "another width": (GOOD | {"centers": np.ones((3, 64), np.float16)}, "width 64, and its encoder gives 128"),
}


@pytest.fixture
def version(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "catalogs" / "made" / "0.1.0", tmp_path / "made" / "0.1.0"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_of_something_else_is_refused(version: Path, name: str) -> None:
    tensors, said = FAULTS[name]
    replace_file(version, TRAINING_VECTORS, save(tensors))
    with pytest.raises(CatalogCorrupt, match=said):
        read_crystal_encoder(version)
    assert CliRunner().invoke(main, ["verify", str(version)]).exit_code == 1


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0")], ids=["missing", "altered"]
)
def test_damage_is_named(version: Path, damage: Callable[[Path], object]) -> None:
    damage(version / TRAINING_VECTORS)
    with pytest.raises(CatalogCorrupt, match=TRAINING_VECTORS):
        read_crystal_encoder(version)


def test_the_card_and_the_manifest_list_it(root: Path) -> None:
    folder = root / "catalogs" / "made" / "0.1.0"
    listed = [file["path"] for file in json.loads((folder / "manifest.json").read_text())["files"]]
    assert TRAINING_VECTORS in listed


@pytest.fixture
def forgetful(version: Path) -> Path:
    """A version as it was built before training vectors were kept."""
    catalog = read_catalog(version)
    return write_catalog(
        version.parents[1], catalog.manifest.provenance, catalog.table,
        encoder=(version / ENCODER).read_bytes(), structures=read_structures(version, catalog.manifest), force=True,
    )  # fmt: skip


def snapshot_of(root: Path) -> Path:
    (folder,) = (root / "cache" / "snapshots").glob("table-*")
    return folder


def remember(folder: Path, snapshot: Path, *more: str) -> Result:
    return CliRunner().invoke(tool.main, [str(folder), "--snapshot", str(snapshot), *more])


def test_an_earlier_version_is_given_what_a_build_writes_now(root: Path, forgetful: Path) -> None:
    built = of(root / "catalogs" / "made" / "0.1.0")
    result = remember(forgetful, snapshot_of(root), "--version", "0.1.1")
    assert result.exit_code == 0, result.output
    made = of(forgetful.parent / "0.1.1")
    np.testing.assert_allclose(made.centers, built.centers, atol=5e-3)
    np.testing.assert_allclose(made.held_out, built.held_out, atol=5e-3)
    before, after = read_manifest(forgetful), read_manifest(forgetful.parent / "0.1.1")
    assert after.provenance == replace(before.provenance, version="0.1.1")
    files = {file.path: file.sha256 for file in after.files}
    same = ("encoder.safetensors", "training_structures.npy", "training_formulas.npy", "vectors.npy")
    assert {name: files[name] for name in same} == {
        file.path: file.sha256 for file in before.files if file.path in same
    }
    assert remember(forgetful, snapshot_of(root)).exit_code == 0
    assert np.array_equal(of(forgetful).centers, made.centers)


def test_what_cannot_be_told_later_is_refused_and_changes_nothing(
    root: Path, forgetful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "others.parquet", 12, seed=5)
    others, before = tmp_path / "snapshot", (forgetful / "manifest.json").read_bytes()
    pulled = ("pull", "--source", "table", "--path", str(tmp_path / "others.parquet"), "--out", str(others))
    assert CliRunner().invoke(main, pulled).exit_code == 0
    known = root / "catalogs" / "made" / "0.1.0"
    for folder, snapshot, said in (
        (forgetful, others, "was built from the snapshot"),
        (root / "catalogs" / "mine" / "0.1.0", snapshot_of(root), "goes on from another network"),
        (known, snapshot_of(root), "has its training vectors"),
    ):
        result = remember(folder, snapshot)
        assert (result.exit_code, said in result.output) == (1, True), result.output
    monkeypatch.setattr(tool, "read_released", lambda root: {"made": {"0.1.0": "0" * 64}})
    assert "is released, and stays as it is" in remember(forgetful, snapshot_of(root)).output
    assert (forgetful / "manifest.json").read_bytes() == before


def test_what_is_measured_later_leaves_them_there(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: (version / name).read_bytes() for name in (TRAINING_VECTORS, STRUCTURES)}
    monkeypatch.setattr(record, "downstream", lambda *_: toy_provenance().downstream)
    record.record(version, version)
    assert "toy-benchmark" in read_manifest(version).downstream
    assert {name: (version / name).read_bytes() for name in before} == before
