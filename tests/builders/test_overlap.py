"""Structures of one set in another: planted copies are found, polymorphs are told apart, and nothing is invented."""

from __future__ import annotations

import numpy as np
import pytest

from builders.structures.digest import look_up, structure_digest
from builders.structures.fingerprints import fingerprints
from builders.structures.overlap import CLOSE, Pair, overlap
from embeddings.store.training_structures import ROW
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

FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def cubic(length: float, **sites: list[tuple[float, float, float]]) -> Crystal:
    """Symbols of elements, each with the places of its atoms in a cube."""
    numbers = {"Sr": 38, "Ti": 22, "O": 8, "Ba": 56, "Zr": 40, "Zn": 30, "S": 16, "C": 6, "Si": 14, "Ca": 20, "F": 9}
    places = [place for some in sites.values() for place in some]
    kinds = [numbers[name] for name, some in sites.items() for _ in some]
    return length * np.eye(3), np.array(kinds), np.array(places, dtype=float)


def perovskite(a: str, b: str, length: float) -> Crystal:
    return cubic(length, **{a: [(0, 0, 0)], b: [(0.5,) * 3], "O": [(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]})


def zincblende(a: str, b: str, length: float) -> Crystal:
    return cubic(length, **{a: FCC.tolist(), b: (FCC + 0.25).tolist()})


def wurtzite(a: int, b: int, length: float) -> Crystal:
    lattice = length * np.array([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 1.633]])
    coords = np.array([[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.375], [2 / 3, 1 / 3, 0.875]])
    return lattice, np.array([a, a, b, b]), coords


def fluorite(a: str, b: str, length: float) -> Crystal:
    return cubic(length, **{a: FCC.tolist(), b: [*(FCC + 0.25).tolist(), *((FCC + 0.75) % 1).tolist()]})


def graphite() -> Crystal:
    lattice = np.array([[2.46, 0, 0], [-1.23, 2.13, 0], [0, 0, 6.71]])
    return lattice, np.full(4, 6), np.array([[0, 0, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]])


def strained(crystal: Crystal, rng: np.random.Generator, most: float) -> Crystal:
    lattice, numbers, coords = crystal
    strain = rng.uniform(-most, most, (3, 3))
    return lattice @ (np.eye(3) + (strain + strain.T) / 2), numbers, coords


def rattled(crystal: Crystal, rng: np.random.Generator, far: float) -> Crystal:
    lattice, numbers, coords = crystal
    return lattice, numbers, coords + rng.normal(size=coords.shape) * far @ np.linalg.inv(lattice)


SET = [
    perovskite("Sr", "Ti", 3.9),
    zincblende("Zn", "S", 5.41),
    wurtzite(30, 16, 3.82),
    fluorite("Ca", "F", 5.46),
    rocksalt(11, 17, 5.64),
    cscl(55, 17, 4.12),
    cubic(3.57, C=[*FCC.tolist(), *(FCC + 0.25).tolist()]),
    graphite(),
    *(random_crystal(np.random.default_rng(seed)) for seed in range(4)),
]
"""Polymorphs among them: zinc blende and wurtzite, diamond and graphite."""


def found(mine: list[Crystal], theirs: list[Crystal], *, confirm: bool = True) -> dict[int, tuple[int, str]]:
    pairs = overlap(structure_table(mine), structure_table(theirs), confirm=confirm)
    return {pair.row: (pair.other, pair.relation) for pair in pairs}


