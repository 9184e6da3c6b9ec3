"""Featurizers of structures: what they return, what is encoded once, and what they refuse."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")
pytest.importorskip("torch", reason="needs the extra build")
pytest.importorskip("vesin", reason="needs the extra build")
pytest.importorskip("pymatgen", reason="needs the extra build")

from pymatgen.core import Lattice, Structure
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from embeddings import load_crystal_encoder
from embeddings.errors import CatalogCorrupt, ElementNotCovered, InputInvalid
from embeddings.featurizers import crystals
from embeddings.featurizers.sklearn import StructureFeaturizer
from testing.encoders import write_encoder_catalog

PAIRS = [("Na", "Cl"), ("Fe", "O"), ("Co", "O"), ("Li", "F"), ("K", "Br"), ("Mg", "O")]
STRUCTURES = [Structure(Lattice.cubic(3.4), pair, [[0, 0, 0], [0.5] * 3]) for pair in PAIRS]
UNCOVERED = Structure(Lattice.cubic(3), ["Og"], [[0, 0, 0]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder_catalog(tmp_path_factory.mktemp("catalogs"), name="net")


@pytest.fixture(autouse=True)
def encoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many structures each call of an encoder was given."""
    from builders.methods.crystal_transformer.encoder import CrystalEncoder

    counts: list[int] = []
    original = CrystalEncoder.encode
    monkeypatch.setattr(
        CrystalEncoder, "encode", lambda self, given: counts.append(len(given)) or original(self, given)
    )
    monkeypatch.setattr(crystals, "_kept", type(crystals._kept)())
    return counts


def test_a_column_of_structures_becomes_their_vectors(folder: Path, encoded: list[int]) -> None:
    featurizer = StructureFeaturizer(str(folder)).fit(STRUCTURES)
    found = featurizer.transform(STRUCTURES)
    np.testing.assert_allclose(found, load_crystal_encoder(folder).encode(STRUCTURES), atol=1e-6)
    assert featurizer.get_feature_names_out()[[0, -1]].tolist() == ["net_000", "net_031"]
    assert (found.dtype, found.shape) == (np.float32, (6, 32))
    assert featurizer.transform([]).shape == (0, 32)


def test_a_structure_is_encoded_once(folder: Path, encoded: list[int]) -> None:
    copies = [one.copy() for one in STRUCTURES]
    first = StructureFeaturizer(str(folder)).transform([*STRUCTURES, *copies])
    assert encoded == [6]
    assert np.array_equal(first[:6], first[6:])
    model = make_pipeline(StructureFeaturizer(str(folder)), Ridge())
    GridSearchCV(model, {"ridge__alpha": [0.1, 1.0]}, cv=2).fit(STRUCTURES, np.arange(6.0))
    clone(model).fit(copies, np.arange(6.0)).predict(STRUCTURES)
    assert encoded == [6]
    moved = STRUCTURES[0].copy()
    moved.translate_sites([0], [0.1, 0, 0])
    assert not np.array_equal(StructureFeaturizer(str(folder)).transform([moved])[0], first[0])
    assert encoded == [6, 1]


def test_the_vectors_that_are_kept_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crystals, "MOST_KEPT", 4)
    assert StructureFeaturizer(str(folder)).transform(STRUCTURES).shape == (6, 32)
    assert len(crystals._kept) == 4


def test_what_cannot_be_encoded_is_named(folder: Path) -> None:
    featurizer = StructureFeaturizer(str(folder)).fit(STRUCTURES)
    featurizer.transform(STRUCTURES)
    with pytest.raises(ElementNotCovered, match="Og, in 1 of 7"):
        featurizer.transform([*STRUCTURES, UNCOVERED])
    with pytest.raises(InputInvalid, match=r"Row 1 is str; .*CompositionFeaturizer"):
        featurizer.transform([STRUCTURES[0], "NaCl"])
    rows = StructureFeaturizer(str(folder), missing="nan").transform([UNCOVERED, STRUCTURES[0]])
    assert np.isnan(rows).all(axis=1).tolist() == [True, False]
    with pytest.raises(InputInvalid, match="missing='skip' is not known"):
        StructureFeaturizer(str(folder), missing="skip").transform(STRUCTURES)  # type: ignore[arg-type]
    with pytest.raises(InputInvalid, match="not an encoder of structures"):
        StructureFeaturizer(object()).fit(STRUCTURES)  # type: ignore[arg-type]


def test_a_pickle_refuses_another_encoder(tmp_path: Path) -> None:
    folder = write_encoder_catalog(tmp_path, name="net")
    featurizer = StructureFeaturizer(str(folder)).fit(STRUCTURES)
    text = pickle.dumps(featurizer)
    assert len(text) < 10_000
    assert np.array_equal(pickle.loads(text).transform(STRUCTURES), featurizer.transform(STRUCTURES))
    write_encoder_catalog(tmp_path, name="net", seed=2, force=True)
    with pytest.raises(CatalogCorrupt, match="pickled with"):
        pickle.loads(text).transform(STRUCTURES)


def test_matminer_gets_columns_and_errors(folder: Path) -> None:
    pytest.importorskip("matminer", reason="needs the extra matminer")
    pandas: Any = pytest.importorskip("pandas")
    from embeddings.featurizers.matminer import StructureEmbedding

    featurizer = StructureEmbedding(str(folder))
    frame = pandas.DataFrame({"structure": STRUCTURES}, index=list("abcdef"))
    wide = featurizer.featurize_dataframe(frame, "structure")
    assert wide.columns[[1, -1]].tolist() == ["net_000", "net_031"]
    np.testing.assert_allclose(wide["net_003"], featurizer.transform(STRUCTURES)[:, 3])
    told = featurizer.featurize_many([STRUCTURES[0], UNCOVERED], ignore_errors=True, return_errors=True)
    assert np.isnan(told[0][-1])
    assert told[1][-1].startswith("ElementNotCovered: ")
    assert featurizer.citations()[0].startswith("@")
    with pytest.raises(ElementNotCovered):
        featurizer.featurize(UNCOVERED)
