"""Crystals unlike what an encoder was trained on: from Python, in featurizers, in files of vectors, in back ends."""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="needs the extra build")
pytest.importorskip("vesin", reason="needs the extra build")
pytest.importorskip("pymatgen", reason="needs the extra build")

from pymatgen.core import Lattice, Structure

from embeddings import SiteCatalog, StructureCatalog, distance_to_training, load_catalog, load_crystal_encoder
from embeddings.cli import main
from embeddings.errors import CatalogCorrupt, InputInvalid, TrainingNotTold, UnlikeTraining
from embeddings.featurizers import crystals
from embeddings.store.training_vectors import TrainingVectors
from embeddings.vectors.file import open_vectors
from embeddings.vectors.footer import KEY
from testing.crystals import Crystal, arrow_table, cscl, rocksalt, structure_table
from testing.encoders import write_encoder_catalog

TRAINED_ON: list[Crystal] = [cscl(z, 17, a) for z in (3, 11, 19, 37, 55) for a in (3.3, 3.6, 3.9)]
HELD_OUT: list[Crystal] = [cscl(z, 17, a) for z in (3, 11, 19, 37, 55) for a in (3.4, 3.8)]
ODD: list[Crystal] = [rocksalt(26, 8, 2.9), rocksalt(79, 9, 8.5)]
MIXED = [TRAINED_ON[0], ODD[0], HELD_OUT[1], ODD[1]]
IDS = ["salt", "odd-1", "other", "odd-2"]


