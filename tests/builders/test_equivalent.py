"""Atoms that see the same surroundings: which they are, and that a network needs to look at one of them alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.structures.equivalent import equivalent_atoms, reduced, reduced_neighbors
from builders.structures.graphs import neighbor_graphs
from builders.structures.primitive import cell_columns
from testing.crystals import (
    Crystal,
    cscl,
    random_crystal,
    recelled,
    rocksalt,
    rotated,
    shuffled,
    structure_table,
    supercell,
    translated,
)

CUTOFF, ROUNDS = 5.0, 3
SMALL = CrystalTransformerConfig(
    dim=16, width=32, n_heads=4, feed_forward=32, message_dim=4, readout="all layers and cell"
)


def counts_of(crystal: Crystal, rounds: int | None = ROUNDS) -> list[int]:
    """Return how many atoms each set has."""
    table = structure_table([crystal])
    return equivalent_atoms(table, neighbor_graphs(table, CUTOFF), rounds).counts.tolist()


def spinel() -> Crystal:
    """MgAl2O4 in its cubic cell of 56 atoms: one kind of Mg, one of Al, one of O."""
    structure = Structure.from_spacegroup(
        "Fd-3m",
        Lattice.cubic(8.083),
        ["Mg", "Al", "O"],
        [[0, 0, 0], [5 / 8, 5 / 8, 5 / 8], [0.3876, 0.3876, 0.3876]],
    )
    return structure.lattice.matrix, np.array(structure.atomic_numbers), structure.frac_coords


def test_conventional_cells_have_one_atom_of_each_kind() -> None:
    assert counts_of(rocksalt(11, 17, 5.6)) == [4, 4]
    assert counts_of(supercell(cscl(11, 17, 4.1), (2, 2, 2))) == [8, 8]
    assert counts_of(spinel()) == [32, 8, 16]
    assert counts_of(spinel(), rounds=None) == [1] * 56


def test_atoms_of_one_element_part_where_they_see_something_else() -> None:
    lattice, numbers, coords = supercell(cscl(11, 17, 4.1), (2, 2, 2))
    moved = coords.copy()
    moved[0] += 0.01 / 8.2  # one of sixteen atoms, by 0.01 angstrom along each axis
    assert len(counts_of((lattice, numbers, moved))) > 2
    assert counts_of((lattice, np.where(np.arange(16) == 0, 19, numbers), coords))[-1] == 1


def test_atoms_each_of_which_is_like_the_next_are_not_all_one() -> None:
    """A hundred pairs of atoms, far from each other, whose distance grows by 0.00003 angstrom from pair to pair."""
    distances = 1.9 + 3e-5 * np.arange(100)
    corners = 8.0 * np.stack(np.meshgrid(range(5), range(5), range(4), indexing="ij"), axis=-1).reshape(-1, 3)
    places = np.concatenate([corners, corners + distances[:, None] * [1, 0, 0]])
    table = structure_table([(np.diag([40.0, 40.0, 32.0]), np.full(200, 7), places / [40, 40, 32])])
    sets = equivalent_atoms(table, neighbor_graphs(table, CUTOFF), ROUNDS).set_of
    np.testing.assert_array_equal(sets[:100], sets[100:])
    assert max(np.ptp(distances[sets[:100] == one]) for one in set(sets)) < 2e-4
    assert len(set(sets)) < 50


def test_what_lies_farther_is_seen_after_more_rounds() -> None:
    chain = (np.diag([9.0, 9.0, 24.0]), np.array([3, 3, 3, 3, 9, 3]), np.c_[np.zeros((6, 2)), np.arange(6) / 6])
    n_sets = [len(counts_of(chain, rounds)) for rounds in (0, 1, 2, 3)]
    assert n_sets == [2, 3, 4, 4]


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 2, 2)]))
def test_sets_do_not_depend_on_the_cell_its_axes_or_the_order_of_atoms(
    seed: int, repeats: tuple[int, int, int]
) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng, 4)
    moved = shuffled(rotated(translated(recelled(supercell(crystal, repeats), rng), rng), rng), rng)
    assert counts_of(moved) == (np.array(counts_of(crystal)) * int(np.prod(repeats))).tolist()


@pytest.mark.parametrize("crystal", [spinel(), rocksalt(11, 17, 5.6), supercell(cscl(55, 17, 4.1), (3, 1, 1))])
def test_atoms_that_a_symmetry_maps_onto_each_other_are_equivalent(crystal: Crystal) -> None:
    lattice, numbers, coords = crystal
    orbits = SpacegroupAnalyzer(Structure(lattice, numbers, coords)).get_symmetry_dataset().equivalent_atoms
    table = structure_table([crystal])
    sets = equivalent_atoms(table, neighbor_graphs(table, CUTOFF), ROUNDS).set_of
    assert len({(orbit, number) for orbit, number in zip(orbits, sets, strict=True)}) == len(set(orbits))


def test_a_network_gives_the_same_from_one_atom_of_each_set() -> None:
    rng = np.random.default_rng(0)
    crystals = [spinel(), random_crystal(rng), supercell(random_crystal(rng, 3), (2, 2, 1)), rocksalt(11, 17, 5.6)]
    table = structure_table(crystals)
    rows = np.array([2, 0, 3, 1])
    torch.manual_seed(0)
    model = CrystalTransformer(SMALL, n_targets=2).eval()
    model.table.weight.data.mul_(20)
    found = []
    for graphs in (neighbor_graphs(table, CUTOFF), reduced_neighbors(table, CUTOFF, SMALL.depth)):
        packed = PackedCrystals(table, graphs, np.zeros((len(table), 0)), cell_columns(table))
        batch = packed.batch(rows)
        with torch.inference_mode():
            atoms = model.encode_atoms(batch)
            of_crystals = torch.cat([model(batch), model.encode(batch)], dim=1)
            found.append((packed.sizes, of_crystals, atoms.flatten(0, 1)[packed.places(rows)]))
    (n_sites, whole, sites), (sizes, few, expanded) = found
    assert n_sites.tolist() == [56, 5, 12, 8]
    assert sizes.tolist() == [3, 5, 3, 2]
    torch.testing.assert_close(few, whole, atol=1e-4, rtol=0)
    torch.testing.assert_close(expanded, sites, atol=1e-4, rtol=0)


def test_gradients_are_those_of_all_atoms() -> None:
    table = structure_table([supercell(spinel(), (1, 1, 1)), rocksalt(3, 9, 4.0)])
    gradients = []
    for rounds in (None, SMALL.depth):
        torch.manual_seed(0)
        model = CrystalTransformer(SMALL, n_targets=1)
        graphs = reduced_neighbors(table, CUTOFF, rounds)
        packed = PackedCrystals(table, graphs, np.zeros((2, 0)), cell_columns(table))
        model(packed.batch(np.arange(2))).square().sum().backward()
        gradients.append(torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None]))
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-5, rtol=1e-4)


def test_parts_are_joined_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    table = structure_table([supercell(random_crystal(rng, n), (2, 1, 1)) for n in (1, 4, 2, 5)])
    whole = reduced(table, neighbor_graphs(table, CUTOFF), ROUNDS)
    monkeypatch.setattr("builders.structures.equivalent.EDGES_FOR", 6)
    parts = reduced_neighbors(table, CUTOFF, ROUNDS)
    for field in dataclasses.fields(whole):
        np.testing.assert_array_equal(getattr(parts, field.name), getattr(whole, field.name), field.name)
