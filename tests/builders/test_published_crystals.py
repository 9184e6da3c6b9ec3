"""What is published of a crystal may be more than the network was trained with; nothing else of a catalog knows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pymatgen.core import Lattice, Structure

from builders.methods import find_recipe
from builders.methods.crystal_transformer import recipes
from builders.methods.crystal_transformer.config import TrainingConfig
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.structures.primitive import cell_columns
from builders.structures.table import read_structure_table
from embeddings import load_crystal_encoder
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt
from embeddings.featurizers.sklearn import StructureFeaturizer
from embeddings.store import roots as store
from embeddings.store.manifest import MANIFEST, read_manifest
from embeddings.store.readout import Readout
from embeddings.store.tables import ENCODER, NPY, read_catalog, write_catalog
from embeddings.store.training_structures import STRUCTURES
from embeddings.store.training_vectors import TRAINING_VECTORS
from testing.crystals import write_sample
from testing.encoders import CONFIG, write_encoder_catalog
from tools import remember as tool

MEAN = CrystalTransformerRecipe(
    name="ct-tiny", description="Tiny.", targets=("formation_energy_per_atom",), model=CONFIG,
    training=TrainingConfig(epochs=2, validation_fraction=0.2),
)  # fmt: skip
WIDTH = CONFIG.width
DIMS: dict[Readout, int] = {"mean and cell": WIDTH + 3, "all layers and cell": CONFIG.depth * WIDTH + 3}


@pytest.fixture(params=DIMS, autouse=True)
def readout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Readout:
    """What the recipe publishes of a crystal."""
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", replace(MEAN, crystals=request.param))
    readout: Readout = request.param
    return readout


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "sample.parquet", 60)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(part) for part in arguments])


def build(sample: Path, name: str, *more: object) -> Path:
    given = ("--source", "table", "--path", sample, "--recipe", "ct-tiny", "--name", name, "--quiet", "--json", *more)
    result = run("build", *given)
    assert result.exit_code == 0, result.output
    return Path(json.loads(result.stdout)["path"])


@pytest.fixture
def plain(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version from before the recipe published more than the mean."""
    with monkeypatch.context() as patch:
        patch.setitem(recipes.RECIPES, "ct-tiny", MEAN)
        return build(sample, "made")


def same(one: Path, other: Path, *names: str) -> list[bool]:
    return [(one / name).read_bytes() == (other / name).read_bytes() for name in names]


def test_a_build_publishes_more_behind_the_mean_of_the_same_network(
    plain: Path, sample: Path, readout: Readout
) -> None:
    made, table = build(sample, "made"), read_structure_table(sample)
    assert made != plain
    assert same(made, plain, ENCODER, NPY, STRUCTURES) == [True, True, True]
    before, after = load_crystal_encoder(plain), load_crystal_encoder(made)
    assert (before.dim, after.dim, after.site_dim) == (WIDTH, DIMS[readout], WIDTH)
    np.testing.assert_array_equal(after.encode(table)[:, :WIDTH], before.encode(table))
    np.testing.assert_array_equal(after.encode(table)[:, -3:], cell_columns(table))
    np.testing.assert_array_equal(after.encode_sites(table)[0], before.encode_sites(table)[0])
    assert after.training is not None
    assert after.training.distances(after.encode(table)).min() < 0.05
    assert run("verify", "made").exit_code == 0


def test_two_versions_of_one_network_are_two_encoders(plain: Path, sample: Path, readout: Readout) -> None:
    made = build(sample, "made")
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    widths = [StructureFeaturizer(str(folder)).fit_transform([salt]).shape[1] for folder in (plain, made, plain)]
    assert widths == [WIDTH, DIMS[readout], WIDTH]
    before, after = load_crystal_encoder(plain), load_crystal_encoder(made)
    assert (before.network_sha256, before.sha256) == (after.network_sha256, before.network_sha256)
    assert after.sha256 != before.sha256


def test_what_is_published_is_no_part_of_the_training(plain: Path, sample: Path, own_cache: Path) -> None:
    assert recipes.RECIPES["ct-tiny"].training_dict() == MEAN.training_dict()
    assert "crystals" not in MEAN.to_dict()
    assert find_recipe("ct-multi").to_dict()["crystals"] == "mean and cell"
    build(sample, "made")
    assert len(list(own_cache.glob("runs/ct-tiny-*"))) == 1


def test_what_goes_on_learns_as_from_the_mean_and_publishes_no_less_than_its_start(
    plain: Path, sample: Path, monkeypatch: pytest.MonkeyPatch, readout: Readout
) -> None:
    started = build(sample, "made")
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", MEAN)
    of_mean, of_more = (
        build(sample, name, "--init", f"made@{init.name}", "--epochs", 1)
        for name, init in (("mean-own", plain), ("more-own", started))
    )
    assert same(of_mean, of_more, ENCODER, NPY) == [True, True]
    assert [load_crystal_encoder(one).dim for one in (of_mean, of_more)] == [WIDTH, DIMS[readout]]
    assert run("verify", "more-own").exit_code == 0


