import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid
from embeddings.formula import parse_formula
from embeddings.pooling import (
    DEFAULT_STATS,
    POLICIES,
    STATISTICS,
    feature_names,
    featurize_compositions,
    stand_ins,
)
from embeddings.streaming import featurize_file
from testing.toys import toy_catalog

ALL_BUT_GEOMETRIC = [name for name in STATISTICS if name != "geometric"]
VECTORS = np.random.default_rng(0).normal(size=(len(SYMBOLS), 3))
WIDE = toy_catalog({symbol: VECTORS[z] for z, symbol in enumerate(SYMBOLS)}, name="wide")
POSITIVE = toy_catalog({symbol: np.exp(VECTORS[z]) for z, symbol in enumerate(SYMBOLS)}, name="positive")
TOY = toy_catalog()

formulas = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 99), min_size=1, max_size=7)


def plainly(formula, catalog, stat):
    """Pool one formula as one would write it down, in double precision."""
    amounts = parse_formula(formula)
    n = np.array(list(amounts.values()))[:, None]
    w = n / n.sum()
    v = np.array([catalog[symbol] for symbol in amounts], dtype=np.float64)
    mean = (w * v).sum(axis=0)
    variance = (w * (v - mean) ** 2).sum(axis=0)
    unbiased = variance / (1 - (w**2).sum()) if len(v) > 1 else 0 * variance
    return {
        "mean": lambda: mean,
        "std": lambda: np.sqrt(variance),
        "std_corrected": lambda: np.sqrt(unbiased),
        "min": lambda: v.min(axis=0),
        "max": lambda: v.max(axis=0),
        "range": lambda: np.ptp(v, axis=0),
        "sum": lambda: (n * v).sum(axis=0),
        "mode": lambda: v[w[:, 0] == w.max()].min(axis=0),
        "geometric": lambda: np.exp((w * np.log(v)).sum(axis=0)),
    }[stat]()


def test_values_worked_out_by_hand():
    # H = (1, 0) and O = (0, 1); in H2O they have the fractions 2/3 and 1/3.
    row = featurize_compositions(["H2O"], TOY, stats=ALL_BUT_GEOMETRIC, dtype=np.float64)[0].reshape(-1, 2)
    spread = math.sqrt(2 / 9)
    expected = {
        "mean": (2 / 3, 1 / 3),
        "std": (spread, spread),
        "std_corrected": (math.sqrt(1 / 2), math.sqrt(1 / 2)),
        "min": (0, 0),
        "max": (1, 1),
        "range": (1, 1),
        "sum": (2, 1),
        "mode": (1, 0),
    }
    assert dict(zip(ALL_BUT_GEOMETRIC, map(tuple, row), strict=True)) == {
        name: pytest.approx(values) for name, values in expected.items()
    }


@pytest.mark.parametrize("stat", STATISTICS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-12)])
@given(column=st.lists(formulas, min_size=1, max_size=6))
def test_agrees_with_plain_pooling(stat, dtype, tolerance, column):
    catalog = POSITIVE if stat == "geometric" else WIDE
    pooled = featurize_compositions(column, catalog, stats=[stat], dtype=dtype)
    assert pooled.dtype == dtype
    expected = np.array([plainly(formula, catalog, stat) for formula in column])
    assert pooled == pytest.approx(expected, rel=tolerance, abs=tolerance * (500 if stat == "sum" else 3))


@given(formulas, st.integers(2, 50), st.randoms())
def test_only_the_sum_sees_the_size_of_the_unit_and_nothing_sees_the_order(amounts, factor, random):
    items = [(symbol, amount * factor) for symbol, amount in amounts.items()]
    random.shuffle(items)
    once, multiple = featurize_compositions([amounts, dict(items)], WIDE, stats=ALL_BUT_GEOMETRIC, dtype=np.float64)
    where = slice(3 * ALL_BUT_GEOMETRIC.index("sum"), 3 * ALL_BUT_GEOMETRIC.index("sum") + 3)
    once[where] *= factor
    assert once == pytest.approx(multiple, rel=1e-9, abs=1e-12)


def test_a_single_element_is_its_own_vector_and_does_not_spread():
    row = featurize_compositions(["Fe7"], TOY, stats=["mean", "min", "mode", "std", "std_corrected", "range"])[0]
    assert row.tolist() == [3, 4, 3, 4, 3, 4, 0, 0, 0, 0, 0, 0]


