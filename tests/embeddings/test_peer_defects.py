"""What other toolkits for element and composition vectors were found to do silently must not happen here.

Each test names one defect that was reproduced elsewhere. Those of scikit-learn's and matminer's interfaces are held
off in test_featurizer_sklearn.py and test_featurizer_matminer.py as well.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import CatalogCorrupt, CatalogExists, ElementNotCovered, FormulaInvalid, InputInvalid
from embeddings.formula import parse_formula
from embeddings.loaders import load_uae
from embeddings.pooling import STATISTICS, feature_names, featurize_compositions
from embeddings.store.tables import read_catalog
from testing.toys import TOY_VECTORS, toy_catalog, toy_table, write_toy

TOY = toy_catalog()
FORMULAS = ["H2O", "NaCl", "Fe2O3", "FeCo"]


def test_a_catalog_by_name_is_not_read_again_for_every_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("embeddings.featurizers.sklearn", exc_type=ImportError)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    folder = write_toy(tmp_path)
    featurizer = module.CompositionFeaturizer("toy").fit(FORMULAS)
    shutil.rmtree(folder)
    assert np.array_equal(featurizer.transform(FORMULAS), featurize_compositions(FORMULAS, TOY))


def test_vectors_cannot_change_under_the_same_version(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    with pytest.raises(CatalogExists, match="never edited"):
        write_toy(tmp_path)
    path = folder / "vectors.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CatalogCorrupt, match=r"vectors\.npy"):
        load_uae(folder)


@pytest.mark.parametrize("order", [("Fe", "H"), ("H", "Fe", "Fe")])
def test_rows_stand_in_order_of_atomic_number_once_each(order: tuple[str, ...]) -> None:
    """A reader that goes by position gave Fe the vector of Tb; a table with a row twice counted it twice."""
    numbers = [ATOMIC_NUMBERS[symbol] for symbol in order]
    with pytest.raises(InputInvalid, match="ascend without repeats"):
        toy_table(atomic_numbers=numbers, vectors=np.eye(len(order)), n_structures=[1] * len(order))


def test_every_export_keeps_the_vector_with_its_element() -> None:
    assert all(np.array_equal(TOY[symbol], vector) for symbol, vector in TOY_VECTORS.items())
    assert all(np.array_equal(TOY[ATOMIC_NUMBERS[symbol]], vector) for symbol, vector in TOY_VECTORS.items())
    assert {symbol: tuple(vector) for symbol, vector in TOY.to_dict().items()} == TOY_VECTORS


def test_what_was_never_trained_has_no_vector() -> None:
    with pytest.raises(InputInvalid, match=r"Fe has no training structure"):
        toy_table(n_structures=[1, 1, 1, 1, 0, 1])


@pytest.mark.parametrize("symbol", sorted(set(SYMBOLS) - set(TOY_VECTORS)))
def test_an_element_without_a_vector_is_never_replaced_unasked(symbol: str) -> None:
    """Others fill in an untrained row, a column mean, zeros, or the vector of element 100."""
    with pytest.raises(ElementNotCovered, match=f"{symbol} has no vector"):
        TOY[symbol]
    with pytest.raises(ElementNotCovered, match=rf"{symbol} \(1 row\)"):
        featurize_compositions(["Fe2O3", f"{symbol}3"], TOY)


def test_nan_never_becomes_zero() -> None:
    with pytest.raises(InputInvalid, match="H has a vector that is not finite"):
        toy_table({**TOY_VECTORS, "H": (np.nan, 1.0)})
    pooled = featurize_compositions(["H2O", "SiO2"], TOY, stats=["mean", "min", "sum"], missing="nan")
    assert np.isnan(pooled).all(axis=1).tolist() == [False, True]


def test_a_hydrate_with_a_full_stop_is_refused_with_both_readings() -> None:
    with pytest.raises(FormulaInvalid, match="two readings") as raised:
        parse_formula("CuSO4.5H2O")
    assert "CuSO4·5H2O" in str(raised.value)
    assert "CuSO4.5)H2O" in str(raised.value)
    assert parse_formula("CuSO4·5H2O") == {"Cu": 1, "S": 1, "O": 9, "H": 10}


@pytest.mark.parametrize("empty", ["", "  ", {}])
def test_an_empty_formula_is_no_vector_of_zeros(empty: object) -> None:
    with pytest.raises(FormulaInvalid, match="empty"):
        featurize_compositions(["H2O", empty], TOY)


@pytest.mark.parametrize("module", ["sklearn", "matminer"])
def test_formulas_as_strings_are_not_rows_of_nan(module: str) -> None:
    featurizers = pytest.importorskip(f"embeddings.featurizers.{module}", exc_type=ImportError)
    kind = {"sklearn": "CompositionFeaturizer", "matminer": "CompositionEmbedding"}[module]
    expected = featurize_compositions(FORMULAS, TOY)
    assert np.array_equal(getattr(featurizers, kind)(TOY).fit(FORMULAS).transform(FORMULAS), expected)


def test_more_threads_give_the_same_rows() -> None:
    """Elsewhere the default is a process for every processor, and slower than one."""
    column = [f"Fe{n}O{n + 1}" for n in range(1, 5000)]
    alone = featurize_compositions(column, TOY, stats=["mean", "std"])
    assert np.array_equal(featurize_compositions(column, TOY, stats=["mean", "std"], n_jobs=2), alone)


def test_both_standard_deviations_have_their_own_name() -> None:
    pooled = featurize_compositions(["Fe2O3", "NaCl"], TOY, stats=["std", "std_corrected"], dtype=np.float64)
    squares = [0.4**2 + 0.6**2, 0.5**2 + 0.5**2]
    for row, square in zip(pooled, squares, strict=True):
        assert row[2:] == pytest.approx(row[:2] / np.sqrt(1 - square))


@pytest.mark.parametrize("index", [[3, 1, 2, 0], [5, 5, 5, 5], list("abcd")])
def test_features_stay_with_the_rows_of_a_frame_whatever_its_index(index: list) -> None:
    pd = pytest.importorskip("pandas")
    module = pytest.importorskip("embeddings.featurizers.sklearn", exc_type=ImportError)
    frame = pd.DataFrame({"formula": FORMULAS}, index=index)
    out = module.CompositionFeaturizer(TOY).set_output(transform="pandas").fit_transform(frame)
    assert out.index.tolist() == index
    assert np.array_equal(out.to_numpy(), featurize_compositions(FORMULAS, TOY))


def test_looking_at_a_catalog_does_not_change_it() -> None:
    pytest.importorskip("pandas")
    before = TOY.vectors.copy()
    TOY.neighbors("Fe")
    frame = TOY.to_frame()
    frame.loc[:, :] = 0
    featurize_compositions(FORMULAS, TOY, stats=["mean", "std"])[:] = 0
    for view in (TOY.vectors, TOY["Fe"], TOY.to_dict()["Fe"]):
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
    assert np.array_equal(TOY.vectors, before)


def test_a_catalog_has_as_many_rows_as_it_says(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    catalog = read_catalog(folder)
    assert len(catalog) == len(set(catalog.symbols)) == catalog.manifest.n_rows == len(catalog.vectors)
    path = folder / "vectors.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(CatalogCorrupt, match=r"disagree with manifest\.json"):
        read_catalog(folder)


def test_no_statistic_hides_a_logarithm_of_what_is_negative() -> None:
    with pytest.raises(InputInvalid, match="positive"):
        featurize_compositions(["NaCl"], TOY, stats="geometric")
    others = [stat for stat in STATISTICS if stat != "geometric"]
    assert np.isfinite(featurize_compositions(FORMULAS, TOY, stats=others)).all()


def test_names_of_two_catalogs_do_not_collide() -> None:
    names = feature_names([TOY, toy_catalog(name="other")], ("mean", "std"))
    assert len(names) == len(set(names)) == 8
