"""The periodic table against pymatgen's, and what is not an element."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Element

from embeddings.elements import NAMES, SYMBOLS, atomic_number, block, group, period, symbol
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


@pytest.mark.parametrize("wrong", [26.5, None, b"Fe", ["Fe"]])
def test_what_is_neither_text_nor_a_whole_number_is_refused(wrong: object) -> None:
    """A fraction is not rounded to an element."""
    with pytest.raises(ElementUnknown, match=r'not an element. Give a symbol \("Fe"\) or an atomic number'):
        atomic_number(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("fe", "Fe"), ("Iron", "Fe"), ("irn", "Fe"), ("Aluminium", "Al"), ("Sulphur", "S"), ("lead", "Pb")],
)
def test_a_near_miss_or_a_name_is_answered_with_the_symbol(asked: str, meant: str) -> None:
    with pytest.raises(ElementUnknown, match=f'^"{asked}" is not an element symbol. Did you mean "{meant}"'):
        atomic_number(asked)


def test_names_agree_with_pymatgen() -> None:
    assert [Element.from_Z(z).long_name.lower() for z in range(1, 119)] == list(NAMES)
