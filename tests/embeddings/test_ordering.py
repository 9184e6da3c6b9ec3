"""What is ranked does not hang on the last bits: equal numbers keep their order however they were added up."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.analysis.comparison import compare
from embeddings.elements import SYMBOLS
from embeddings.search.neighbors import nearest
from embeddings.search.ordering import ascending, descending, leveled
from testing.toys import toy_catalog


def shaken(values: np.ndarray, seed: int) -> np.ndarray:
    """The same numbers, as another processor might have added them up."""
    noise = np.random.default_rng(seed).integers(-3, 4, values.shape)
    return (values + noise * np.spacing(np.abs(values) + 1e-3)).astype(values.dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_equal_numbers_keep_their_order_whatever_their_last_bits(dtype: type, seed: int) -> None:
    values = np.array([0.3, 0.0, 0.7, 0.3, 0.0, 0.7, -0.2], dtype=dtype)
    assert descending(shaken(values, seed)).tolist() == [2, 5, 0, 3, 1, 4, 6]
    sizes = np.array([1.5 * 2.0**-60, 2.0**66, 0.75, 1.5 * 2.0**-60, 2.0**66, 0.75, 0.25], dtype=dtype)
    noise = 1 + np.random.default_rng(seed).integers(-3, 4, 7) * np.finfo(dtype).eps
    assert ascending((sizes * noise).astype(dtype)).tolist() == [0, 3, 6, 2, 5, 1, 4]


def test_numbers_that_differ_stay_apart() -> None:
    values = np.array([1.0, 1.0 + 1e-11, 1e-300, 1.1e-300, 0.0, np.inf])
    assert ascending(values).tolist() == [4, 2, 3, 0, 1, 5]
    np.testing.assert_allclose(leveled(np.array([0.5, 3.0, 1e300, -1e-300])), [0.5, 3.0, 1e300, -1e-300], rtol=1e-12)
    assert descending(np.array([1.0, 1 - 1e-12, np.nan])).tolist() == [0, 1, 2]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbors_that_are_equally_near_come_in_order_of_atomic_number(metric: str) -> None:
    """All corners of a hypercube are equally near to its center, in whatever order a processor adds up."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(24, 24)))[0]
    vectors = np.concatenate([directions.sum(axis=0, keepdims=True), directions])
    rows, _ = nearest(vectors, 0, 24, metric=metric)  # type: ignore[arg-type]
    assert rows.tolist() == list(range(1, 25))


@pytest.mark.parametrize("seed", range(3))
def test_elements_that_moved_equally_far_come_in_order_of_atomic_number(seed: int) -> None:
    """Half of the corners change places with their opposites: all of these move as far, and the rest stays."""
    order = np.random.default_rng(seed).permutation(8)
    corners = np.concatenate([np.eye(8), np.eye(8)]) * np.repeat([1.0, 2.0], 8)[:, None]
    swapped = corners.copy()
    swapped[[0, 3, 5]] *= -1
    one, other = (toy_catalog(dict(zip(SYMBOLS, rows[:, order], strict=False))) for rows in (corners, swapped))
    moved = compare(one, other).moved
    numbers = [SYMBOLS.index(symbol) for symbol in moved]
    distances = np.round(list(moved.values()), 9)
    assert np.lexsort((numbers, -distances)).tolist() == list(range(16))
