"""Every unusable crystal is dropped under its own reason, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from builders.structures.cleaning import USABLE, Selection, clean, drop_unlabelled, select, site_limit
from builders.structures.rejections import MENDS
from embeddings.errors import ElementUnknown
from testing.crystals import Crystal, cscl, rocksalt, structure_table

GOOD = cscl(11, 17, 3.6)


def with_coordinate(value: float) -> Crystal:
    lattice, numbers, coords = cscl(11, 17, 3.6)
    coords[1, 1] = value
    return lattice, numbers, coords


BAD = {
    "not_finite": [with_coordinate(np.nan), with_coordinate(np.inf), (np.full((3, 3), np.nan), GOOD[1], GOOD[2])],
    "no_volume": [(np.zeros((3, 3)), GOOD[1], GOOD[2]), (np.ones((3, 3)), GOOD[1], GOOD[2])],
    "atoms_overlap": [(GOOD[0], GOOD[1], np.array([[0, 0, 0.0], [0, 0, 0.01]])), (GOOD[0], GOOD[1], np.zeros((2, 3)))],
    "invalid_atomic_number": [(GOOD[0], np.array([0, 17]), GOOD[2]), (GOOD[0], np.array([11, 119]), GOOD[2])],
    "no_atoms": [(GOOD[0], np.zeros(0, dtype=int), np.zeros((0, 3)))],
}


@pytest.mark.parametrize("reason", BAD)
def test_each_fault_is_counted_under_its_reason(reason: str) -> None:
    crystals = [GOOD, *BAD[reason], rocksalt(12, 8, 4.2)]
    kept, dropped = clean(structure_table(crystals))
    assert dropped == {reason: len(BAD[reason])}
    assert kept.material_ids.tolist() == ["test-0", f"test-{len(crystals) - 1}"]


def test_all_faults_at_once() -> None:
    table = structure_table([GOOD, *(crystal for bad in BAD.values() for crystal in bad), GOOD])
    kept, dropped = clean(table)
    assert len(kept) == 2
    assert dropped == {reason: len(bad) for reason, bad in BAD.items()}


def test_partial_occupancy_and_repeated_ids_are_dropped() -> None:
    table = structure_table([GOOD, GOOD, GOOD])
    table = replace(table, occupancies=np.array([1, 1, 0.5, 1, 1, 1.0]))
    assert clean(table)[1] == {"partial_occupancy": 1}
    table = replace(table, occupancies=None, material_ids=np.array(["a", "b", "a"], dtype=object))
    assert clean(table)[1] == {"duplicate_id": 1}
    table = replace(table, material_ids=np.array(["a", "a\0", "a "], dtype=object))
    assert clean(table)[1] == {}


def test_a_usable_table_is_left_alone() -> None:
    table = structure_table([GOOD, rocksalt(12, 8, 4.2)])
    kept, dropped = clean(table)
    assert kept is table
    assert dropped == {}


def test_selection_counts_what_it_leaves_out() -> None:
    table = structure_table([GOOD, rocksalt(11, 17, 5.6), cscl(29, 30, 2.9)])
    rows, left_out = select(table, Selection(elements=("Na", "Cl"), max_sites=4))
    assert rows.tolist() == [0]
    assert left_out == {"other_elements": 1, "too_many_sites": 1}
    with pytest.raises(ElementUnknown, match="Nq"):
        select(table, Selection(elements=("Nq",)))


def test_crystals_without_any_label_are_dropped() -> None:
    table = structure_table([GOOD, GOOD, GOOD], energy=[1.0, np.nan, np.nan], gap=[np.nan, 2.0, np.nan])
    kept, dropped = drop_unlabelled(table, ["energy", "gap"])
    assert kept.material_ids.tolist() == ["test-0", "test-1"]
    assert dropped == {"no_target": 1}


def cell(*rows: list[float]) -> Crystal:
    """Rock salt's pair of atoms in another cell."""
    return np.array(rows, dtype=float), GOOD[1], GOOD[2]


def far(value: float) -> Crystal:
    lattice, numbers, coords = GOOD
    return lattice, numbers, coords + np.array([value, 0, 0])


IMPOSSIBLE = {
    "degenerate_cell": [
        cell([1000, 0, 0], [0, 1000, 0], [0, 0, 0.01]),
        cell([5, 0, 0], [0, 5, 0], [0, 0, 1e8]),
        cell([5, 0, 0], [1e8, 5, 0], [0, 0, 5]),
        cell([900, 0, 0], [0, 900, 0], [0, 0, 0.3]),
        cell([1e300, 0, 0], [0, 1e300, 0], [0, 0, 1e300]),
        cell([1e154, 0, 0], [0, 1e154, 0], [0, 0, 5]),
        cell([500, 0, 0], [500, 1e-3, 0], [0, 0, 1000]),
    ],
    "no_volume": [
        cell([5e-324, 0, 0], [0, 5, 0], [0, 0, 5]),
        cell([1e-300, 0, 0], [0, 1e-300, 0], [0, 0, 1e-300]),
        cell([1e300, 1e300, 0], [1e300, 1e300, 0], [0, 0, 1e300]),
    ],
    "far_outside_cell": [far(1e300), far(-1e19), far(2**31), far(1001)],
}


@pytest.mark.parametrize("reason", IMPOSSIBLE)
def test_impossible_geometry_is_counted_and_never_searched(reason: str) -> None:
    crystals = [GOOD, *IMPOSSIBLE[reason], rocksalt(12, 8, 4.2)]
    kept, dropped = clean(structure_table(crystals))
    assert dropped == {reason: len(IMPOSSIBLE[reason])}
    assert kept.material_ids.tolist() == ["test-0", f"test-{len(crystals) - 1}"]


POSSIBLE = {
    "slab": cell([3, 0, 0], [0, 3, 0], [0, 0, 60]),
    "needle": cell([2.5, 0, 0], [0, 2.5, 0], [0, 0, 200]),
    "left-handed": (-GOOD[0], GOOD[1], GOOD[2]),
    "a molecule in a large box": cell([900, 0, 0], [0, 900, 0], [0, 0, 900]),
    "a chain": cell([900, 0, 0], [0, 900, 0], [0, 0, 1.5]),
    "oblique": cell([5, 0, 0], [300, 5, 0], [0, 200, 5]),
    "two periods away": far(2.0),
}


@pytest.mark.parametrize("kind", POSSIBLE)
def test_geometry_that_is_only_odd_is_kept(kind: str) -> None:
    assert clean(structure_table([POSSIBLE[kind]]))[1] == {}


def test_cells_of_too_many_atoms_are_left_out_unless_asked_for() -> None:
    sites = np.stack(np.meshgrid(*[np.arange(13)] * 3), axis=-1).reshape(-1, 3)[:2001] / 13
    table = structure_table([GOOD, (40 * np.eye(3), np.full(2001, 29), sites)])
    assert clean(table)[1] == {"too_many_sites": 1}
    assert clean(table, max_sites=2001)[1] == {}
    assert [site_limit(query) for query in ({}, {"max_sites": 8000}, {"max_sites": 70_000})] == [2000, 8000, 65_535]


def test_every_reason_says_what_would_mend_it() -> None:
    assert set(USABLE) <= set(MENDS)