def structure(crystal: Crystal) -> Structure:
    lattice, numbers, coords = crystal
    return Structure(Lattice(lattice), numbers.tolist(), coords)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that tells what its encoder was trained on, and one of the same encoder that does not."""
    root = tmp_path_factory.mktemp("catalogs")
    encoder = load_crystal_encoder(write_encoder_catalog(root, name="silent"))
    centers, held_out = (encoder.encode(structure_table(some)) for some in (TRAINED_ON, HELD_OUT))
    write_encoder_catalog(root, name="telling", training=TrainingVectors.of(centers, held_out))
    return root


@pytest.fixture(autouse=True)
def found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    monkeypatch.setattr(crystals, "_kept", type(crystals._kept)())


def test_far_crystals_are_told_from_near_ones() -> None:
    distances = distance_to_training(list(map(structure, MIXED)), "telling")
    assert distances.unlike.tolist() == [False, True, False, True]
    assert distances.values[0] == pytest.approx(0, abs=0.01)
    assert distances.values[2] <= distances.bound < distances.values[1]
    assert distances.shares[[0, 1, 3]].tolist() == [0, 1, 1]
    assert (distances.encoder, len(distances), distances.n_held_out) == ("telling@0.1.0", 4, 10)


def test_vectors_do_as_well_as_crystals() -> None:
    encoder = load_crystal_encoder("telling")
    vectors = encoder.encode(list(map(structure, MIXED)))
    by_vectors, by_crystals = (distance_to_training(like, encoder) for like in (vectors, list(map(structure, MIXED))))
    np.testing.assert_array_equal(by_vectors.values, by_crystals.values)
    for wrong in (vectors[:, :5], vectors[0], np.full_like(vectors, np.nan)):
        with pytest.raises(InputInvalid, match=r"shape \(n, 32\)"):
            distance_to_training(wrong, encoder)


def test_what_a_catalog_does_not_tell_is_not_made_up() -> None:
    with pytest.raises(TrainingNotTold, match=r"silent@0\.1\.0 does not record where its training crystals lie"):
        distance_to_training([structure(ODD[0])], "silent")


def test_a_featurizer_warns_once_of_each_structure() -> None:
    sklearn = pytest.importorskip("embeddings.featurizers.sklearn", reason="needs the extra sklearn")
    featurizer, given = sklearn.StructureFeaturizer("telling"), list(map(structure, MIXED))
    with pytest.warns(UnlikeTraining, match=r"2 of 4 structures are unlike what telling@0\.1\.0.*: row 1, row 3\. How"):
        first = featurizer.fit(given).transform(given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(featurizer.transform(given), first)
        sklearn.StructureFeaturizer("silent").transform(given)
        assert featurizer.distance_to_training(given).unlike.tolist() == [False, True, False, True]
    with pytest.raises(TrainingNotTold):
        sklearn.StructureFeaturizer("silent").distance_to_training(given)
    uncovered = Structure(Lattice.cubic(3), ["Og"], [[0, 0, 0]])
    distances = sklearn.StructureFeaturizer("telling", missing="nan").distance_to_training([uncovered, given[0]])
    assert distances.unlike.tolist() == [True, False]
    assert np.isnan([distances.values[0], distances.shares[0]]).all()


def embed(path: Path, out: Path, *more: str, catalog: str = "telling") -> Result:
    result = CliRunner().invoke(
        main, ["embed", str(path), "--source", "table", "--catalog", catalog, "-o", str(out), *more]
    )
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def sample(tmp_path: Path, own_cache: Path) -> Path:
    pq.write_table(arrow_table(MIXED, material_id=pa.array(IDS)), tmp_path / "mixed.parquet")
    return tmp_path / "mixed.parquet"


def test_embed_writes_how_far_each_structure_is_and_says_how_many_are_far(sample: Path, tmp_path: Path) -> None:
    result = embed(sample, tmp_path / "v.parquet")
    expected = distance_to_training(list(map(structure, MIXED)), "telling")
    assert f"unlike the training: 2 of 4, distance_to_training above {expected.bound:.4g}\n" in result.stdout
    assert "2 of 4 structures are unlike what telling@0.1.0 was trained on" in result.stderr
    assert "odd-1, odd-2." in result.stderr
    catalog = load_catalog(tmp_path / "v.parquet")
    assert isinstance(catalog, StructureCatalog)
    np.testing.assert_allclose(catalog.distance_to_training, expected.values, atol=1e-4)  # type: ignore[arg-type]
    assert catalog.unlike == tuple(sorted(("odd-1", "odd-2"), key=lambda name: -expected.values[IDS.index(name)]))
    assert pickle.loads(pickle.dumps(catalog)).unlike == catalog.unlike
    told = json.loads(embed(sample, tmp_path / "v.parquet", "--json", "--force").stdout)["unlike_training"]
    assert told == {"bound": pytest.approx(expected.bound), "n_held_out": 10, "n_structures": 2}


def test_a_search_knows_how_far_structures_are(sample: Path, tmp_path: Path) -> None:
    path, column = tmp_path / "v.parquet", "distance_to_training"
    embed(sample, path)
    catalog = load_catalog(path)
    assert isinstance(catalog, StructureCatalog)
    far = dict(zip(catalog.material_ids, catalog.distance_to_training.tolist(), strict=True))  # type: ignore[union-attr]
    where = f"{column} > {np.median(list(far.values()))}"
    told = {match.material_id: match.columns for match in catalog.nearest("salt", where=where, columns=[column])}
    assert told == {name: {column: far[name]} for name in ("odd-1", "odd-2")}
    for options in (["--like", "salt"], ["--like", "salt", "--index"], ["--diverse", "9"], ["--duplicates", "0.001"]):
        arguments = ["search", str(path), *options, "--where", where, "--column", column, "--json"]
        found = json.loads(CliRunner().invoke(main, arguments).stdout)
        values = {row["material_id"]: row.get("columns", row)[column] for row in found}
        assert values == {name: far[name] for name in ("odd-1", "odd-2")} or options[0] == "--duplicates"
    embed(sample, tmp_path / "silent.parquet", catalog="silent")
    result = CliRunner().invoke(main, ["search", str(tmp_path / "silent.parquet"), "--diverse", "1", "--where", where])
    assert f'There is no column "{column}"' in result.stderr


def test_back_ends_that_take_sites_are_warned_once(sample: Path, tmp_path: Path) -> None:
    embed(sample, tmp_path / "s.parquet", "--level", "site")
    embed(sample, tmp_path / "folder/", "--level", "site", "--rows-per-file", "3", "--dtype", "int8")
    expected = distance_to_training(list(map(structure, MIXED)), "telling").values
    for path, names in ((tmp_path / "s.parquet", IDS), (tmp_path / "folder", sorted(IDS))):
        catalog = load_catalog(path)
        assert isinstance(catalog, SiteCatalog)
        assert list(catalog) == names
        ordered = [expected[IDS.index(name)] for name in names]
        np.testing.assert_allclose(catalog.distance_to_training, ordered, atol=1e-4)  # type: ignore[arg-type]
        with pytest.warns(UnlikeTraining, match=r"2 of 4 structures .*odd-"):
            catalog.sites("salt")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            catalog.sites("odd-1")


def test_a_file_by_a_catalog_that_does_not_tell_is_what_it_always_was(sample: Path, tmp_path: Path) -> None:
    result = embed(sample, tmp_path / "v.parquet", catalog="silent")
    assert "unlike the training: not told, silent@0.1.0 does not record where" in result.stdout
    schema = pq.read_schema(tmp_path / "v.parquet")
    assert schema.names == ["material_id", "formula", "vector"]
    assert b"unlike" not in schema.metadata[KEY]
    catalog = load_catalog(tmp_path / "v.parquet")
    assert isinstance(catalog, StructureCatalog)
    assert catalog.distance_to_training is None
    with pytest.raises(TrainingNotTold, match=r"with a version that does"):
        _ = catalog.unlike


def test_elements_have_no_distance(sample: Path, tmp_path: Path) -> None:
    assert "unlike" not in embed(sample, tmp_path / "e.parquet", "--level", "element").output
    assert load_catalog(tmp_path / "e.parquet").dim == 32


@pytest.mark.parametrize("wrong", ["no column", "NaN"])
def test_a_file_whose_distances_are_damaged_is_refused(wrong: str, sample: Path, tmp_path: Path) -> None:
    embed(sample, tmp_path / "v.parquet")
    table = pq.read_table(tmp_path / "v.parquet")
    place = table.column_names.index("distance_to_training")
    changed = table.remove_column(place)
    if wrong == "NaN":
        changed = table.set_column(place, "distance_to_training", pa.array([np.nan] * 4, pa.float32()))
    footer = replace(open_vectors(tmp_path / "v.parquet")[1], sealed=False)
    pq.write_table(changed.replace_schema_metadata(footer.to_metadata()), tmp_path / "v.parquet")
    with pytest.raises(CatalogCorrupt, match=r"distance_to_training is None, not float|NaN or infinity"):
        load_catalog(tmp_path / "v.parquet")
