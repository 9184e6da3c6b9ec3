"""Neighbors and distances of compositions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.elements import SYMBOLS
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid
from embeddings.pooling import featurize_compositions
from embeddings.search.compositions import CompositionIndex, composition_distance, nearest_compositions
from testing.toys import toy_catalog

TOY = toy_catalog()
RANDOM = np.random.default_rng(3)
WIDE = toy_catalog({symbol: RANDOM.normal(size=16) for symbol in SYMBOLS[:20]}, name="wide")
LINE = toy_catalog({symbol: (RANDOM.normal(),) for symbol in SYMBOLS[:20]}, name="line")
FORMULAS = st.dictionaries(st.sampled_from(SYMBOLS[:20]), st.integers(1, 9), min_size=1, max_size=5)
METRICS = ("cosine", "euclidean")


def spelled(amounts: dict[str, int]) -> str:
    return "".join(f"{symbol}{amount}" for symbol, amount in amounts.items())


def plainly(query: str, formulas: list[str], metric: str) -> list[float]:
    """Return the value of every formula, as one would write it down."""
    q, *rows = featurize_compositions([query, *formulas], WIDE, stats="mean", dtype=np.float64)
    if metric == "euclidean":
        return [math.dist(q, row) for row in rows]
    return [float(q @ row) / math.sqrt((q @ q) * (row @ row)) for row in rows]


def test_neighbors_worked_out_by_hand() -> None:
    # HO = (0.5, 0.5), FeCo = (3.5, 3.5), NaCl = (-0.5, -0.5), Fe = (3, 4)
    formulas = ["NaCl", "FeCo", "Fe"]
    assert nearest_compositions("HO", formulas, TOY) == [
        ("FeCo", pytest.approx(1)),
        ("Fe", pytest.approx(7 / math.sqrt(50))),
        ("NaCl", pytest.approx(-1)),
    ]
    assert nearest_compositions("HO", formulas, TOY, 2, metric="euclidean") == [
        ("NaCl", pytest.approx(math.sqrt(2))),
        ("FeCo", pytest.approx(3 * math.sqrt(2))),
    ]


@pytest.mark.parametrize("metric", METRICS)
@given(FORMULAS, st.lists(FORMULAS, min_size=1, max_size=12), st.integers(1, 15))
def test_neighbors_are_the_best_of_all(metric: str, query: dict, column: list[dict], k: int) -> None:
    formulas = list(dict.fromkeys(map(spelled, column)))
    found = nearest_compositions(query, formulas, WIDE, k, metric=metric)  # type: ignore[arg-type]
    values = plainly(spelled(query), formulas, metric)
    assert len(found) == min(k, len(formulas))
    assert [value for _, value in found] == pytest.approx(sorted(values, reverse=metric == "cosine")[:k], abs=1e-12)
    for formula, value in found:
        assert value == pytest.approx(values[formulas.index(formula)], abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_float64_settles_what_float32_cannot(metric: str) -> None:
    formulas = [f"H1000000O{n}" for n in range(1, 40)]
    found = nearest_compositions("H1000000O20", formulas, WIDE, 3, metric=metric)  # type: ignore[arg-type]
    assert found[0][0] == "H1000000O20"
    assert {formula for formula, _ in found[1:]} == {"H1000000O19", "H1000000O21"}


def test_ties_keep_the_order_and_repeats_count_once() -> None:
    formulas = ["NaCl", "Fe4O6", "NaCl", "Fe2O3", "Fe4O6"]
    assert [formula for formula, _ in nearest_compositions("Fe2O3", formulas, TOY, 2)] == ["Fe4O6", "Fe2O3"]
    assert CompositionIndex(formulas, TOY).formulas == ["NaCl", "Fe4O6", "Fe2O3"]


def test_many_queries_at_once_find_what_each_finds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    formulas = [spelled({SYMBOLS[a]: 1, SYMBOLS[b]: 2}) for a in range(20) for b in range(20) if a != b]
    index = CompositionIndex(formulas, WIDE)
    together = index.nearest_many(formulas[:50], 4)
    monkeypatch.setattr("embeddings.search.compositions._SCORES_PER_BLOCK", 3 * len(formulas))
    assert index.nearest_many(formulas[:50], 4) == together
    assert [found[0][0] for found in together] == formulas[:50]
    assert together[7] == index.nearest(formulas[7], 4)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "iterator", "numpy"])
def test_reads_any_column(kind: str) -> None:
    formulas = ["NaCl", "FeCo", "Fe"]
    if kind == "pandas":
        column = pytest.importorskip("pandas").Series(formulas, index=[7, 8, 9])
    elif kind == "polars":
        column = pytest.importorskip("polars").Series(formulas)
    elif kind == "pyarrow":
        column = pytest.importorskip("pyarrow").array(formulas)
    else:
        column = iter(formulas) if kind == "iterator" else np.array(formulas)
    assert [str(formula) for formula, _ in nearest_compositions("HO", column, TOY)] == ["FeCo", "Fe", "NaCl"]


def test_formulas_without_a_vector_are_refused_or_never_found() -> None:
    formulas = ["SiO2", "FeO", "Si"]
    with pytest.raises(ElementNotCovered, match=r"Si \(2 rows\)"):
        nearest_compositions("FeO", formulas, TOY)
    assert [formula for formula, _ in CompositionIndex(formulas, TOY, missing="nan").nearest("Fe")] == ["FeO"]
    skipping = CompositionIndex(formulas, TOY, missing="skip")
    assert [formula for formula, _ in skipping.nearest("O")] == ["SiO2", "FeO"]
    with pytest.raises(ElementNotCovered, match="Si"):
        skipping.nearest("Si")
    assert CompositionIndex(["Si"], TOY, missing="nan").nearest("Fe") == []


def test_a_vector_of_zeros_has_no_direction() -> None:
    flat = toy_catalog({"H": (1.0, 0.0), "Na": (-1.0, 0.0), "O": (0.0, 1.0)})
    assert nearest_compositions("H", ["O", "HNa", "Na"], flat) == [("O", 0), ("HNa", 0), ("Na", -1)]


def test_wrong_use_is_named() -> None:
    with pytest.raises(InputInvalid, match="at least 1"):
        nearest_compositions("FeO", ["FeO"], TOY, 0)
    with pytest.raises(InputInvalid, match="'cosine' or 'euclidean'"):
        nearest_compositions("FeO", ["FeO"], TOY, metric="manhattan")  # type: ignore[arg-type]
    with pytest.raises(InputInvalid, match="column of formulas"):
        nearest_compositions("FeO", "FeO", TOY)
    with pytest.raises(FormulaInvalid, match="Row 1 "):
        nearest_compositions("FeO", ["FeO", "feo"], TOY)
    with pytest.raises(FormulaInvalid, match="feo"):
        nearest_compositions("feo", ["FeO"], TOY)
    with pytest.raises(InputInvalid, match="element-mover"):
        composition_distance("FeO", "CoO", TOY, metric="emd")  # type: ignore[arg-type]
    with pytest.raises(ElementNotCovered, match="Si"):
        composition_distance("FeO", "SiO2", TOY)


def test_no_formulas_no_neighbors() -> None:
    assert nearest_compositions("FeO", [], TOY) == []
    assert CompositionIndex(["FeO"], TOY).nearest_many([]) == []


def test_distances_worked_out_by_hand() -> None:
    # The means are HO = (0.5, 0.5) and NaCl = (-0.5, -0.5); H to Na is 2 apart, H to Cl the root of 2.
    assert composition_distance("HO", "NaCl", TOY) == pytest.approx(math.sqrt(2))
    assert composition_distance("HO", "NaCl", TOY, metric="cosine") == pytest.approx(2)


def test_element_mover_worked_out_by_hand() -> None:
    pytest.importorskip("scipy", reason="needs the extra sklearn")
    # Half the atoms go from H to Cl and half from O to Na, the root of 2 each; straight across would be 2.
    assert composition_distance("HO", "NaCl", TOY, metric="element-mover") == pytest.approx(math.sqrt(2))
    # H and Na have the mean (0, 0), and so have O and Cl: only the element mover tells them apart.
    assert composition_distance("HNa", "OCl", TOY) == pytest.approx(0)
    assert composition_distance("HNa", "OCl", TOY, metric="element-mover") == pytest.approx(math.sqrt(2))
    assert composition_distance("H", "OCl", TOY, metric="element-mover", ground="cosine") == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(FORMULAS, FORMULAS, FORMULAS)
def test_element_mover_is_a_metric_above_the_distance_of_the_means(a: dict, b: dict, c: dict) -> None:
    pytest.importorskip("scipy", reason="needs the extra sklearn")
    ab, bc, ac = (composition_distance(*pair, WIDE, metric="element-mover") for pair in ((a, b), (b, c), (a, c)))
    assert ab == pytest.approx(composition_distance(b, a, WIDE, metric="element-mover"), abs=1e-6)
    assert composition_distance(a, {symbol: 3 * n for symbol, n in a.items()}, WIDE, metric="element-mover") < 1e-6
    assert ac <= ab + bc + 1e-6
    assert ab >= composition_distance(a, b, WIDE) - 1e-6


@settings(max_examples=25, deadline=None)
@given(FORMULAS, FORMULAS)
def test_element_mover_agrees_with_scipy_on_a_line(a: dict, b: dict) -> None:
    reference = pytest.importorskip("scipy.stats", reason="needs the extra sklearn").wasserstein_distance
    places = [[float(LINE[symbol][0]) for symbol in formula] for formula in (a, b)]
    expected = reference(*places, list(a.values()), list(b.values()))
    assert composition_distance(a, b, LINE, metric="element-mover") == pytest.approx(expected, abs=1e-6)
