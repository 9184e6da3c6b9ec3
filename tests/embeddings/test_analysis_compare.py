"""How alike two catalogs are: invariance, agreement with references, and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import ortho_group

from embeddings.analysis import compare
from embeddings.analysis.comparison import linear_cka, procrustes_distance
from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from testing.toys import toy_catalog

SEEDS = st.integers(0, 10_000)


def catalog_of(vectors: np.ndarray, *, first: int = 0, name: str = "toy") -> ElementCatalog:
    return toy_catalog(dict(zip(SYMBOLS[first:], vectors, strict=False)), name=name)


def drawn(seed: int, n: int = 12, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


@given(SEEDS)
def test_a_rotated_copy_is_the_same(seed: int) -> None:
    vectors = drawn(seed)
    copy = 3 * vectors @ ortho_group.rvs(4, random_state=seed)
    comparison = compare(catalog_of(vectors), catalog_of(copy))
    assert comparison.n_shared == 12
    assert comparison.procrustes == pytest.approx(0, abs=1e-6)
    assert comparison.overlap == 1
    assert comparison.cka == pytest.approx(1, abs=1e-6)
    assert max(comparison.moved.values()) < 1e-5


@given(SEEDS)
def test_distance_is_that_of_scipy_and_symmetric(seed: int) -> None:
    a, b = drawn(seed), drawn(seed + 1)
    assert procrustes_distance(a, b) == pytest.approx(procrustes(a, b)[2], abs=1e-12)
    assert procrustes_distance(b, a) == pytest.approx(procrustes_distance(a, b), abs=1e-12)


@given(SEEDS)
def test_cka_is_the_alignment_of_the_two_gram_matrices(seed: int) -> None:
    a, b = drawn(seed, dim=3), drawn(seed + 1, dim=5)
    center = np.eye(12) - 1 / 12
    gram_a, gram_b = (center @ x @ x.T @ center for x in (a, b))
    expected = (gram_a * gram_b).sum() / np.sqrt((gram_a**2).sum() * (gram_b**2).sum())
    assert linear_cka(a, b) == pytest.approx(expected, abs=1e-12)


def test_widths_may_differ() -> None:
    narrow = drawn(0, dim=3)
    wide = np.hstack([np.zeros((12, 2)), narrow])
    comparison = compare(catalog_of(narrow), catalog_of(wide))
    assert comparison.procrustes == pytest.approx(0, abs=1e-6)
    assert max(comparison.moved.values()) < 1e-5
    assert compare(catalog_of(wide), catalog_of(narrow)).cka == pytest.approx(1, abs=1e-6)


def test_the_element_that_moved_comes_first() -> None:
    vectors = drawn(1, n=60)
    other = vectors.copy()
    other[7] = -other[7]
    there, back = (compare(catalog_of(a), catalog_of(b)).moved for a, b in ((vectors, other), (other, vectors)))
    assert next(iter(there)) == SYMBOLS[7]
    assert list(there.values()) == sorted(there.values(), reverse=True)
    assert there == pytest.approx(back, abs=1e-6)


def test_only_shared_elements_count() -> None:
    vectors = drawn(2)
    comparison = compare(catalog_of(vectors), catalog_of(vectors[4:], first=4))
    assert comparison.n_shared == 8
    assert comparison.procrustes == pytest.approx(0, abs=1e-6)
    assert set(comparison.moved) == set(SYMBOLS[4:12])


def test_strangers_are_far_apart() -> None:
    comparison = compare(catalog_of(drawn(3, n=80)), catalog_of(drawn(4, n=80)))
    assert comparison.procrustes > 0.8
    assert comparison.cka < 0.2
    assert comparison.overlap < 0.3


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputInvalid, match="share 0 elements"):
        compare(catalog_of(drawn(0, n=3)), catalog_of(drawn(0, n=3), first=5))
    with pytest.raises(InputInvalid, match='"flat" are the same vector'):
        compare(catalog_of(drawn(0)), catalog_of(np.ones((12, 4)), name="flat"))
