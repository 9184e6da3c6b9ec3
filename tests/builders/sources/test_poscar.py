"""POSCAR by the rules of VASP; every value is worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from builders.sources.poscar import SYMBOLS_FROM_COMMENT, SYMBOLS_FROM_POSITIONS, read_poscar
from builders.sources.structures import make_record
from builders.structures.rejections import Unusable

BOX = "4 0 0\n0 5 0\n0 0 6"


def poscar(
    *,
    comment: str = "a crystal",
    scale: str = "1.0",
    lattice: str = BOX,
    symbols: str | None = "Cs Cl",
    counts: str = "1 1",
    mode: str = "Direct",
    positions: str = "0 0 0\n0.5 0.5 0.5",
) -> str:
    lines = [comment, scale, lattice, *([] if symbols is None else [symbols]), counts, mode, positions]
    return "\n".join(lines) + "\n"


HALF = [0.5, 0.5, 0.5]
RIGHT = {
    "plain": (poscar(), [4, 5, 6], HALF),
    "a scale": (poscar(scale="2"), [8, 10, 12], HALF),
    "a negative scale is the volume": (poscar(scale="-960"), [8, 10, 12], HALF),
    "Cartesian under a negative scale": (
        poscar(scale="-960", mode="Cartesian", positions="0 0 0\n2 2.5 3"),
        [8, 10, 12],
        HALF,
    ),
    "three scale factors": (poscar(scale="2 1 0.5"), [8, 5, 3], HALF),
    "Cartesian under three": (
        poscar(scale="2 1 0.5", mode="Cart", positions="0 0 0\n1 2.5 3"),
        [8, 5, 3],
        [0.25, 0.5, 0.5],
    ),
    "Cartesian is scaled": (poscar(scale="2", mode="kart", positions="0 0 0\n1 2.5 3"), [8, 10, 12], [0.25, 0.5, 0.5]),
    "any other letter is direct": (poscar(mode="fractional"), [4, 5, 6], HALF),
    "selective dynamics": (
        poscar(mode="Selective dynamics\nDirect", positions="0 0 0 T T F\n0.5 0.5 0.5 F F F"),
        [4, 5, 6],
        HALF,
    ),
    "labels behind the positions": (poscar(positions="0 0 0 Cs\n0.5 0.5 0.5 Cl"), [4, 5, 6], HALF),
    "labels with charges": (poscar(positions="0 0 0 Cs+\n0.5 0.5 0.5 Cl1-"), [4, 5, 6], HALF),
    "velocities": (poscar(positions="0 0 0\n0.5 0.5 0.5\n\n1 2 3\n4 5 6"), [4, 5, 6], HALF),
    "velocities of the cell": (
        poscar() + "Lattice velocities and vectors\n1\n" + "0 0 0\n" * 3 + f"{BOX}\nCartesian\n1 2 3\n4 5 6\n",
        [4, 5, 6],
        HALF,
    ),
    "a charge density": (poscar() + "\n 2 1 1\n 0.1 0.2\n", [4, 5, 6], HALF),
    "one frame of an XDATCAR": (poscar(mode="Direct configuration=     1"), [4, 5, 6], HALF),
    "velocities with a heading": (poscar(positions="0 0 0\n0.5 0.5 0.5\nCartesian\n1 2 3\n4 5 6"), [4, 5, 6], HALF),
    "kinds of a POTCAR": (poscar(symbols="Cs_sv Cl/0a1b2c"), [4, 5, 6], HALF),
    "kinds and hashes": (poscar(symbols="Cs_sv_GW/ab12 Cl_h/ff"), [4, 5, 6], HALF),
    "remarks": (poscar(scale="1.0 ! scale", symbols="Cs Cl # salt", counts="1 1 ! each"), [4, 5, 6], HALF),
    "exponents of Fortran": (poscar(scale="0.2D+01", positions="0d0 0 0\n5.0D-1 .5 .5"), [8, 10, 12], HALF),
    "line ends of other systems": (poscar().replace("\n", "\r\n"), [4, 5, 6], HALF),
    "no line end at the end": (poscar().rstrip(), [4, 5, 6], HALF),
    "positions outside of the cell": (poscar(positions="0 0 0\n-0.5 1.5 0.5"), [4, 5, 6], [-0.5, 1.5, 0.5]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_poscar_is_read_by_the_rules_of_vasp(name: str) -> None:
    text, lengths, second = RIGHT[name]
    found = read_poscar(text)
    np.testing.assert_allclose(found.lattice, np.diag(lengths), atol=1e-12)
    assert found.symbols == ["Cs", "Cl"]
    np.testing.assert_allclose(found.frac_coords, [[0, 0, 0], second], atol=1e-12)
    assert found.notes == ()


def test_an_oblique_cell_under_a_negative_scale() -> None:
    text = poscar(scale="-16", lattice="1 0 0\n0.5 1 0\n0 0.25 2", mode="Cartesian", positions="0 0 0\n.75 .625 1")
    found = read_poscar(text)
    np.testing.assert_allclose(found.lattice, [[2, 0, 0], [1, 2, 0], [0, 0.5, 4]], atol=1e-12)
    np.testing.assert_allclose(found.frac_coords[1], [0.5, 0.5, 0.5], atol=1e-12)


SYMBOLS = {
    "repeated": (
        poscar(symbols="O Fe O", counts="1 2 1", positions="0 0 0\n" * 3 + "0 0 0"),
        ["O", "Fe", "Fe", "O"],
        (),
    ),
    "a count of zero": (poscar(symbols="Cs Fe Cl", counts="1 0 1"), ["Cs", "Cl"], ()),
    "version 4": (poscar(symbols=None, comment="Cs Cl"), ["Cs", "Cl"], (SYMBOLS_FROM_COMMENT,)),
    "version 4, counted": (poscar(symbols=None, comment="Cs1 Cl1"), ["Cs", "Cl"], (SYMBOLS_FROM_COMMENT,)),
    "version 4, labels": (
        poscar(symbols=None, positions="0 0 0 Cs\n0.5 0.5 0.5 Cl"),
        ["Cs", "Cl"],
        (SYMBOLS_FROM_POSITIONS,),
    ),
    "version 4, a sorted formula in the comment": (
        poscar(symbols=None, comment="Cs1 Cl1", positions="0 0 0 Cl\n0.5 0.5 0.5 Cs"),
        ["Cl", "Cs"],
        (SYMBOLS_FROM_POSITIONS,),
    ),
    "deuterium": (poscar(symbols="Cs D"), ["Cs", "D"], ()),
    "a dummy": (poscar(symbols="Cs X"), ["Cs", "X"], ()),
    "fractional hydrogen": (poscar(symbols="Cs H.5"), ["Cs", "H.5"], ()),
}


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_site_has_the_symbol_that_is_written(name: str) -> None:
    text, symbols, notes = SYMBOLS[name]
    found = read_poscar(text)
    assert found.symbols == symbols
    assert found.notes == notes


WRONG = {
    "more symbols than counts": (poscar(counts="2"), "wrong_count"),
    "more counts than symbols": (poscar(symbols="Cs"), "wrong_count"),
    "too few positions": (poscar(counts="1 2"), "wrong_count"),
    "too many positions": (poscar(counts="1 1", positions="0 0 0\n.5 .5 .5\n.2 .2 .2"), "wrong_count"),
    "two of them": (poscar() + poscar(symbols="Na Cl"), "several_crystals"),
    "two of version 4": (poscar() + "\n" + poscar(comment="Na Cl", symbols=None), "several_crystals"),
    "frames of an XDATCAR": (
        poscar(mode="Direct configuration=     1") + "Direct configuration=     2\n0 0 0\n.6 .5 .5\n",
        "several_crystals",
    ),
    "a blank line in between": (poscar(counts="1 2", positions="0 0 0\n.5 .5 .5\n\n.1 .1 .1"), "wrong_count"),
    "a thousand million atoms": (poscar(counts="1 1000000000"), "wrong_count"),
    "words for symbols": (poscar(symbols=None, comment="No one knows"), "unreadable"),
    "a formula for symbols": (poscar(symbols=None, comment="CsCl"), "unreadable"),
    "other counts in the comment": (poscar(symbols=None, comment="Cs2 Cl2"), "unreadable"),
    "more symbols in the comment": (poscar(symbols=None, comment="Cs Cl Br"), "unreadable"),
    "labels that contradict": (poscar(positions="0 0 0 Cl\n0.5 0.5 0.5 Cs"), "unreadable"),
    "labels that contradict the comment": (
        poscar(symbols=None, comment="Na Cl", positions="0 0 0 Cs\n0.5 0.5 0.5 Cl"),
        "unreadable",
    ),
    "a scale of zero": (poscar(scale="0"), "unreadable"),
    "two scales": (poscar(scale="1 2"), "unreadable"),
    "a negative one of three": (poscar(scale="1 -1 1"), "unreadable"),
    "no scale": (poscar(scale="one"), "unreadable"),
    "underscores": (poscar(scale="1_0"), "unreadable"),
    "no mode": (poscar(mode="0 0 0", positions="0.5 0.5 0.5\n0 0 0"), "unreadable"),
    "negative counts": (poscar(counts="-1 3"), "unreadable"),
    "words for positions": (poscar(positions="0 0 zero\n0.5 0.5 0.5"), "unreadable"),
    "two coordinates": (poscar(positions="0 0\n0.5 0.5"), "unreadable"),
    "a flat cell under a volume": (poscar(scale="-10", lattice="1 0 0\n2 0 0\n0 0 1"), "no_volume"),
    "a flat cell": (poscar(lattice="1 0 0\n2 0 0\n0 0 1", mode="C"), "no_volume"),
    "nothing": ("", "unreadable"),
    "half a file": (poscar()[:25], "unreadable"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_poscar_that_is_wrong_is_refused_with_the_reason(name: str) -> None:
    text, reason = WRONG[name]
    with pytest.raises(Unusable) as caught:
        read_poscar(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("symbol", "reason"), [("X", "unknown_element"), ("CS", "unknown_element"), ("H.5", "unknown_element")]
)
def test_what_is_no_element_is_named(symbol: str, reason: str) -> None:
    found = read_poscar(poscar(symbols=f"Cs {symbol}"))
    with pytest.raises(Unusable, match=symbol) as caught:
        make_record("a", found.lattice, [{name: 1.0} for name in found.symbols], found.frac_coords)
    assert caught.value.reason == reason
