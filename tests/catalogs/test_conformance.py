"""Every catalog that comes with the library keeps what the format promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from embeddings.loaders import load_catalog
from embeddings.store import roots as store
from embeddings.store.card import render_card
from embeddings.store.encoder_files import read_formulas
from embeddings.store.index import INDEX, names, versions
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import essentials_of
from embeddings.store.training_structures import STRUCTURES
from embeddings.store.training_vectors import TRAINING_VECTORS
from testing.vector_files import read_element_table

ROOT = store.packaged_root()
FOLDERS = [ROOT / name / version for name in names(ROOT) for version in versions(ROOT, name)]
ENCODERS = [folder for folder in FOLDERS if read_manifest(folder).kind == "composition-encoder"]
PACKAGED_LIMIT = 2_000_000
DIGEST_LIMITS = {STRUCTURES: 3_000_000, TRAINING_VECTORS: 1_700_000}
"""File that tells what a version was trained on -> bytes, beside those of the rest."""


def _each(folders: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("folder", folders, ids=lambda folder: f"{folder.parent.name}@{folder.name}")


every_version = _each(FOLDERS)
every_catalog = _each([folder for folder in FOLDERS if folder not in ENCODERS])
every_encoder = _each(ENCODERS)
every_trained = _each([folder for folder in FOLDERS if folder not in ENCODERS and read_manifest(folder).table is None])


@every_version
def test_files_are_intact_and_complete(folder: Path) -> None:
    store.verify(folder)
    listed = {entry.path for entry in read_manifest(folder).files}
    assert {path.name for path in folder.iterdir()} == listed | {"manifest.json"}


@every_version
def test_identity_is_that_of_the_folder(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert (manifest.name, manifest.version) == (folder.parent.name, folder.name)


@every_catalog
def test_formats_agree(folder: Path) -> None:
    catalog = load_catalog(folder)
    for table in (read_element_table(folder / "vectors.parquet"), read_element_table(folder / "vectors.h5")):
        assert np.array_equal(table.vectors, catalog.vectors)
        assert np.array_equal(table.atomic_numbers, catalog.atomic_numbers)
        assert np.array_equal(table.n_structures, catalog.table.n_structures)


@every_catalog
def test_stray_files_identify_themselves(folder: Path) -> None:
    import h5py
    import pyarrow.parquet as pq

    expected = essentials_of(read_manifest(folder))
    footer = pq.read_schema(folder / "vectors.parquet").metadata
    assert {key: footer[key.encode()].decode() for key in expected} == expected
    with h5py.File(folder / "vectors.h5") as file:
        assert dict(file.attrs) == expected


@every_catalog
def test_elements_are_covered_or_named_as_missing(folder: Path) -> None:
    catalog = load_catalog(folder)
    assert sorted([*catalog.symbols, *catalog.missing_elements]) == sorted(SYMBOLS)
    assert catalog.manifest.missing_elements == catalog.missing_elements
    assert catalog.manifest.n_structures == dict(catalog.n_structures)


@every_catalog
def test_no_two_elements_share_a_vector(folder: Path) -> None:
    catalog = load_catalog(folder)
    assert len(np.unique(catalog.vectors, axis=0)) == len(catalog)


@every_version
def test_model_beats_the_mean_on_every_target(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert set(manifest.metrics) == set(manifest.training.targets)
    for target, metric in manifest.metrics.items():
        assert metric.mae < metric.baseline_mae, target
        assert metric.unit == manifest.training.targets[target]


@every_version
def test_card_is_current(folder: Path) -> None:
    assert (folder / "CARD.md").read_text(encoding="utf-8") == render_card(read_manifest(folder))


@every_trained
def test_training_formulas_are_there(folder: Path) -> None:
    digest = load_catalog(folder).table.training_formulas
    assert digest is not None
    assert len(digest) > 0


@every_encoder
def test_encoders_know_their_training_formulas_and_tell_them_apart(folder: Path) -> None:
    encoder, formulas = load_catalog(folder), read_formulas(folder)
    assert len(formulas) == encoder.manifest.n_rows
    assert encoder.overlap(formulas[:1000]) == formulas[:1000]
    vectors = encoder.encode(formulas[:1000])
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors, axis=0)) == len(vectors)


@every_encoder
def test_encoders_say_which_elements_they_saw(folder: Path) -> None:
    encoder = load_catalog(folder)
    assert encoder.manifest.missing_elements == encoder.missing_elements
    assert encoder.manifest.n_structures == dict(encoder.elements.n_structures)


@every_version
def test_packaged_size(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert all(sizes.pop(name, 0) < limit for name, limit in DIGEST_LIMITS.items())
    assert sum(sizes.values()) < PACKAGED_LIMIT


def test_root_is_data_only() -> None:
    assert not list(ROOT.rglob("*.py"))


def test_index_agrees_with_the_folders() -> None:
    if not FOLDERS:
        pytest.skip("no catalog is packaged")
    entries = json.loads((ROOT / INDEX).read_text(encoding="utf-8"))["catalogs"]
    assert {name: entry["versions"] for name, entry in entries.items()} == {n: versions(ROOT, n) for n in names(ROOT)}
    for name, entry in entries.items():
        manifest = read_manifest(ROOT / name / entry["default"])
        assert (entry["kind"], entry["dim"], entry["n_rows"]) == (manifest.kind, manifest.dim, manifest.n_rows)
