"""Neighbours against pymatgen's, and memory layout."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from builders.structures.graphs import neighbor_graphs, neighbor_lists, shortest_distances
from embeddings.errors import InputInvalid
from testing.crystals import cscl, random_crystal, rocksalt, structure_table


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


@pytest.mark.parametrize("seed", range(3))
def test_atoms_that_nearly_touch_are_found_as_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystals = [random_crystal(rng, n) for n in (1, 2, 4, 9)]
    for lattice, _, coords in crystals[1:]:
        coords[1] = coords[0] + rng.normal(0, 0.1, 3) @ np.linalg.inv(lattice)
    found = shortest_distances(structure_table(crystals), cutoff=0.4)
    expected = []
    for lattice, numbers, coords in crystals:
        *_, distances = Structure(Lattice(lattice), numbers, coords).get_neighbor_list(0.4)
        expected.append(min(distances, default=np.inf))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.isfinite(found).any()


def shears(rng: np.random.Generator, n: int) -> np.ndarray:
    """A matrix of whole numbers and determinant 1: another basis of the same lattice."""
    basis = np.eye(3)
    for _ in range(n):
        one, other = rng.choice(3, 2, replace=False)
        basis[one] += rng.choice([-1, 1]) * basis[other]
    return basis


@pytest.mark.parametrize("seed", range(8))
def test_however_obliquely_a_lattice_is_written_the_neighbours_are_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice, numbers, coords = random_crystal(rng, 5)
    basis = shears(rng, 10)
    oblique = (basis @ lattice, numbers, coords @ np.linalg.inv(basis))
    graphs = neighbor_graphs(structure_table([(lattice, numbers, coords), oblique]), 5.0)
    plain, other = (graphs.edges_of(np.array([row])) for row in (0, 1))
    found = [
        np.column_stack([graphs.centers[e], graphs.neighbors[e], graphs.distances[e].round(3)]) for e in (plain, other)
    ]
    first, second = (rows[np.lexsort(rows.T[::-1])] for rows in found)
    np.testing.assert_allclose(first, second, atol=2e-3)


@pytest.mark.parametrize("height", [0.4, 0.5, 0.8, 1.7])
def test_a_thin_wide_cell_is_searched_as_a_small_one_is(height: float) -> None:
    """The bins of such a cell are what the search divides by zero over."""
    wide = structure_table([(np.diag([900, 900, height]), np.array([29]), np.zeros((1, 3)))])
    np.testing.assert_allclose(shortest_distances(wide, cutoff=0.45), [height if height < 0.45 else np.inf])
    distances = neighbor_graphs(wide, 5.0).distances
    np.testing.assert_allclose(np.unique(distances.round(3)), np.arange(height, 5 - 1e-9, height), atol=1e-3)


@pytest.mark.parametrize(
    ("lattice", "coordinate", "message"),
    [
        (np.diag([1000, 1000, 0.01]), 0.0, "test-1 has a cell in which no neighbors"),
        (np.diag([5, 5, 1e8]), 0.0, "an edge is longer than 1,000 angstrom"),
        (np.full((3, 3), np.nan), 0.0, "test-1 has a cell"),
        (np.zeros((3, 3)), 0.0, "it is flat"),
        (4 * np.eye(3), 1e300, "test-1 has atoms more than 1,000 cells away"),
        (4 * np.eye(3), np.nan, "test-1 has atoms"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(lattice: np.ndarray, coordinate: float, message: str) -> None:
    table = structure_table([cscl(3, 9, 2.6), (lattice, np.array([29]), np.full((1, 3), coordinate))])
    for search in (lambda: neighbor_graphs(table, 5.0), lambda: list(neighbor_lists(table, 5.0))):
        with pytest.raises(InputInvalid, match=message):
            search()


def test_indices_of_atoms_never_wrap() -> None:
    n = 65_536
    table = structure_table([(100 * np.eye(3), np.full(n, 29), np.zeros((n, 3)))])
    with pytest.raises(InputInvalid, match="test-0 has 65,536 atoms; at most 65,535 are allowed"):
        neighbor_graphs(table, 5.0)


RANDOM_CELLS = """
import sys, numpy as np
from builders.structures.cleaning import clean
from builders.structures.graphs import neighbor_graphs
from testing.crystals import structure_table

rng, n_kept = np.random.default_rng(int(sys.argv[1])), 0
for _ in range(300):
    lattice = rng.normal(size=(3, 3)) * 10.0 ** rng.uniform(-2, 6, size=(3, 1 if rng.random() < 0.5 else 3))
    if rng.random() < 0.3:
        lattice[rng.integers(3), rng.integers(3)] = rng.choice([0, np.nan, np.inf, 1e300, -1e8, 5e-324, 1000])
    coords = rng.uniform(size=(3, 3)) * 10.0 ** rng.choice([0, 0, 0, 3, 12, 300])
    kept, _ = clean(structure_table([(lattice, np.array([3, 9, 11]), coords)]))
    n_kept += len(kept)
    neighbor_graphs(kept, 5.0)
print(n_kept)
"""


def test_no_cell_ends_the_interpreter() -> None:
    run = subprocess.run([sys.executable, "-c", RANDOM_CELLS, "0"], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert int(run.stdout) > 5
