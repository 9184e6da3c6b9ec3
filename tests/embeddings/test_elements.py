"""The periodic table against pymatgen's, and what is not an element."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Element

from embeddings.elements import SYMBOLS, atomic_number, block, group, period, symbol
from embeddings.errors import ElementUnknown


@pytest.mark.parametrize("z", range(1, 119))
def test_the_periodic_table_agrees_with_pymatgen(z: int) -> None:
    theirs = Element.from_Z(z)
    assert symbol(z) == theirs.symbol == SYMBOLS[z - 1]
    assert atomic_number(theirs.symbol) == z
    assert period(z) == theirs.row
    assert block(z) == ("s" if z == 2 else theirs.block)
    assert group(z) == (None if block(z) == "f" else theirs.group)


def test_numpy_integers_are_atomic_numbers() -> None:
    assert symbol(np.int16(26)) == "Fe"


@pytest.mark.parametrize("wrong", ["fe", "Xx", "", "Fe ", 0, 119, -1, True])
def test_what_is_not_an_element_is_refused(wrong: object) -> None:
    with pytest.raises(ElementUnknown):
        atomic_number(wrong)  # type: ignore[arg-type]


def test_a_fraction_is_not_rounded_to_an_element() -> None:
    with pytest.raises(TypeError):
        atomic_number(26.5)  # type: ignore[arg-type]


def test_a_near_miss_is_named() -> None:
    with pytest.raises(ElementUnknown, match='Did you mean "Fe"'):
        atomic_number("fe")
