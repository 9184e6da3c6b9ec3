"""Neighbours and the agreement of catalogs on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embeddings.errors import InputInvalid
from embeddings.search.agreement import neighbor_overlap
from embeddings.search.neighbors import cosine_similarity, euclidean_distance, nearest
from testing.toys import TOY_VECTORS, toy_catalog

MATRICES = arrays(np.float32, (7, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32))


@given(MATRICES)
def test_cosine_is_the_textbook_formula(vectors: np.ndarray) -> None:
    rows = vectors.astype(np.longdouble)
    norms = np.sqrt((rows**2).sum(axis=1))
    products = np.outer(norms, norms)
    expected = np.divide(rows @ rows.T, products, out=np.zeros((7, 7), np.longdouble), where=products > 0)
    np.testing.assert_allclose(cosine_similarity(vectors), expected.astype(float), atol=1e-12)


@given(MATRICES)
def test_euclidean_is_a_metric_on_the_rows(vectors: np.ndarray) -> None:
    distances = euclidean_distance(vectors)
    assert np.array_equal(distances, distances.T)
    assert not np.any(np.diag(distances))
    for i, row in enumerate(vectors.astype(float)):
        expected = [np.sqrt(((row - other) ** 2).sum()) for other in vectors.astype(float)]
        np.testing.assert_allclose(distances[i], expected, rtol=1e-12)


@given(MATRICES, st.integers(0, 6), st.integers(1, 9), st.sampled_from(["cosine", "euclidean"]))
def test_nearest_are_the_best_of_the_others(vectors: np.ndarray, row: int, k: int, metric: str) -> None:
    rows, values = nearest(vectors, row, k, metric=metric)  # type: ignore[arg-type]
    assert len(rows) == min(k, 6)
    assert row not in rows
    table = cosine_similarity(vectors) if metric == "cosine" else -euclidean_distance(vectors)
    best = np.sort(np.delete(table[row], row))[::-1][:k]
    np.testing.assert_allclose(table[row, rows], best, rtol=1e-12, atol=1e-12 if metric == "cosine" else 0)
    np.testing.assert_array_equal(values, table[row, rows] if metric == "cosine" else -table[row, rows])


def test_ties_keep_the_order_of_the_rows() -> None:
    assert nearest(np.ones((4, 2)), 1, 3)[0].tolist() == [0, 2, 3]


def test_zero_vector_is_near_to_nothing() -> None:
    assert cosine_similarity(np.array([[0.0, 0.0], [1.0, 0.0]])).tolist() == [[0, 0], [0, 1]]


def test_bad_requests() -> None:
    with pytest.raises(InputInvalid, match="at least 1"):
        nearest(np.eye(3), 0, 0)
    with pytest.raises(InputInvalid, match="manhattan"):
        nearest(np.eye(3), 0, metric="manhattan")  # type: ignore[arg-type]


def test_overlap_of_catalogs() -> None:
    toy = toy_catalog()
    turned = toy_catalog({symbol: (-y, x) for symbol, (x, y) in TOY_VECTORS.items()})
    assert neighbor_overlap(toy, toy, k=2) == 1.0
    assert neighbor_overlap(toy, turned, k=2) == 1.0
    # Only H, O, Fe are shared. By hand, the nearest in the toy: H-Fe, O-Fe, Fe-O; here: H-O, O-H, Fe-O.
    other = toy_catalog({"H": (1, 0), "O": (1, 0.1), "Fe": (0, 1), "Xe": (5, 5)})
    assert neighbor_overlap(toy, other, k=1) == pytest.approx(1 / 3)
    assert neighbor_overlap(toy, other, k=5) == 1.0


def test_overlap_needs_shared_elements() -> None:
    with pytest.raises(InputInvalid, match="share 1 element;"):
        neighbor_overlap(toy_catalog(), toy_catalog({"H": (1, 0), "Xe": (0, 1)}))