@pytest.mark.parametrize("seed", range(3))
def test_every_planted_copy_is_found_and_is_the_one_that_it_was_made_of(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ways = {
        "cell": lambda one: recelled(rotated(translated(one, rng), rng), rng),
        "order": lambda one: shuffled(one, rng),
        "supercell": lambda one: shuffled(supercell(one, (2, 1, 1)), rng),
        "strain": lambda one: strained(one, rng, 0.04),
        "volume": lambda one: (one[0] * 1.06, *one[1:]),
        "all": lambda one: rattled(strained(supercell(one, (1, 2, 1)), rng, 0.03), rng, 0.02),
    }
    for way, made in ways.items():
        assert found([made(one) for one in SET], SET) == {row: (row, "structure") for row in range(len(SET))}, way


def test_the_fingerprint_is_that_of_the_structure_and_not_of_its_cell() -> None:
    rng = np.random.default_rng(0)
    own = fingerprints(structure_table(SET)).values
    other = fingerprints(structure_table([shuffled(recelled(supercell(one, (2, 1, 2)), rng), rng) for one in SET]))
    np.testing.assert_allclose(other.values, own, atol=1e-5)
    bent = fingerprints(structure_table([strained(one, rng, 0.05) for one in SET])).values
    assert np.abs(bent - own).max() < 0.06


def test_polymorphs_are_told_apart() -> None:
    assert found([zincblende("Zn", "S", 5.41)], [wurtzite(30, 16, 3.82)]) == {}
    assert found([graphite()], [SET[6]]) == {}
    assert found([rocksalt(55, 17, 6.9)], [cscl(55, 17, 4.12)]) == {}
    assert found([rocksalt(55, 17, 6.9)], SET) == {0: (4, "prototype")}


def test_a_prototype_is_found_under_other_elements_and_with_exchanged_ones() -> None:
    rng = np.random.default_rng(1)
    others = [perovskite("Ba", "Zr", 4.2), wurtzite(48, 34, 4.3), rocksalt(12, 8, 4.2), fluorite("Zr", "O", 5.1)]
    made = [shuffled(strained(supercell(one, (1, 1, 2)), rng, 0.02), rng) for one in others]
    assert found(made, SET) == {0: (0, "prototype"), 1: (2, "prototype"), 2: (4, "prototype"), 3: (3, "prototype")}
    assert found([perovskite("Ti", "Sr", 3.9)], SET) == {0: (0, "exchanged")}
    assert found([rocksalt(17, 11, 5.64)], SET) == {0: (4, "structure")}  # the two sites are the same


def test_nothing_is_invented() -> None:
    strangers = [random_crystal(np.random.default_rng(seed)) for seed in range(100, 130)]
    assert found(strangers, SET) == {}
    assert found(strangers, SET, confirm=False) == {}


def test_the_closest_is_named_and_fingerprints_alone_say_so() -> None:
    near, far = perovskite("Ba", "Zr", 4.2), strained(perovskite("Sr", "Ti", 3.9), np.random.default_rng(5), 0.03)
    assert found([perovskite("Sr", "Ti", 3.9)], [near, far]) == {0: (1, "structure")}
    (pair,) = overlap(structure_table([SET[0]]), structure_table([far]), confirm=False)
    assert pair == Pair(0, 0, "structure", pair.distance, confirmed=False)
    assert 0 < pair.distance <= CLOSE


def test_many_elements_of_one_amount_take_no_time() -> None:
    numbers = np.arange(21, 33)
    lattice, _, coords = random_crystal(np.random.default_rng(3), 12)
    made = (lattice, np.roll(numbers, 5), coords)
    assert found([made], [(lattice, numbers, coords)]) == {0: (0, "exchanged")}


def test_a_digest_knows_what_it_was_made_of() -> None:
    rng = np.random.default_rng(2)
    digest = structure_digest(structure_table(SET))
    assert digest.dtype == np.uint8
    assert digest.shape == (len(SET) - 1, ROW)  # zinc blende and wurtzite differ beyond the 16 nearest
    copies = [strained(supercell(one, (1, 2, 1)), rng, 0.03) for one in SET]
    assert [close and close[0] for close in look_up(structure_table(copies), digest)] == ["structure"] * len(SET)
    (prototype,) = look_up(structure_table([perovskite("Ba", "Zr", 4.2)]), digest)
    assert prototype is not None
    assert prototype[0] == "prototype"
    assert look_up(structure_table(SET), digest[:0]) == [None] * len(SET)
    unlike = [graphite(), rocksalt(55, 17, 6.9)]
    known = structure_digest(structure_table(SET), np.array([6, 5]))
    assert look_up(structure_table(unlike), known) == [None, None]
    twice = structure_digest(structure_table([SET[0], supercell(SET[0], (2, 1, 1))]))
    assert len(twice) == 1
