"""Neighbors of every row: the same as by brute force, whatever the rows are."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.errors import InputInvalid
from embeddings.explorer.atlas import nearest
from embeddings.explorer.atlas.nearest import nearest_rows
from embeddings.search.neighbors import cosine_similarity


def brute(vectors: np.ndarray) -> np.ndarray:
    """Return the cosines of every row with all others, the largest first."""
    cosines = cosine_similarity(vectors)
    np.fill_diagonal(cosines, -2)
    return -np.sort(-cosines, axis=1)[:, :-1]


def blobs(n: int, dim: int, n_blobs: int = 7, *, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = random.normal(size=(n_blobs, dim)) * np.linspace(3, 0.1, dim)
    return (middles[random.integers(n_blobs, size=n)] + 0.2 * random.normal(size=(n, dim))).astype(np.float32)


@pytest.mark.parametrize(
    "vectors",
    [
        blobs(900, 12),
        blobs(900, 12) * np.float32(1e18),
        np.random.default_rng(0).normal(size=(700, 5)).astype(np.float32),
        np.repeat(blobs(40, 6), 20, axis=0),
        np.vstack([blobs(300, 4), np.zeros((3, 4), np.float32)]),
        np.random.default_rng(0).normal(size=(400, 1)).astype(np.float32),
    ],
    ids=["blobs", "long", "everywhere", "repeated", "zeros", "one-number"],
)
def test_they_are_those_of_brute_force(vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "LEAF", 50)
    monkeypatch.setattr(nearest, "_ACROSS", 200)
    found = nearest_rows(vectors, 8)
    np.testing.assert_allclose(found.cosines, brute(vectors)[:, :8], atol=2e-6)
    told = np.take_along_axis(cosine_similarity(vectors), found.rows.astype(np.int64), axis=1)
    np.testing.assert_allclose(found.cosines, told, atol=1e-6)
    assert (np.sort(found.rows, axis=1)[:, 1:] != np.sort(found.rows, axis=1)[:, :-1]).all()
    assert (found.rows != np.arange(len(vectors))[:, None]).all()
    assert (np.diff(found.cosines, axis=1) <= 0).all()


@pytest.mark.parametrize(("n", "k", "there"), [(1, 5, 0), (2, 5, 1), (6, 5, 5), (6, 50, 5), (6, 1, 1)])
def test_all_others_where_there_are_fewer(n: int, k: int, there: int) -> None:
    found = nearest_rows(blobs(n, 3), k)
    assert found.rows.shape == found.cosines.shape == (n, there)


def test_equal_ones_keep_the_order_of_the_rows() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 1], [-1, 1], [2, 2], [0, 3]], np.float32)
    assert nearest_rows(vectors, 5).rows[0].tolist() == [2, 4, 1, 5, 3]


def test_it_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "LEAF", 50)
    told: list[int] = []
    nearest_rows(blobs(333, 3), 2, advance=told.append)
    assert sum(told) == 333
    assert len(told) > 5


def test_none_is_refused() -> None:
    with pytest.raises(InputInvalid, match="at least 1"):
        nearest_rows(blobs(5, 3), 0)
