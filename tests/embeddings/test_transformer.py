"""The NumPy twin of a language model: the vectors of torch; and every fault has its name."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from builders.methods.language.config import LanguageConfig
from builders.methods.twins import trainable
from embeddings import featurize, load_encoder
from embeddings.encoder import CompositionEncoder
from embeddings.errors import CatalogCorrupt, ElementNotCovered, ManifestInvalid
from embeddings.pooling import feature_names
from embeddings.store.encoder_files import read_encoder
from testing.composition_encoders import COVERED
from testing.language_encoders import SETTINGS, SMALL, tensors, write_language_encoder

THIRTY = "".join(f"{symbol}{n}" for n, symbol in enumerate(COVERED[10:40], 1))
MANY = ["Fe2O3", "LiFePO4", "Si", "Ca(OH)2", "La0.7Sr0.3MnO3", "H2O", "Fe0.99C0.01", "Fe999999C", "Al2(SO4)3", THIRTY]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_language_encoder(tmp_path_factory.mktemp("catalogs"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> CompositionEncoder:
    return load_encoder(folder)


@pytest.mark.parametrize("config", [SMALL, LanguageConfig(), LanguageConfig(width=6, n_layers=1, n_heads=1)])
def test_numpy_gives_the_vectors_of_torch(tmp_path: Path, config: LanguageConfig) -> None:
    settings = {"architecture": "transformer", "n_heads": config.n_heads, "dim": config.dim}
    encoder = load_encoder(write_language_encoder(tmp_path, tensors(config), hyperparameters=settings))
    vectors = encoder.encode(MANY)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(MANY), config.dim))
    expected = trainable(encoder).encode(MANY)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_neither_order_nor_size_of_a_formula_counts(encoder: CompositionEncoder) -> None:
    spelled = ["LiFePO4", "O4PFeLi", "Li2Fe2P2O8", {"O": 4 / 7, "P": 1 / 7, "Li": 1 / 7, "Fe": 1 / 7}]
    vectors = encoder.encode(spelled)
    np.testing.assert_allclose(vectors, vectors[:1].repeat(4, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fe0.99C0.01", "Fe0.98C0.02"),
        ("Fe0.999C0.001", "Fe0.998C0.002"),
        ("Fe999999C", "Fe999998C2"),
        ("FeO", "Fe51O49"),
    ],
)
def test_small_amounts_are_told_apart(encoder: CompositionEncoder, one: str, other: str) -> None:
    apart = np.abs(np.diff(encoder.encode([one, other]), axis=0)).max()
    assert apart > 1e-2


def test_a_formula_has_one_vector_whatever_stands_beside_it(encoder: CompositionEncoder) -> None:
    alone = np.concatenate([encoder.encode([formula]) for formula in MANY])
    np.testing.assert_allclose(encoder.encode(MANY), alone, atol=1e-6)
    np.testing.assert_allclose(encoder.encode(MANY * 30, n_jobs=2), np.tile(alone, (30, 1)), atol=1e-6)


def test_policies_are_those_of_every_encoder(encoder: CompositionEncoder) -> None:
    with pytest.raises(ElementNotCovered, match=r'"toy-language" has no vector for U \(1 row\)'):
        encoder.encode(["UO2", "FeO"])
    assert np.isnan(encoder.encode(["UO2", "FeO"], missing="nan")).all(axis=1).tolist() == [True, False]
    np.testing.assert_allclose(encoder.encode(["UO2"], missing="skip"), encoder.encode(["O"]), atol=1e-6)
    np.testing.assert_allclose(encoder.encode(["UO2"], missing="impute"), encoder.encode(["ThO2"]), atol=1e-6)
    assert featurize(["UO2"], encoder, missing="skip").shape == (1, len(feature_names(encoder, missing="skip")))


def test_copies_compute_the_same_and_cannot_be_changed(encoder: CompositionEncoder) -> None:
    for again in (pickle.loads(pickle.dumps(encoder)), copy.deepcopy(encoder)):
        assert np.array_equal(again.encode(MANY), encoder.encode(MANY))
        assert not any(array.flags.writeable for array in again.network.arrays)


def without(name: str) -> dict[str, np.ndarray]:
    return {key: values for key, values in tensors().items() if key != name}


def changed(**given: Any) -> dict[str, np.ndarray]:
    return tensors() | {name.replace("__", "."): np.asarray(v, dtype=np.float32) for name, v in given.items()}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (without("whole"), "it lacks whole"),
        (without("layers.1.join.bias"), r"it has layers\.1"),
        (changed(input_mean=[1.0]), "it has input_mean"),
        (changed(amounts__bias=np.zeros(7)), r"do not fit each other: amounts\.bias"),
        (changed(layers__1__expand__weight=np.zeros((12, 7))), r"do not fit each other: layers\.1\.expand\.weight"),
        (changed(expansion__linear=np.zeros(21)), "do not ascend"),
        (changed(expansion__linear=[0.5], amounts__weight=np.zeros((8, 23))), "fewer than two"),
        (changed(whole=np.full(8, np.nan)), "NaN or infinity"),
        (changed(elements=np.ones((119, 7))), "a width of 8"),
        ({name: v for name, v in tensors().items() if not name.startswith("layers.")}, "no layers"),
    ],
)
def test_a_foreign_or_damaged_file_is_never_published(tmp_path: Path, found: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(CatalogCorrupt, match=said):
        write_language_encoder(tmp_path, found)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"architecture": "recurrent"}, ManifestInvalid, 'no architecture "recurrent".* Known: pooled, transformer'),
        ({"architecture": ["transformer"]}, ManifestInvalid, "no architecture"),
        ({"n_heads": 3}, CatalogCorrupt, "3 heads cannot share a width of 8"),
        ({"n_heads": "2"}, CatalogCorrupt, "heads cannot share"),
        ({"dim": 9}, CatalogCorrupt, "16 numbers, and the manifest says 9"),
    ],
)
def test_settings_that_cannot_be_computed_with(tmp_path: Path, settings: Any, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        write_language_encoder(tmp_path, hyperparameters=SETTINGS | settings)
    incomplete = {name: value for name, value in SETTINGS.items() if name != "n_heads"}
    with pytest.raises(ManifestInvalid, match="needs n_heads"):
        write_language_encoder(tmp_path, hyperparameters=incomplete)


def test_weights_that_overflow_are_named(tmp_path: Path) -> None:
    huge = write_language_encoder(tmp_path, changed(layers__0__attention__weight=np.full((24, 8), 1e38)))
    with pytest.raises(CatalogCorrupt, match="so large"):
        read_encoder(huge).encode(["FeO"])