@pytest.mark.parametrize("seen", DIMS)
def test_a_recipe_whose_heads_see_more_states_it_once(
    sample: Path, monkeypatch: pytest.MonkeyPatch, readout: Readout, seen: Readout
) -> None:
    build(sample, "made")
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", replace(MEAN, model=replace(CONFIG, readout=seen)))
    own = build(sample, "own", "--init", "made", "--epochs", 1)
    stated, more = read_manifest(own).model.hyperparameters, DIMS[readout] > DIMS[seen]
    assert (stated["model"]["readout"], stated.get("crystals")) == (seen, readout if more else None)
    assert load_crystal_encoder(own).dim == max(DIMS[readout], DIMS[seen])


def test_an_earlier_version_is_published_as_its_recipe_says_now(
    plain: Path, sample: Path, own_cache: Path, readout: Readout
) -> None:
    (snapshot,) = own_cache.glob("snapshots/table-*")
    (plain / STRUCTURES).unlink()
    old = read_manifest(plain)
    old = write_catalog(plain.parents[1], old.provenance, read_catalog(plain).table,
                        encoder=(plain / ENCODER).read_bytes(), force=True)  # fmt: skip

    def remember(*more: object) -> Result:
        return CliRunner().invoke(tool.main, [str(old), "--snapshot", str(snapshot), *map(str, more)])

    assert "Give a new MAJOR --version" in remember("--by-recipe").output
    result = remember("--by-recipe", "--version", "1.0.0")
    assert result.exit_code == 0, result.output
    new, before, after = old.parent / "1.0.0", read_manifest(old), read_manifest(old.parent / "1.0.0")
    assert same(new, old, ENCODER, NPY) == [True, True]
    assert load_crystal_encoder(new).dim == DIMS[readout]
    assert {TRAINING_VECTORS, STRUCTURES} <= {file.path for file in after.files}
    assert after.model.hyperparameters == json.loads(json.dumps(recipes.RECIPES["ct-tiny"].to_dict()))
    assert (after.metrics, after.created, after.training) == (before.metrics, before.created, before.training)
    assert after.limits[-1].startswith("Network, rows and figures are those of made@0.1.0.")
    assert "--version 1.0.0" in after.command
    built = build(sample, "fresh")
    assert same(new, built, ENCODER, NPY, STRUCTURES) == [True, True, True]
    assert "is published as the recipe" in CliRunner().invoke(
        tool.main, [str(new), "--snapshot", str(snapshot), "--by-recipe", "--version", "2.0.0"]
    ).output  # fmt: skip
    assert run("verify", "made@1.0.0").exit_code == 0


def test_a_version_that_began_as_another_and_had_a_teacher_keeps_both(
    plain: Path, sample: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readout: Readout
) -> None:
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", replace(MEAN, keeps_schedule=True))
    teacher = tmp_path / "teacher.parquet"
    run("embed", "--catalog", plain, "--source", "table", "--path", sample, "-o", teacher)
    given = ("--init", "made", "--teacher", teacher, "--batch-size", 16, "--learning-rate", 0.002)
    old = build(sample, "taught", *given)
    (snapshot,) = own_cache.glob("snapshots/table-*")
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", replace(MEAN, keeps_schedule=True, crystals=readout))
    told = [str(old), "--snapshot", str(snapshot), "--by-recipe", "--version", "1.0.0"]
    result = CliRunner().invoke(tool.main, told)
    assert result.exit_code == 0, result.output
    before, after = (read_manifest(old.parent / version).model.hyperparameters for version in (old.name, "1.0.0"))
    assert after == before | {"crystals": readout}
    assert load_crystal_encoder(old.parent / "1.0.0").dim == DIMS[readout]
    assert run("verify", "taught@1.0.0").exit_code == 0
    written = (old.parent / "1.0.0" / MANIFEST).read_bytes()
    assert build(sample, "taught", *given, "--version", "1.0.0") == old.parent / "1.0.0"
    assert (old.parent / "1.0.0" / MANIFEST).read_bytes() == written


def test_a_recipe_that_trains_in_another_way_by_now_is_no_measure(
    plain: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (snapshot,) = own_cache.glob("snapshots/table-*")
    other = replace(recipes.RECIPES["ct-tiny"], training=replace(MEAN.training, weight_decay=1.0))
    monkeypatch.setitem(recipes.RECIPES, "ct-tiny", other)
    told = [str(plain), "--snapshot", str(snapshot), "--by-recipe", "--version", "1.0.0"]
    result = CliRunner().invoke(tool.main, told)
    assert (result.exit_code, "does not train as made@0.1.0 was trained" in result.output) == (1, True)


@pytest.mark.parametrize("stated", ["mean and more", 3, ["mean and cell"]])
def test_a_readout_that_nobody_knows_is_refused(tmp_path: Path, stated: object) -> None:
    folder = write_encoder_catalog(tmp_path)
    made = read_manifest(folder).provenance
    stated_so = replace(made.model, hyperparameters=made.model.hyperparameters | {"crystals": stated})
    table, encoder = read_catalog(folder).table, (folder / ENCODER).read_bytes()
    write_catalog(tmp_path, replace(made, model=stated_so), table, encoder=encoder, force=True)
    with pytest.raises(CatalogCorrupt, match="does not fit its manifest"):
        load_crystal_encoder(folder)


def test_a_version_of_the_packaged_recipe_is_what_its_build_would_write() -> None:
    stated = dict(read_manifest(store.resolve("ct-multi")).model.hyperparameters)
    assert stated.pop("aligned_to") == "ct-multi@4.0.0"
    assert stated == json.loads(json.dumps(find_recipe("ct-multi").to_dict()))
