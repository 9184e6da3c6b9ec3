"""Shared and partly empty sites: what is taken, and what is another material."""

from __future__ import annotations

import numpy as np
import pytest

from builders.sources.disorder import (
    DEUTERIUM_AS_HYDROGEN,
    LEFT_EMPTY,
    MAJORITY_TAKEN,
    MAX_COMPOSITION_CHANGE,
    Site,
    composition,
)
from builders.sources.structures import StructureRecord, make_record
from builders.structures.rejections import MENDS, Unusable

FULL: list[Site] = [{"Cs": 1.0}, {"Cl": 1.0}]


def settled(sites: list[Site], disorder: str = "majority") -> StructureRecord:
    coords = np.arange(3 * len(sites)).reshape(-1, 3) / 100
    return make_record("a", np.eye(3) * 9, sites, coords, disorder=disorder)


TAKEN = {
    "a site that is mostly empty": ([*FULL, {"Li": 0.1}], [55, 17], (LEFT_EMPTY,)),
    "a vacancy by name": ([*FULL, {"Li": 0.1, "vacancy": 0.9}], [55, 17], (LEFT_EMPTY,)),
    "a site that is only vacant": ([*FULL, {"vacancy": 1.0}], [55, 17], (LEFT_EMPTY,)),
    "a site that is hardly occupied": ([*FULL, {"Li": 0.0}], [55, 17], (LEFT_EMPTY,)),
    "a site that is mostly full": ([*FULL, {"Li": 0.8}], [55, 17, 3], (MAJORITY_TAKEN,)),
    "hydrogen over a minority": ([{"Ce": 1.0}, {"H": 0.9, "O": 0.1}], [58, 1], (MAJORITY_TAKEN,)),
    "isotopes are one element": (
        [{"Ce": 1.0}, {"H": 0.45, "D": 0.45, "O": 0.1}],
        [58, 1],
        (DEUTERIUM_AS_HYDROGEN, MAJORITY_TAKEN),
    ),
    "isotopes alone are ordered": ([{"Ce": 1.0}, {"H": 0.5, "D": 0.3, "T": 0.2}], [58, 1], (DEUTERIUM_AS_HYDROGEN,)),
    "a share of zero is none": ([{"Cs": 1.0}, {"Cl": 1.0, "Br": 0.0}], [55, 17], ()),
    "an occupancy that is rounded": ([{"Cs": 0.9995}, {"Cl": 1.001}], [55, 17], ()),
}


@pytest.mark.parametrize("name", TAKEN)
def test_each_site_goes_to_its_largest_share(name: str) -> None:
    sites, numbers, notes = TAKEN[name]
    record = settled(sites)
    assert list(record.atomic_numbers) == numbers
    assert record.notes == notes
    assert len(record.frac_coords) == len(numbers)


def test_a_site_that_is_left_empty_takes_no_position_from_others() -> None:
    record = settled([{"Cs": 1.0}, {"Li": 0.1}, {"Cl": 1.0}])
    np.testing.assert_allclose(record.frac_coords, [[0, 0.01, 0.02], [0.06, 0.07, 0.08]])


REFUSED = {
    "another material": ([{"Fe": 0.6, "Ni": 0.4}], "composition_changed"),
    "just beyond the bound": ([{"Cs": 1.0}, {"Cl": 0.79, "Br": 0.21}], "composition_changed"),
    "half of the lithium": ([{"Co": 1.0}, {"O": 1.0}, {"Li": 0.4}, {"Li": 0.4}, {"Li": 0.4}], "composition_changed"),
    "equal shares": ([*FULL, {"Fe": 0.5, "Ni": 0.5}], "no_majority"),
    "half full": ([*FULL, {"Li": 0.5}], "no_majority"),
    "equal in sum with isotopes": ([*FULL, {"H": 0.25, "D": 0.25, "O": 0.5}], "no_majority"),
    "nothing is left": ([{"Li": 0.1}], "no_atoms"),
    "more than one": ([*FULL, {"Fe": 0.7, "Ni": 0.7}], "occupancy_out_of_range"),
    "more than one with the vacancy": ([*FULL, {"Fe": 0.7, "vacancy": 0.7}], "occupancy_out_of_range"),
    "less than nothing": ([*FULL, {"Fe": -0.5}], "occupancy_out_of_range"),
    "not a number": ([*FULL, {"Fe": float("nan")}], "occupancy_out_of_range"),
    "text": ([*FULL, {"Fe": "0.5"}], "occupancy_out_of_range"),
    "an unknown minority": ([*FULL, {"Fe": 0.95, "X": 0.05}], "unknown_element"),
    "no entry at all": ([*FULL, {}], "no_structure"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_another_material_is_refused(name: str) -> None:
    sites, reason = REFUSED[name]
    with pytest.raises(Unusable) as caught:
        settled(sites)  # type: ignore[arg-type]
    assert caught.value.reason == reason
    assert reason in MENDS


@pytest.mark.parametrize("site", [{"Fe": 0.7, "Ni": 0.3}, {"Li": 0.1}, {"H": 0.9, "O": 0.1}])
def test_shared_sites_are_refused_with_all_their_shares(site: Site) -> None:
    with pytest.raises(Unusable) as caught:
        settled([*FULL, site], "drop")
    assert caught.value.reason == "partial_occupancy"
    assert all(name in caught.value.detail for name in site)
    assert ("vacancy" in caught.value.detail) == (sum(site.values()) < 1)


@pytest.mark.parametrize("share", np.round(np.arange(0.51, 1.0, 0.04), 2))
@pytest.mark.parametrize("n_others", [0, 1, 4])
def test_the_composition_never_moves_beyond_the_bound(share: float, n_others: int) -> None:
    sites: list[Site] = [{"O": 1.0}] * n_others + [{"Fe": share, "Ni": 1 - share}]
    before = composition(sites)
    moves = max(abs(before[28]), abs(before[26] - 1 / len(sites)))
    if moves > MAX_COMPOSITION_CHANGE + 1e-6:
        with pytest.raises(Unusable, match=r"Fe|Ni"):
            settled(sites)
    else:
        assert list(settled(sites).atomic_numbers) == [8] * n_others + [26]
