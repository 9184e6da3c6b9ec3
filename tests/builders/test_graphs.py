"""Neighbours against pymatgen's, and memory layout."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from builders.graphs import neighbor_graphs, shortest_distances
from tests.crystals import cscl, random_crystal, rocksalt, structure_table


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_agree_with_pymatgen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystals = [random_crystal(rng, 4), rocksalt(12, 8, 4.2), cscl(29, 30, 2.9)]
    graphs = neighbor_graphs(structure_table(crystals), 5.0)
    for row, (lattice, numbers, coords) in enumerate(crystals):
        structure = Structure(Lattice(lattice), numbers, coords)
        centers, neighbors, _, distances = structure.get_neighbor_list(5.0)
        edges = graphs.edges_of(np.array([row]))
        ours = np.column_stack([graphs.centers[edges], graphs.neighbors[edges], graphs.distances[edges].round(3)])
        theirs = np.column_stack([centers, neighbors, distances.round(3)])
        np.testing.assert_allclose(ours[np.lexsort(ours.T[::-1])], theirs[np.lexsort(theirs.T[::-1])], atol=2e-3)


def test_edges_of_picks_crystals_in_the_order_asked() -> None:
    table = structure_table([cscl(3, 9, 2.6), cscl(11, 17, 3.6)])
    graphs = neighbor_graphs(table, 4.0)
    second_first = graphs.distances[graphs.edges_of(np.array([1, 0]))]
    expected = np.concatenate([graphs.distances[graphs.offsets[1] :], graphs.distances[: graphs.offsets[1]]])
    np.testing.assert_array_equal(second_first, expected)


def test_shortest_distance_sees_images_and_is_infinite_beyond_the_cutoff() -> None:
    table = structure_table([cscl(55, 17, 4.0), (2.5 * np.eye(3), np.array([29]), np.zeros((1, 3)))])
    np.testing.assert_allclose(shortest_distances(table, cutoff=3.0), [np.inf, 2.5])
