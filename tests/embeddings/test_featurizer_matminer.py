"""The featurizer and the element data for matminer, used the way matminer uses its own."""

from __future__ import annotations

import multiprocessing.pool
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matminer", reason="needs the extra matminer")

import pandas as pd
from matminer.featurizers.base import MultipleFeaturizer
from matminer.featurizers.composition import ElementProperty, Stoichiometry
from pymatgen.core import Composition, Element, Lattice, Structure

from embeddings.elements import SYMBOLS
from embeddings.errors import (
    CatalogCorrupt,
    CatalogNotFound,
    ElementNotCovered,
    ElementUnknown,
    FormulaInvalid,
    InputInvalid,
)
from embeddings.featurizers.matminer import CatalogElementData, CompositionEmbedding
from embeddings.loaders import load_encoder
from embeddings.pooling import feature_names, featurize_compositions
from embeddings.store.tables import write_catalog
from testing.composition_encoders import write_toy_encoder
from testing.toys import TOY_VECTORS, toy_catalog, toy_provenance, toy_table, write_toy

FORMULAS = ["H2O", "NaCl", "Fe2O3", "FeCo", "Na2O"]
COMPOSITIONS = [Composition(formula) for formula in FORMULAS]
TOY = toy_catalog()
WIDE = toy_catalog(
    {symbol: np.random.default_rng(z).normal(size=5) for z, symbol in enumerate(SYMBOLS)}, name="ct-multi"
)
POOLED = featurize_compositions(FORMULAS, TOY)
ROCK_SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture(autouse=True)
def no_process_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up is not worth a process: none may be started, whatever ``n_jobs`` says."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a process pool was started")

    monkeypatch.setattr(multiprocessing.pool.Pool, "__init__", refuse)


@pytest.mark.parametrize("column", [FORMULAS, COMPOSITIONS])
def test_data_frame_gets_the_features_and_keeps_its_index(column: list[Any]) -> None:
    frame = pd.DataFrame({"composition": column, "t": range(5)}, index=[9, 7, 5, 3, 1])
    out = CompositionEmbedding(TOY).featurize_dataframe(frame, "composition")
    assert out.index.equals(frame.index)
    assert list(out.columns) == ["composition", "t", *feature_names(TOY)]
    assert np.array_equal(out.to_numpy()[:, 2:].astype(np.float32), POOLED)
    assert list(frame.columns) == ["composition", "t"]


def test_one_entry_is_a_row_of_many() -> None:
    featurizer = CompositionEmbedding(TOY, stats=("mean", "std", "range"))
    many = featurizer.featurize_many(COMPOSITIONS, pbar=False)
    assert np.array_equal(many, featurize_compositions(FORMULAS, TOY, stats=("mean", "std", "range")))
    assert [featurizer.featurize(composition) for composition in COMPOSITIONS] == many.tolist()  # type: ignore[union-attr]
    assert len(featurizer.feature_labels()) == many.shape[1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "entries",
    [
        tuple(COMPOSITIONS),
        pd.Series(COMPOSITIONS, index=range(5, 10)),
        pd.DataFrame({"composition": COMPOSITIONS}),
        pd.DataFrame({"composition": COMPOSITIONS}).to_numpy(),
        [(composition,) for composition in COMPOSITIONS],
        [[formula] for formula in FORMULAS],
    ],
    ids=["tuple", "series", "frame", "array", "tuples", "lists"],
)
def test_reads_what_matminer_reads(entries: Any) -> None:
    featurizer = CompositionEmbedding(TOY)
    featurizer.set_n_jobs(2)
    assert np.array_equal(featurizer.featurize_many(entries), POOLED)
    assert np.array_equal(featurizer.fit(entries).transform(entries), POOLED)


def test_reads_structures_and_oxidation_states() -> None:
    charged = ROCK_SALT.copy()
    charged.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    column = [ROCK_SALT, charged, charged.composition, Composition({"Fe2+": 1, "Fe3+": 2, "O2-": 4})]
    expected = featurize_compositions(["NaCl", "NaCl", "NaCl", "Fe3O4"], TOY)
    assert CompositionEmbedding(TOY).featurize_many(column) == pytest.approx(expected)


def test_errors_are_raised_unless_the_caller_ignores_them() -> None:
    frame = pd.DataFrame({"formula": ["H2O", "SiO2", "nacl", "NaCl"]})
    featurizer = CompositionEmbedding(TOY)
    with pytest.raises(FormulaInvalid, match="Row 2 "):
        featurizer.featurize_dataframe(frame, "formula")
    with pytest.raises(ElementNotCovered, match="Si"):
        featurizer.featurize_dataframe(frame[:2], "formula")
    with pytest.raises(InputInvalid, match="ignore_errors=True"):
        featurizer.featurize_many(FORMULAS, return_errors=True)
    out = featurizer.featurize_dataframe(frame, "formula", ignore_errors=True, return_errors=True)
    features, errors = out[featurizer.feature_labels()].to_numpy(), out["CompositionEmbedding Exceptions"]
    assert features[[0, 3]] == pytest.approx(POOLED[:2])
    assert np.isnan(features[1:3]).all()
    assert errors.isna().tolist() == [True, False, False, True]
    assert errors[1].startswith("ElementNotCovered: ")
    assert 'did you mean "NaCl"?' in errors[2]
    quiet = featurizer.featurize_many(frame["formula"], ignore_errors=True)
    np.testing.assert_array_equal(quiet, features.astype(np.float32))


