"""Targets that cannot be learned are named, with the value that stands in the way."""

from __future__ import annotations

import numpy as np
import pytest

from builders.learning.targets import choose_targets, derive_targets, unit_of
from builders.structures.table import StructureTable
from embeddings.errors import TargetInvalid
from testing.crystals import cscl, structure_table

GAP = list(np.linspace(0.0, 3.0, 12))


def table(value: float) -> StructureTable:
    """Twelve crystals, one of which has another value in one of two properties."""
    return structure_table([cscl(11, 17, 3.4)] * 12, gap=GAP, energy=[*GAP[:5], value, *GAP[6:]])


@pytest.mark.parametrize("value", [1e300, -1e300, np.inf, -np.inf, 3.5e38, 9.97e36])
@pytest.mark.parametrize("names", [("energy",), ("gap", "energy"), ()])
def test_a_value_that_is_no_measurement_is_refused_by_name(value: float, names: tuple[str, ...]) -> None:
    with pytest.raises(TargetInvalid, match=r'target "energy": test-5 has the value .*, and 1 of 12 values is'):
        choose_targets(table(value), names)


@pytest.mark.parametrize("value", [np.nan, 1e23, -1e-300, 5e-324])
def test_any_other_value_is_learned(value: float) -> None:
    assert choose_targets(table(value), ()) == ("gap", "energy")


def test_a_property_that_is_not_learned_may_hold_anything() -> None:
    assert choose_targets(table(1e300), ("gap",)) == ("gap",)


def test_the_logarithm_of_a_property_is_a_target() -> None:
    known = structure_table([cscl(11, 17, 3.4)] * 4, bulk_modulus=[100.0, 0.0, -1.0, np.nan], gap=[1.0] * 4)
    found = derive_targets(known, ("log10_bulk_modulus", "log10_nothing", "gap"))
    np.testing.assert_array_equal(found.properties["log10_bulk_modulus"], [2.0, np.nan, np.nan, np.nan])
    assert set(found.properties) == {"bulk_modulus", "gap", "log10_bulk_modulus"}
    assert unit_of(found, "log10_bulk_modulus") == "log10(GPa)"
    stated = structure_table([cscl(11, 17, 3.4)] * 2, gap=[1.0, 2.0], log10_gap=[7.0, 8.0])
    assert derive_targets(stated, ("log10_gap",)).properties["log10_gap"].tolist() == [7.0, 8.0]
