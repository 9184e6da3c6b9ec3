"""POSCAR files that a generator writes, knowing the crystal; once changed, as pymatgen has them, or refused by name."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymatgen.io.vasp import Poscar as PymatgenPoscar

from builders.sources.poscar import Poscar, read_poscar
from builders.structures.rejections import MENDS, Unusable
from tests.fuzz.conftest import fuzz

SYMBOLS = "H D C O Na Cl Fe Ti Ba Y N F Si".split()


@dataclass(frozen=True)
class Written:
    """A file, what it means, and whether its symbols have a line of their own."""

    text: str
    lattice: np.ndarray
    symbols: list[str]
    frac_coords: np.ndarray


numbers = st.floats(-0.6, 0.6).map(lambda x: round(x, 6))
fractions = st.floats(-1.2, 1.9).map(lambda x: round(x, 7))
spaces = st.sampled_from([" ", "   ", "\t"])


@st.composite
def poscars(draw: st.DrawFn) -> Written:
    vectors = np.diag([draw(st.integers(20, 90)) / 10 for _ in range(3)]) + np.array(
        draw(st.lists(numbers, min_size=9, max_size=9))
    ).reshape(3, 3)
    kinds = draw(st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(1, 3)), min_size=1, max_size=4))
    symbols = [symbol for symbol, n in kinds for _ in range(n)]
    coords = np.array([[draw(fractions) for _ in range(3)] for _ in symbols])
    scale, factors = _scale(draw, vectors)
    lattice = vectors * factors
    is_cartesian, is_selective = draw(st.booleans()), draw(st.booleans())
    # Cartesian positions are written in the units of the vectors: x, y, z each times its factor are angstrom
    written = coords @ lattice / factors if is_cartesian else coords
    comment, line, labeled = _symbols(draw, kinds)
    rows = [_row(draw, row, is_selective, symbols[k] if labeled else None) for k, row in enumerate(written.tolist())]
    lines = [
        comment, scale, *(_numbers(draw, row) for row in vectors.tolist()), *line, " ".join(str(n) for _, n in kinds),
        *([draw(st.sampled_from(["Selective dynamics", "s", "Selective"]))] if is_selective else []),
        draw(st.sampled_from(["Cartesian", "c", "K", "cart"] if is_cartesian else ["Direct", "d", "fract", " Direct"])),
        *rows, *draw(st.sampled_from([[], [""], ["", "0.0 0.0 0.0"] + ["0 0 0"] * (len(symbols) - 1), ["", "", ""]])),
    ]  # fmt: skip
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return Written(ending.join(lines) + draw(st.sampled_from(["", ending])), lattice, symbols, coords)


def _scale(draw: st.DrawFn, vectors: np.ndarray) -> tuple[str, np.ndarray]:
    kind = draw(st.sampled_from(["1.0", "one", "volume", "three"]))
    if kind == "1.0":
        return "1.0", np.ones(3)
    if kind == "one":
        factor = draw(st.integers(5, 30)) / 10
        return f" {factor}", np.full(3, factor)
    if kind == "volume":
        volume = draw(st.integers(20, 900))
        return f"-{volume}", np.full(3, (volume / abs(np.linalg.det(vectors))) ** (1 / 3))
    three = [draw(st.integers(5, 30)) / 10 for _ in range(3)]
    return " ".join(map(str, three)), np.array(three)


def _numbers(draw: st.DrawFn, row: list[float]) -> str:
    style = draw(st.sampled_from(["{:.12f}", "{:.14E}", "{!r}", "{:.13e}"]))
    words = [style.format(x) for x in row]
    if draw(st.integers(0, 9)) == 9:
        words = [word.replace("E", "D").replace("e", "d") for word in words]
    return draw(spaces).join(["", *words])


def _row(draw: st.DrawFn, row: list[float], is_selective: bool, label: str | None) -> str:
    flags = draw(st.sampled_from(["T T T", "F F F", "T F T", ".TRUE. .FALSE. T"])) if is_selective else ""
    return " ".join([_numbers(draw, row), flags, label or "", draw(st.sampled_from(["", "", "! a comment"]))])


def _symbols(draw: st.DrawFn, kinds: list[tuple[str, int]]) -> tuple[str, list[str], bool]:
    """Comment, the line of symbols or none, and whether each atom carries its own."""
    style = draw(st.sampled_from(["line", "line", "potcar", "labels too", "comment", "comment with counts", "labels"]))
    names = [symbol for symbol, _ in kinds]
    free = draw(st.sampled_from(["", "made by hand", "1.0", "POSCAR 2", "Na Cl O Fe H"]))
    if style == "comment":
        return " ".join(names), [], False
    if style == "comment with counts":
        return " ".join(f"{symbol}{n}" for symbol, n in kinds), [], False
    if style == "labels":
        return "made by hand", [], True
    return free, [" ".join(name + ("_pv" if style == "potcar" else "") for name in names)], style == "labels too"


def read(text: str) -> Poscar | Unusable:
    try:
        return read_poscar(text)
    except Unusable as fault:
        found = fault
    assert found.reason in MENDS
    return found


def assert_same(found: Poscar, lattice: np.ndarray, symbols: list[str], coords: np.ndarray) -> None:
    assert found.symbols == symbols
    assert found.lattice == pytest.approx(lattice, abs=1e-8)
    assert found.frac_coords == pytest.approx(np.asarray(coords).reshape(-1, 3), abs=1e-6)


@fuzz
@given(poscars())
def test_a_file_that_agrees_with_itself_gives_its_atoms(written: Written) -> None:
    found = read(written.text)
    assert isinstance(found, Poscar), found
    assert_same(found, written.lattice, written.symbols, written.frac_coords)


OTHERS = (
    "0 1 -1 2 3 0.5 1.0 -100 1e5 1e300 1e400 nan inf 1_0 1d-1 0x1 ² \u0661 1/3 Fe O Na Cl H Fe_pv Fe/1 Xx T F D C K "
    "Direct Cartesian Selective ! # , * 2*1 1. .5 - + \x00 99999999999999999999 -0 1e-320"
).split()


WITH_SCALE = "x\n{}\n3 0 0\n0 3 0\n0 0 3\nNa\n1\nDirect\n0 0 0\n"


@st.composite
def changed_poscars(draw: st.DrawFn) -> str:
    lines = draw(poscars()).text.replace("\r", "").split("\n")
    for _ in range(draw(st.sampled_from([1, 1, 2, 4]))):
        at, how = draw(st.integers(0, len(lines) - 1)), draw(st.sampled_from(["drop", "twice", "blank"] + ["word"] * 5))
        words = lines[at].split()
        if how == "drop" and len(lines) > 1:
            del lines[at]
        elif how == "twice":
            lines.insert(at, lines[at])
        elif how == "blank":
            lines.insert(at, "")
        elif words:
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(OTHERS))
            lines[at] = " ".join(words)
    return "\n".join(lines)


def by_pymatgen(text: str) -> tuple[np.ndarray, list[str], np.ndarray] | None:
    """What pymatgen reads, where it follows the rules of VASP: one scale above zero, and a line of symbols."""
    lines = text.split("\n")
    try:
        if float(lines[1]) <= 0 or lines[5].split()[0].isdecimal() or "!" in "".join(lines[:8]):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            structure = PymatgenPoscar.from_str(text, default_names=None, read_velocities=False).structure
        symbols = [site.specie.symbol for site in structure]
    except Exception:
        return None
    return structure.lattice.matrix, ["H" if s == "D" else s for s in symbols], structure.frac_coords


@fuzz(examples=150)
@example(WITH_SCALE.format("1e400"))
@example(WITH_SCALE.format("nan"))
@example(WITH_SCALE.format("1e308"))
@given(changed_poscars())
def test_a_changed_file_is_refused_or_means_what_pymatgen_reads(text: str) -> None:
    found, other = read(text), by_pymatgen(text)
    if isinstance(found, Poscar):
        assert np.isfinite(found.lattice).all()
        if other is not None:
            assert_same(replace(found, symbols=["H" if s == "D" else s for s in found.symbols]), *other)


@fuzz(examples=60)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_text_stops_the_reader(data: bytes) -> None:
    found = read(data.decode("utf-8-sig", "replace"))
    assert isinstance(found, Unusable) or math.isfinite(len(found.symbols))