@pytest.mark.parametrize("missing", ["nan", "skip", "impute"])
def test_ignoring_errors_changes_no_good_row(missing: str) -> None:
    featurizer = CompositionEmbedding(TOY, missing=missing)
    good = featurizer.featurize_many(["H2O", "SiO2", "NaCl"])
    ignored = featurizer.featurize_many(["H2O", "SiO2", "", "NaCl"], ignore_errors=True)
    np.testing.assert_array_equal(ignored[[0, 1, 3]], good)
    assert np.isnan(ignored[2]).all()


def test_transform_never_turns_an_error_into_nan() -> None:
    with pytest.raises(FormulaInvalid, match="Row 1 "):
        CompositionEmbedding(TOY).transform(["H2O", "nacl"])


def test_two_columns_are_refused() -> None:
    with pytest.raises(InputInvalid, match=r"\(5, 2\)"):
        CompositionEmbedding(TOY).featurize_many(pd.DataFrame({"a": FORMULAS, "b": FORMULAS}))
    with pytest.raises(InputInvalid, match="one has 2"):
        CompositionEmbedding(TOY).featurize_many([("H2O", "NaCl")])


def test_precheck_says_which_can_be_featurized() -> None:
    frame = pd.DataFrame({"composition": [*COMPOSITIONS, Composition("SiO2")]})
    assert CompositionEmbedding(TOY).precheck_dataframe(frame, "composition") == 5 / 6
    with pytest.raises(CatalogNotFound):
        CompositionEmbedding("nowhere").precheck("H2O")


def test_says_whose_work_it_is() -> None:
    featurizer = CompositionEmbedding([TOY, WIDE])
    assert featurizer.citations() == [TOY.manifest.citation.bibtex, WIDE.manifest.citation.bibtex]
    assert featurizer.implementors()
    assert featurizer.feature_labels() == feature_names([TOY, WIDE])


def test_joins_other_featurizers() -> None:
    both = MultipleFeaturizer([CompositionEmbedding(TOY), Stoichiometry([2])])
    both.set_n_jobs(1)
    out = both.featurize_dataframe(pd.DataFrame({"composition": COMPOSITIONS}), "composition", pbar=False)
    assert out[feature_names(TOY)].to_numpy() == pytest.approx(POOLED)
    assert "2-norm" in out


def test_presets_are_catalogs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    write_toy(tmp_path)
    assert len(CompositionEmbedding.from_preset("toy").featurize(COMPOSITIONS[0])) == 5 * TOY.dim
    pickled = pickle.dumps(CompositionEmbedding("toy").fit(FORMULAS).set_params(stats="max"))
    assert pickle.loads(pickled).featurize_many(FORMULAS).shape == (len(FORMULAS), TOY.dim)


def test_a_pickle_refuses_other_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    write_toy(tmp_path)
    featurizer = CompositionEmbedding("toy")
    featurizer.featurize("H2O")
    pickled = pickle.dumps(featurizer)
    write_catalog(tmp_path, toy_provenance(), toy_table({**TOY_VECTORS, "O": (0.0, 2.0)}), force=True)
    with pytest.raises(CatalogCorrupt, match="SHA-256"):
        pickle.loads(pickled)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("mean", "mean"),
        ("min", "minimum"),
        ("max", "maximum"),
        ("range", "range"),
        ("mode", "mode"),
        ("std_corrected", "std_dev"),
    ],
)
def test_element_property_agrees_with_us(ours: str, theirs: str) -> None:
    data = CatalogElementData(WIDE)
    featurizer = ElementProperty(data, data.prop_names, [theirs], impute_nan=False)
    expected = featurize_compositions(FORMULAS, WIDE, stats=ours, dtype=np.float64)
    assert np.array([featurizer.featurize(composition) for composition in COMPOSITIONS]) == pytest.approx(expected)
    assert featurizer.feature_labels()[0] == f"CatalogElementData {theirs} ct-multi_000"


def test_element_data_is_the_catalog() -> None:
    data = CatalogElementData(TOY)
    assert data.get_elemental_property(Element("Fe"), "toy_001") == 4
    assert data.get_elemental_properties([Element("Fe"), "Co", 8], "toy_000") == [3, 4, 0]
    with pytest.raises(ElementNotCovered, match="Si"):
        data.get_elemental_property(Element("Si"), "toy_000")
    with pytest.raises(ElementUnknown):
        data.get_elemental_property("Xx", "toy_000")
    with pytest.raises(InputInvalid, match="toy_000 to toy_001"):
        data.get_elemental_property(Element("Fe"), "Electronegativity")


def test_an_encoder_is_a_parameter_like_a_catalog(tmp_path: Path) -> None:
    encoder = load_encoder(write_toy_encoder(tmp_path))
    featurizer = CompositionEmbedding([TOY, encoder], stats="mean")
    assert featurizer.feature_labels() == ["toy_mean_000", "toy_mean_001", *(f"toy-encoder_{i:03d}" for i in range(4))]
    features = featurizer.featurize_many(COMPOSITIONS, pbar=False)
    assert np.array_equal(features[:, 2:], encoder.encode(FORMULAS))  # type: ignore[call-overload]
    assert len(featurizer.citations()) == 2
    data = CatalogElementData(encoder)
    assert data.get_elemental_property(Element("Fe"), "toy-encoder_002") == encoder.elements["Fe"][2]
