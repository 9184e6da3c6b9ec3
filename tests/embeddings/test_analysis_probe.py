"""What vectors know: properties as arrays, leave-one-out predictions, rankings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Element

from embeddings import load_uae
from embeddings.analysis import PROPERTIES, mean_r2, probe, property_values, rank
from embeddings.analysis.probes import ALPHAS, left_out_predictions
from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid, MissingExtra
from testing.toys import toy_catalog

FEW = ("electronegativity", "melting_point")


def catalog_of(vectors: np.ndarray, name: str = "toy") -> ElementCatalog:
    return toy_catalog(dict(zip(SYMBOLS, vectors, strict=False)), name=name)


def random_catalog(seed: int, n: int = 90, dim: int = 64) -> ElementCatalog:
    return catalog_of(np.random.default_rng(seed).normal(size=(n, dim)))


def knowing(name: str, *, noise: float = 0.01) -> ElementCatalog:
    """Vectors in which a property is written, in one direction among many."""
    rng = np.random.default_rng(0)
    values = np.nan_to_num(property_values(name)[:90])
    direction = rng.normal(size=16)
    return catalog_of(np.outer(values / values.std(), direction) + noise * rng.normal(size=(90, 16)), name="knowing")


def test_properties_are_those_of_pymatgen() -> None:
    assert property_values("electronegativity")[SYMBOLS.index("O")] == Element("O").X
    assert property_values("melting_point")[SYMBOLS.index("Fe")] == float(Element("Fe").melting_point)
    assert property_values("ionization_energy")[0] == pytest.approx(13.598, abs=1e-3)
    assert property_values("period")[SYMBOLS.index("Fe")] == 4
    assert property_values("group")[SYMBOLS.index("Fe")] == 8


def test_what_nobody_tabulated_is_not_a_number() -> None:
    for name, symbol in (("electronegativity", "He"), ("group", "Ce"), ("density", "Og"), ("electron_affinity", "Db")):
        assert np.isnan(property_values(name)[SYMBOLS.index(symbol)])


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties_are_arrays_over_all_elements(name: str) -> None:
    values = property_values(name)
    assert values.shape == (118,)
    assert not values.flags.writeable
    assert np.isfinite(values).sum() > 60
    assert PROPERTIES[name].label


def test_unknown_property() -> None:
    with pytest.raises(InputInvalid, match='Did you mean "melting_point"'):
        property_values("melting_pt")


def test_predictions_come_from_the_other_elements_alone() -> None:
    """Each is that of a ridge regression written out in full, the penalty chosen by leaving out one more."""
    rng = np.random.default_rng(1)
    features, values = rng.normal(3, 2, size=(14, 5)), rng.normal(size=14)
    values += features[:, 0]
    expected = [_by_hand(np.delete(features, i, 0), np.delete(values, i), features[i]) for i in range(14)]
    np.testing.assert_allclose(left_out_predictions(features, values), expected, rtol=1e-6)


def _by_hand(features: np.ndarray, values: np.ndarray, asked: np.ndarray) -> float:
    mean, std = features.mean(axis=0), features.std(axis=0)
    rows = np.hstack([(features - mean) / std, np.ones((len(values), 1))])
    wanted = np.append((asked - mean) / std, 1)

    def weights(kept: np.ndarray, alpha: float) -> np.ndarray:
        penalty = alpha * np.diag([*np.ones(features.shape[1]), 0])
        return np.linalg.solve(rows[kept].T @ rows[kept] + penalty, rows[kept].T @ values[kept])

    everything = np.arange(len(values))
    errors = [sum((values[i] - rows[i] @ weights(everything != i, alpha)) ** 2 for i in everything) for alpha in ALPHAS]
    return float(wanted @ weights(everything >= 0, ALPHAS[int(np.argmin(errors))]))


@pytest.mark.parametrize("seed", range(3))
def test_random_vectors_know_nothing(seed: int) -> None:
    for score in probe(random_catalog(seed), properties=FEW).values():
        assert -0.3 < score.r2 < 0.15
        assert score.mae > 0.85 * score.baseline_mae


def test_what_is_written_in_the_vectors_is_found() -> None:
    scores = probe(knowing("melting_point"), properties=("melting_point", "electron_affinity"))
    assert scores["melting_point"].r2 > 0.99
    assert scores["melting_point"].mae < 0.1 * scores["melting_point"].baseline_mae
    assert scores["electron_affinity"].r2 < 0.5


def test_elements_without_a_value_are_left_out_of_that_property_alone() -> None:
    scores = probe(random_catalog(0), properties=("group", "period"))
    assert scores["group"].n == 90 - 14 - 2  # La to Yb, Ac and Th
    assert scores["period"].n == 90


def test_the_scale_of_a_column_does_not_matter() -> None:
    vectors = np.random.default_rng(2).normal(size=(60, 5))
    scaled = catalog_of(vectors * [1e-3, 1, 1e3, 1, 1] + [0, 5, 0, 0, 0])
    assert probe(scaled, properties=FEW)[FEW[0]].r2 == pytest.approx(
        probe(catalog_of(vectors), properties=FEW)[FEW[0]].r2, abs=1e-3
    )


def test_ranking_is_on_shared_elements_and_best_first() -> None:
    ranking = rank({"random": random_catalog(0, n=80), "knowing": knowing("melting_point")}, properties=FEW)
    assert list(ranking) == ["knowing", "random"]
    assert mean_r2(ranking["knowing"]) > mean_r2(ranking["random"])
    assert {score.n for scores in ranking.values() for score in [scores["melting_point"]]} == {80}


def test_our_catalog_knows_more_than_random_vectors() -> None:
    scores = probe(load_uae("ct-multi"), properties=("electronegativity", "atomic_radius"))
    assert mean_r2(scores) > 0.3


def test_what_cannot_be_probed() -> None:
    with pytest.raises(InputInvalid, match="No elemental property"):
        probe(random_catalog(0), properties=("color",))
    with pytest.raises(InputInvalid, match="needs 10 elements"):
        probe(random_catalog(0, n=6), properties=("period",))
    with pytest.raises(InputInvalid, match="1 of them different"):
        probe(random_catalog(0), properties=("period",), elements=range(19, 37))
    with pytest.raises(InputInvalid, match=r"no vectors for the atomic numbers \[118\]"):
        probe(random_catalog(0), elements=[1, 118])
    with pytest.raises(InputInvalid, match="no table"):
        rank({})


def test_vectors_that_are_not_finite() -> None:
    class Broken:
        atomic_numbers = np.arange(1, 21)
        vectors = np.full((20, 3), np.nan)

    with pytest.raises(InputInvalid, match="finite"):
        probe(Broken())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("sklearn", lambda: left_out_predictions(np.eye(12), np.arange(12.0))),
        ("pymatgen", lambda: property_values.__wrapped__("density")),
    ],
)
def test_missing_packages_are_named(package: str, call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match="pip install"):
        call()
