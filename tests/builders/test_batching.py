"""Splits that leak nothing, and batches that lose nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from builders.methods.crystal_transformer.batches import PackedCrystals, batches_by_size
from builders.structures.graphs import neighbor_graphs
from builders.structures.table import spans
from testing.crystals import random_crystal, structure_table


@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.integers(1, 16), st.integers(1, 5000))
def test_every_row_is_in_one_batch_and_batches_keep_their_bounds(
    sizes: list[int], batch_size: int, max_pairs: int
) -> None:
    n_sites = np.array(sizes)
    rows = np.arange(len(sizes))
    batches = batches_by_size(n_sites, rows, batch_size=batch_size, max_pairs=max_pairs, rng=np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == rows.tolist()
    for batch in batches:
        assert len(batch) <= batch_size
        assert len(batch) == 1 or len(batch) * n_sites[batch].max() ** 2 <= max_pairs


@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.integers(0, 9))
def test_the_number_of_batches_is_the_same_in_every_epoch(sizes: list[int], epoch: int) -> None:
    """A resumed run finds its place by counting steps."""
    n_sites, rows = np.array(sizes), np.arange(len(sizes))
    counts = {
        len(batches_by_size(n_sites, rows, batch_size=7, max_pairs=900, rng=np.random.default_rng([0, k])))
        for k in (0, epoch)
    }
    assert len(counts) == 1


def test_a_batch_holds_the_crystals_it_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    crystals = [random_crystal(rng, n) for n in (2, 4, 3)]
    table = structure_table(crystals)
    graphs = neighbor_graphs(table, 4.0)
    batch = PackedCrystals(table, graphs, np.array([[0.0], [1.0], [2.0]])).batch(np.array([2, 0]))
    assert batch.atomic_numbers.tolist() == [crystals[2][1].tolist(), [*crystals[0][1].tolist(), 0]]
    assert batch.labels.tolist() == [[2.0], [0.0]]
    np.testing.assert_allclose(batch.coords[0], crystals[2][2] @ crystals[2][0], atol=1e-5)
    row, center, neighbor = np.unravel_index(batch.pairs.numpy(), (2, 3, 3))
    edges = graphs.edges_of(np.array([0]))
    np.testing.assert_array_equal(center[row == 1], graphs.centers[edges])
    np.testing.assert_array_equal(neighbor[row == 1], graphs.neighbors[edges])
    np.testing.assert_array_equal(batch.distances[row == 1], graphs.distances[edges])


@given(st.lists(st.integers(0, 40), max_size=80), st.integers(1, 16), st.integers(1, 200))
def test_spans_follow_each_other_and_keep_their_bounds(sizes: list[int], most: int, most_sites: int) -> None:
    cut = list(spans(np.array(sizes, dtype=np.int64), most=most, most_sites=most_sites))
    assert [row for start, stop in cut for row in range(start, stop)] == list(range(len(sizes)))
    for start, stop in cut:
        assert 1 <= stop - start <= most
        assert stop - start == 1 or sum(sizes[start:stop]) <= most_sites
