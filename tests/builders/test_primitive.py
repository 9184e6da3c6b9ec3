"""What a cell says: it does not depend on how the crystal is written, and agrees with spglib."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.structures.primitive import TYPICAL, cell_columns, translations
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

SEEDS = st.integers(0, 2**32 - 1)


def held(*crystals: Crystal) -> list[int]:
    return translations(structure_table(list(crystals))).tolist()


def test_a_cell_says_how_many_atoms_repeat_how_dense_and_how_heavy_they_are() -> None:
    (found,) = cell_columns(structure_table([rocksalt(11, 17, 5.6)]))
    atoms, volume, mass = TYPICAL * np.exp(found)
    assert atoms == pytest.approx(2)
    assert volume == pytest.approx(5.6**3 / 8)
    assert mass == pytest.approx((22.99 + 35.45) / 2, rel=1e-3)
    assert found.dtype == np.float32
    assert cell_columns(structure_table([rocksalt(11, 17, 5.6)]).take(np.arange(0))).shape == (0, 3)


def test_a_conventional_cell_holds_several_primitive_ones() -> None:
    body_centered = (3.0 * np.eye(3), np.array([26, 26]), np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]))
    diamond = rocksalt(14, 14, 5.4)
    diamond[2][4:] = (diamond[2][:4] + 0.25) % 1
    assert held(rocksalt(11, 17, 5.6), cscl(55, 17, 4.1), body_centered, diamond) == [4, 1, 2, 4]


def test_atoms_that_are_only_nearly_repeated_make_no_smaller_cell() -> None:
    lattice, numbers, coords = supercell(cscl(55, 17, 4.1), (2, 1, 1))
    for shift, expected in ((0.01, 2), (0.2, 1)):
        moved = coords.copy()
        moved[0, 0] += shift / 8.2
        assert held((lattice, numbers, moved)) == [expected]


def test_a_large_supercell_takes_no_minutes() -> None:
    """Each of its 1,000 shifts asks a tree, and not every pair of its 2,000 atoms."""
    assert held(supercell(cscl(55, 17, 4.1), (10, 10, 10))) == [1000]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6), st.tuples(*[st.integers(1, 3)] * 3))
def test_it_is_the_same_however_a_crystal_is_written(seed: int, n_atoms: int, repeats: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng, n_atoms)
    whole = supercell(crystal, repeats)
    for move in (rotated, translated, recelled, shuffled):
        whole = move(whole, rng)
    small, large = cell_columns(structure_table([crystal, whole]))
    np.testing.assert_allclose(large, small, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4), st.tuples(*[st.integers(1, 3)] * 3))
def test_it_agrees_with_spglib(seed: int, n_atoms: int, repeats: tuple[int, int, int]) -> None:
    lattice, numbers, coords = supercell(random_crystal(np.random.default_rng(seed), n_atoms), repeats)
    primitive = spglib.find_primitive((lattice, coords, numbers), symprec=1e-3)
    assert primitive is not None
    assert held((lattice, numbers, coords)) == [len(numbers) // len(primitive[2])]