def test_a_trace_keeps_the_corrected_spread_finite():
    row = featurize_compositions([{"H": 1e9, "O": 1e-9}], TOY, stats="std_corrected", dtype=np.float64)
    assert np.isfinite(row).all()


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_rows_stay_in_place_however_they_are_grouped(n_jobs):
    random = np.random.default_rng(1)
    column = [
        "".join(f"{SYMBOLS[z]}{random.integers(1, 9)}" for z in random.choice(90, random.integers(1, 6), replace=False))
        for _ in range(40_000)
    ]
    pooled = featurize_compositions(column, WIDE, stats=["mean", "max"], n_jobs=n_jobs)
    for row in range(0, len(column), 997):
        alone = np.concatenate([plainly(column[row], WIDE, stat) for stat in ("mean", "max")])
        assert pooled[row] == pytest.approx(alone, rel=1e-5, abs=1e-6)


def test_repeated_formulas_give_repeated_rows():
    column = ["H2O", "NaCl"] * 50 + ["Fe2O3"]
    assert featurize_compositions(column, TOY) == pytest.approx(
        np.array([featurize_compositions([formula], TOY)[0] for formula in column])
    )


def test_feature_names():
    assert feature_names(TOY, ["mean", "range"]) == ["toy_mean_000", "toy_mean_001", "toy_range_000", "toy_range_001"]
    assert feature_names(TOY, "mean", missing="skip") == ["toy_mean_000", "toy_mean_001", "toy_coverage"]
    assert feature_names([TOY, WIDE], "mean")[2:] == ["wide_mean_000", "wide_mean_001", "wide_mean_002"]


def test_one_default_is_shared_by_all(tmp_path):
    """Who is ranked, featurizes or asks for names without statistics gets the same columns."""
    assert DEFAULT_STATS == ("mean", "std", "min", "max")
    expected = featurize_compositions(["H2O"], TOY, stats=DEFAULT_STATS)
    assert np.array_equal(featurize_compositions(["H2O"], TOY), expected)
    assert feature_names(TOY) == feature_names(TOY, DEFAULT_STATS)
    (tmp_path / "t.csv").write_text("formula\nH2O\n")
    summary = featurize_file(tmp_path / "t.csv", tmp_path / "out.csv", TOY)
    assert (summary.stats, summary.features) == (DEFAULT_STATS, expected.shape[1])


def test_several_catalogs_stand_side_by_side():
    both = featurize_compositions(["H2O", "NaCl"], [TOY, WIDE], stats=["mean", "std"], missing="skip")
    assert both.shape == (2, len(feature_names([TOY, WIDE], ["mean", "std"], missing="skip")))
    assert both[:, :4].tolist() == featurize_compositions(["H2O", "NaCl"], TOY, stats=["mean", "std"]).tolist()
    assert both[:, 5:11].tolist() == featurize_compositions(["H2O", "NaCl"], WIDE, stats=["mean", "std"]).tolist()
    assert both[:, [4, 11]].tolist() == [[1, 1], [1, 1]]


def test_missing_raise_names_every_element_and_counts_its_rows():
    with pytest.raises(ElementNotCovered, match=r'"toy" has no vector for Si \(2 rows\), Og \(1 row\)') as raised:
        featurize_compositions(["SiO2", "Fe2O3", "OgH", "Si2O4"], TOY)
    assert '"skip"' in str(raised.value)
    with pytest.raises(ElementNotCovered, match=r"Si \(8 rows\)"):
        featurize_compositions(["SiO2"] * 8, TOY)


def test_missing_nan_spoils_only_its_own_rows():
    pooled = featurize_compositions(["SiO2", "H2O"], TOY, stats=["mean", "max"], missing="nan")
    assert np.isnan(pooled[0]).all()
    assert pooled[1] == pytest.approx([2 / 3, 1 / 3, 1, 1])


def test_missing_skip_pools_the_rest_and_says_how_much_that_was():
    pooled = featurize_compositions(["SiOH2", "H2O", "Si"], TOY, stats=["mean", "sum"], missing="skip")
    assert pooled[0] == pytest.approx([2 / 3, 1 / 3, 2, 1, 3 / 4])
    assert pooled[1] == pytest.approx([2 / 3, 1 / 3, 2, 1, 1])
    assert np.isnan(pooled[2, :-1]).all()
    assert pooled[2, -1] == 0


