"""Clusters: known answers, scikit-learn's answers, how many there are, and input that cannot be clustered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from embeddings.analysis.clusters import Scores, cluster
from embeddings.errors import ElementUnknown, InputInvalid
from testing.toys import TOY_VECTORS, toy_catalog

KNOWN = np.repeat([0, 1, 2], 12)


@pytest.fixture(scope="module")
def blobs() -> np.ndarray:
    """Three heaps of twelve points, far apart."""
    centers = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    return centers[KNOWN] + np.random.default_rng(0).normal(0.0, 0.5, (36, 2))


@pytest.mark.parametrize("method", ["kmeans", "hierarchical", "hdbscan"])
def test_three_heaps_are_found_without_being_told(blobs: np.ndarray, method: Any) -> None:
    found = cluster(blobs, method)
    assert found.k == 3
    assert found.labels.tolist() == KNOWN.tolist()


@pytest.mark.parametrize("k", [2, 3, 5])
def test_kmeans_agrees_with_scikit_learn(blobs: np.ndarray, k: int) -> None:
    found = cluster(blobs, "kmeans", k, seed=4, n_seeds=2)
    reference = KMeans(k, n_init=10, random_state=4).fit(blobs)
    assert adjusted_rand_score(reference.labels_, found.labels) == 1.0
    assert found.scores.inertia[0, 0] == pytest.approx(reference.inertia_)
    assert found.scores.silhouette[0, 0] == pytest.approx(silhouette_score(blobs, reference.labels_))


@pytest.mark.parametrize("k", [2, 3, 7])
def test_hierarchical_agrees_with_scikit_learn(k: int) -> None:
    rows = np.random.default_rng(1).normal(size=(40, 6))
    reference = AgglomerativeClustering(k, linkage="ward").fit_predict(rows)
    assert adjusted_rand_score(reference, cluster(rows, "hierarchical", k).labels) == 1.0


def test_hdbscan_agrees_with_scikit_learn_and_keeps_noise_apart(blobs: np.ndarray) -> None:
    rows = np.vstack([blobs, [[40.0, 40.0]]])
    found = cluster(rows, "hdbscan")
    assert found.labels[-1] == -1
    assert found.k == 3
    assert adjusted_rand_score(HDBSCAN(min_cluster_size=5, copy=True).fit_predict(rows), found.labels) == 1.0


def test_hdbscan_may_find_nothing() -> None:
    found = cluster(np.eye(6), "hdbscan")
    assert found.k == 0
    assert set(found.labels) == {-1}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_labels_count_up_in_order_of_appearance(seed: int, k: int) -> None:
    labels = cluster(np.random.default_rng(seed).normal(size=(12, 3)), "hierarchical", k).labels
    assert [int(label) for label in dict.fromkeys(labels)] == list(range(k))


def test_the_same_seed_gives_the_same_clusters() -> None:
    rows = np.random.default_rng(2).normal(size=(30, 4))
    first, second = cluster(rows, seed=3), cluster(rows, seed=3)
    assert first.labels.tolist() == second.labels.tolist()
    assert np.array_equal(first.scores.inertia, second.scores.inertia)


def test_lengths_of_a_catalogs_vectors_do_not_matter() -> None:
    long = {symbol: np.multiply(vector, 1.0 + 9.0 * i) for i, (symbol, vector) in enumerate(TOY_VECTORS.items())}
    assert cluster(toy_catalog(long), k=3).to_dict() == cluster(toy_catalog(), k=3).to_dict()


def test_elements_of_one_direction_are_one_cluster() -> None:
    found = cluster(toy_catalog({"H": (1, 0), "He": (9, 0.1), "Li": (0, 2), "Be": (0.1, 3)}), k=2).to_dict()
    assert found == {"H": 0, "He": 0, "Li": 1, "Be": 1}


def test_rows_of_an_array_may_have_symbols(blobs: np.ndarray) -> None:
    found = cluster(blobs[10:14], "hierarchical", 2, symbols=["Fe", "Co", "Na", "K"])
    assert found.to_dict() == {"Fe": 0, "Co": 0, "Na": 1, "K": 1}


def scores(inertia: list[float], silhouette: list[list[float]]) -> Scores:
    k = np.arange(2, 2 + len(inertia))
    return Scores(k, np.array(inertia)[:, None], np.array(silhouette))


def test_the_elbow_is_where_the_inertia_bends() -> None:
    assert scores([100.0, 20.0, 10.0, 5.0], [[0.0]] * 4).elbow == 3
    assert scores([100.0, 90.0, 30.0, 25.0], [[0.0]] * 4).elbow == 4


def test_the_silhouette_decides() -> None:
    assert scores([100.0, 20.0, 10.0, 5.0], [[0.1, 0.1], [0.2, 0.2], [0.2, 0.2], [0.9, 0.9]]).best == 5


def test_the_elbow_decides_within_the_scatter_of_the_seeds() -> None:
    assert scores([100.0, 20.0, 10.0, 5.0], [[0.1, 0.1], [0.39, 0.39], [0.2, 0.2], [0.3, 0.5]]).best == 3


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (np.eye(4), {"method": "kmean"}, 'Did you mean "kmeans"'),
        (np.eye(4), {"k": 4}, "4 rows can form 2 to 3 clusters"),
        (np.eye(4), {"k": 1}, "k is 1"),
        (np.eye(4), {"k": True}, "k is True"),
        (np.eye(4), {"k": 2.5}, "k is 2.5"),
        (np.eye(4), {"k": "three"}, "k is 'three'"),
        (np.eye(4), {"n_seeds": 0}, "n_seeds is 0"),
        (np.repeat(np.eye(2), 4, axis=0), {"k": 3}, "2 to 2 clusters"),
        (np.ones((5, 2)), {}, "there are 5 and 1"),
        (np.ones((1, 2)), {}, "there are 1 and 1"),
        (np.eye(6), {"method": "hdbscan", "k": 3}, "finds the number of clusters itself"),
        (np.eye(4), {"method": "hdbscan"}, "needs at least 5 rows"),
        ([[1.0, 2.0], [np.nan, 1.0], [0.0, 0.0]], {}, "1 of 3 rows holds NaN or infinity, the first is row 1"),
        ([["a", "b"]], {}, "have to be numbers"),
        (np.zeros(3), {}, r"shape \(n, dim\)"),
        (np.eye(4), {"symbols": ["Fe"]}, "4 rows came with 1 symbol"),
    ],
)
def test_what_cannot_be_clustered_is_named(rows: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        cluster(rows, **options)


def test_a_catalog_with_one_row_cannot_be_clustered() -> None:
    with pytest.raises(InputInvalid, match="at least 3 rows"):
        cluster(toy_catalog({"Fe": (1.0, 0.0)}))


def test_symbols_have_to_be_elements() -> None:
    with pytest.raises(ElementUnknown):
        cluster(np.eye(3), k=2, symbols=["Fe", "Co", "Xx"])


def test_an_array_has_no_symbols_of_its_own() -> None:
    with pytest.raises(InputInvalid, match="no symbols"):
        cluster(np.eye(4), k=2).to_dict()


@pytest.mark.parametrize("method", ["kmeans", "hierarchical"])
@pytest.mark.parametrize("scale", [1e-16, 1e-200])
def test_rows_that_rounding_alone_tells_apart_are_one(method: Any, scale: float) -> None:
    rows = float(scale > 1e-100) + scale * np.random.default_rng(0).normal(size=(40, 6))
    with pytest.raises(InputInvalid, match="there are 40 and 1"):
        cluster(rows, method)


def test_clusters_are_renumbered_after_those_they_share_most_with() -> None:
    symbols = ["H", "He", "Li", "Be", "B", "C", "N", "O"]
    first = cluster(np.array([0, 0, 0, 9, 9, 9, 30, 30.0])[:, None], k=3, symbols=symbols)
    second = cluster(np.array([30, 30, 9, 9, 9, 0, 0, 0.0])[:, None], k=3, symbols=[*symbols[4:], *symbols[:4]])
    assert first.to_dict() == dict(zip(symbols, [0, 0, 0, 1, 1, 1, 2, 2], strict=True))
    assert second.to_dict() == {"B": 0, "C": 0, "N": 1, "O": 1, "H": 1, "He": 2, "Li": 2, "Be": 2}
    assert second.matched(first).to_dict() == {"B": 1, "C": 1, "N": 2, "O": 2, "H": 2, "He": 0, "Li": 0, "Be": 0}
    assert first.matched(first).to_dict() == first.to_dict()


def test_a_cluster_without_a_partner_gets_a_number_of_its_own() -> None:
    symbols = ["H", "He", "Li", "Be", "B", "C"]
    two = cluster(np.array([0, 0, 0, 9, 9, 9.0])[:, None], k=2, symbols=symbols)
    three = cluster(np.array([0, 0, 9, 9, 30, 30.0])[:, None], k=3, symbols=symbols[::-1])
    assert set(three.matched(two).labels.tolist()) == {0, 1, 2}
    other = cluster(np.array([0, 0, 9, 9.0])[:, None], k=2, symbols=["Fe", "Co", "Ni", "Cu"])
    assert other.matched(two).labels.tolist() == [2, 2, 3, 3]


def test_only_elements_can_be_matched() -> None:
    with pytest.raises(InputInvalid, match="no symbols"):
        cluster(np.eye(4), k=2).matched(cluster(toy_catalog(), k=2))
