"""Frames: rotations found, means over runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from embeddings.analysis import align
from embeddings.analysis.alignment import rotated_onto
from embeddings.errors import InputInvalid

SEEDS = st.integers(0, 10_000)


def turned(vectors: np.ndarray, seed: int) -> np.ndarray:
    return vectors @ ortho_group.rvs(vectors.shape[1], random_state=seed)


@given(SEEDS)
def test_rotation_is_that_of_scipy(seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 12, 4))
    np.testing.assert_allclose(rotated_onto(a, b), a @ orthogonal_procrustes(a, b)[0], atol=1e-9)


@given(SEEDS, st.integers(1, 4))
def test_rotated_copies_coincide_with_the_first(seed: int, n_copies: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(10, 3)).astype(np.float32)
    aligned = align([vectors, *(turned(vectors, seed + i) for i in range(n_copies))])
    np.testing.assert_allclose(aligned, np.broadcast_to(vectors, aligned.shape), atol=1e-5)


@given(SEEDS)
def test_alignment_keeps_what_is_inside_each_table_and_brings_them_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(10, 3))
    tables = [turned(common + 0.1 * rng.normal(size=common.shape), seed + i) for i in range(4)]
    aligned = align(tables)
    for before, after in zip(tables, aligned, strict=True):
        np.testing.assert_allclose(after @ after.T, before @ before.T, atol=1e-9)
    mean = aligned.mean(axis=0)
    to_first = np.stack([rotated_onto(table, tables[0]) for table in tables])
    assert np.square(aligned - mean).sum() <= np.square(to_first - to_first.mean(axis=0)).sum() + 1e-9
    # The noise of four runs is halved by their mean.
    assert np.linalg.norm(mean - rotated_onto(common, mean)) < 0.1 * np.sqrt(common.size) * 0.9


def test_a_narrower_table_is_filled_up() -> None:
    wide = np.random.default_rng(0).normal(size=(6, 3))
    aligned = align([wide[:, :2], np.hstack([wide[:, :2], np.zeros((6, 1))])])
    assert aligned.shape == (2, 6, 3)
    np.testing.assert_allclose(aligned[0], aligned[1], atol=1e-12)


@pytest.mark.parametrize("tables", [[], [np.ones((3, 2)), np.ones((4, 2))], [np.ones(3)]])
def test_tables_that_cannot_be_aligned(tables: list[np.ndarray]) -> None:
    with pytest.raises(InputInvalid, match="same n rows"):
        align(tables)