def test_missing_impute_takes_the_stand_in():
    assert stand_ins(TOY)["S"] == "O"
    pooled = featurize_compositions(["H2S", "K"], TOY, stats="mean", missing="impute")
    assert pooled == pytest.approx(np.array([[2 / 3, 1 / 3], [-1, 0]]))


@pytest.mark.parametrize(
    ("gone", "stand_in"),
    [("Al", "Ga"), ("Tc", "Re"), ("Eu", "Sm"), ("Ac", "Th"), ("Og", "Rn"), ("Cl", "Br"), ("He", "Ne")],
)
def test_stand_ins_are_neighbours_in_the_periodic_table(gone, stand_in):
    catalog = toy_catalog({symbol: (1.0,) for symbol in SYMBOLS if symbol != gone})
    assert stand_ins(catalog) == {gone: stand_in}


def test_geometric_refuses_what_has_no_logarithm():
    with pytest.raises(InputInvalid, match="positive"):
        featurize_compositions(["NaCl"], TOY, stats="geometric")


def test_the_documentation_names_every_statistic_and_policy():
    page = (Path(__file__).parents[2] / "docs" / "formulas.md").read_text(encoding="utf-8")
    assert [name for name in STATISTICS if f"`{name}`" not in page] == []
    assert [name for name in POLICIES if f'`"{name}"`' not in page] == []


def test_no_formulas_give_no_rows():
    assert featurize_compositions([], TOY, stats="mean").shape == (0, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stats": "meen"}, 'Did you mean "mean"'),
        ({"stats": []}, "at least one"),
        ({"stats": ["mean", "mean"]}, "once"),
        ({"missing": "zero"}, "Known: raise, nan, skip, impute"),
        ({"dtype": np.int32}, "float32 or float64"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"catalog": 7}, "7 is not a catalog of elements or a composition encoder"),
        ({"catalog": []}, "at least one"),
        ({"catalog": [TOY, TOY]}, "different names"),
    ],
)
def test_wrong_use_is_named(options, said):
    with pytest.raises(InputInvalid, match=said):
        featurize_compositions(**{"formulas": ["H2O", "Fe"], "catalog": TOY, **options})


def test_an_unreadable_formula_is_named_with_its_row():
    with pytest.raises(FormulaInvalid, match=r'Row 1 .*: Formula ""'):
        featurize_compositions(["H2O", ""], TOY)


FORMULAS = ["Fe2O3", "NaCl", "Ba0.4K0.6Fe2As2", "CaTiO3", "Si", "Al2MgO4", "LiFePO4"]


@pytest.mark.parametrize(
    ("stat", "theirs"),
    [
        ("mean", "mean"),
        ("std_corrected", "std_dev"),
        ("min", "minimum"),
        ("max", "maximum"),
        ("range", "range"),
        ("mode", "mode"),
    ],
)
def test_agrees_with_matminer(stat, theirs):
    property_stats = pytest.importorskip("matminer.featurizers.utils.stats").PropertyStats
    pooled = featurize_compositions(FORMULAS, WIDE, stats=stat, dtype=np.float64)
    for formula, row in zip(FORMULAS, pooled, strict=True):
        amounts = parse_formula(formula)
        values = np.array([WIDE[symbol] for symbol in amounts], dtype=np.float64)
        expected = [property_stats.calc_stat(list(column), theirs, list(amounts.values())) for column in values.T]
        assert row == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("stat", "theirs"),
    [("mean", "mean"), ("std", "variance"), ("min", "minpool"), ("max", "maxpool"), ("range", "range"), ("sum", "sum")],
)
def test_agrees_with_element_embeddings(stat, theirs):
    composition = pytest.importorskip("elementembeddings.composition")
    embedding = pytest.importorskip("elementembeddings.core").Embedding(
        {symbol: WIDE[symbol].astype(np.float64) for symbol in WIDE}, "wide"
    )
    pooled = featurize_compositions(FORMULAS, WIDE, stats=stat, dtype=np.float64)
    for formula, row in zip(FORMULAS, pooled, strict=True):
        expected = composition.CompositionalEmbedding(formula, embedding).feature_vector(theirs)
        assert row == pytest.approx(np.sqrt(expected) if theirs == "variance" else expected, abs=1e-12)
