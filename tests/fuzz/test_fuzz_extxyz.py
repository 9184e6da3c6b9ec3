"""Extended XYZ that a generator writes: good frames as they are, as ASE has them too, and bad ones by name between."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.sources.extxyz import XyzCrystal, read_crystal, read_frames
from builders.sources.local_ase import parse_frame
from builders.structures.rejections import MENDS, Unusable
from embeddings.errors import SourceError
from tests.fuzz.conftest import fuzz

SYMBOLS = "H C O Na Cl Fe Ti Ba Y N F Si".split()


@dataclass(frozen=True)
class Written:
    """A frame; what it means, or None for a bad one."""

    text: str
    symbols: list[str] = field(default_factory=list)
    lattice: np.ndarray | None = None
    positions: np.ndarray | None = None
    stated: dict[str, Any] = field(default_factory=dict)


keys = st.sampled_from("energy free_energy e_hull band-gap stress_xx config_type id name uid label n".split())
words = st.text("abcdefgh0123456789_-.+", min_size=1, max_size=8)
sentences = st.text("abc 01=,.'{}[]\\\"äé", max_size=10)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def values(draw: st.DrawFn) -> tuple[str, Any]:
    """The text of a value and what it means."""
    kind = draw(st.sampled_from(["float", "int", "bool", "word", "sentence"]))
    if kind == "float":
        number = draw(st.floats(-1e6, 1e6).map(lambda x: round(x, 6)))
        return draw(st.sampled_from([f"{number!r}", f"{number:.8e}", quoted(f"{number!r}")])), number
    if kind == "int":
        whole = draw(st.integers(-(10**9), 10**9))
        return str(whole), float(whole)
    if kind == "bool":
        return draw(st.sampled_from([("T", True), ("F", False), ("true", True), ("False", False)]))
    if kind == "word":
        text = "w" + draw(words)
        return text, text
    text = "s " + draw(sentences)
    return quoted(text), text


@st.composite
def frames(draw: st.DrawFn) -> Written:
    n = draw(st.integers(1, 6))
    symbols = draw(st.lists(st.sampled_from(SYMBOLS), min_size=n, max_size=n))
    number = st.floats(-9, 9).map(lambda x: round(x, 6))
    lattice = np.diag(draw(st.lists(st.floats(2, 9).map(lambda x: round(x, 5)), min_size=3, max_size=3)))
    lattice[1, 0], lattice[2, 1] = draw(number) / 9, draw(number) / 9
    positions = np.array(draw(st.lists(st.lists(number, min_size=3, max_size=3), min_size=n, max_size=n)))
    stated = draw(st.dictionaries(keys, values(), max_size=4))
    columns = draw(
        st.permutations(["species", "pos", *draw(st.sets(st.sampled_from(["forces", "tags", "move_mask"])))])
    )
    properties = ":".join({"species": "species:S:1", "pos": "pos:R:3", "forces": "forces:R:3", "tags": "tags:I:1",
                           "move_mask": "move_mask:L:1"}[name] for name in columns)  # fmt: skip
    is_plain = list(columns) == ["species", "pos"] and draw(st.booleans())
    pairs = [f'Lattice="{" ".join(repr(float(x)) for x in lattice.ravel())}"',
             *([] if is_plain else [f"Properties={properties}"]),
             *draw(st.sampled_from([[], ['pbc="T T T"'], ["pbc=[T,T,T]"]])),
             *(f"{key}={text}" for key, (text, _) in stated.items())]  # fmt: skip
    cells = {"forces": "0.1 -0.2 1e-3", "tags": "7", "move_mask": "T"}
    rows = [
        draw(st.sampled_from([" ", "    ", "\t"])).join(
            {"species": symbol, "pos": " ".join(f"{x!r}" for x in place)}.get(name) or cells[name] for name in columns
        )
        for symbol, place in zip(symbols, positions.tolist(), strict=True)
    ]
    count = draw(st.sampled_from([f"{n}", f"  {n}", f"{n} "]))
    meant = {key: value for key, (_, value) in stated.items()}
    text = "\n".join([count, " ".join(draw(st.permutations(pairs))), *rows]) + "\n"
    return Written(text, symbols, lattice, positions, meant)


BAD = (
    '2\nLattice="4 0 0 0 4 0 0 0 4"\nNa 0 0 0\n',
    '1\nLattice="4 0 0 0 4 0 0 0 4"\nNa 0 0 x\n',
    '1\nLattice="4 0 0 0 4 0 0 0"\nNa 0 0 0\n',
    "1\nenergy=1\nNa 0 0 0\n",
    '1\nLattice="4 0 0 0 4 0 0 0 4"\nNa 0 0 0\nCl 2 2 2\n',
    '1\nLattice="4 0 0 0 4 0 0 0 4" pbc="T T F"\nNa 0 0 0\n',
    '1\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1\nNa 0 0 0\n',
    '1\nLattice="4 0 0 0 4 0 0 0 nan"\nNa 0 0 0\n',
    '1\nLattice="4 0 0 0 4 0 0 0 4"\nXx 0 0 0\n',
    '99999999\nLattice="4 0 0 0 4 0 0 0 4"\nNa 0 0 0\n',
    '0\nLattice="4 0 0 0 4 0 0 0 4"\n',
)


def outcomes(folder: Path, text: str | bytes) -> list[XyzCrystal | Unusable]:
    """What becomes of each frame; it is a usable record, or refused for a reason that has a way out."""
    path = folder / "frames.xyz"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found: list[XyzCrystal | Unusable] = []
    for frame in read_frames(path):
        try:
            parse_frame("x", frame, "drop")
            found.append(read_crystal(frame))
        except Unusable as fault:
            found.append(fault)
    assert all(fault.reason in MENDS for fault in found if isinstance(fault, Unusable))
    return found


def assert_same(found: XyzCrystal | Unusable, written: Written) -> None:
    assert isinstance(found, XyzCrystal), found
    assert found.sites == [{symbol: 1.0} for symbol in written.symbols]
    assert found.lattice == pytest.approx(written.lattice)
    assert found.positions == pytest.approx(written.positions)
    assert found.stated == pytest.approx(written.stated)


def assert_as_ase(found: XyzCrystal, text: str) -> None:
    """Where ASE can read a frame, it has the same atoms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            atoms = ase.io.read(io.StringIO(text), format="extxyz")
        except Exception:
            return
    assert list(atoms.symbols) == ["H" if "D" in site else next(iter(site)) for site in found.sites]
    assert np.asarray(atoms.positions) == pytest.approx(found.positions)
    assert np.asarray(atoms.cell.array) == pytest.approx(found.lattice)


@fuzz
@given(frame=frames())
def test_a_frame_means_what_it_says_and_what_ase_reads(frame: Written, tmp_path: Path) -> None:
    (found,) = outcomes(tmp_path, frame.text)
    assert_same(found, frame)
    assert isinstance(found, XyzCrystal)
    assert_as_ase(found, frame.text)


@fuzz
@given(parts=st.lists(frames() | st.sampled_from(BAD), min_size=1, max_size=6), blank=st.sampled_from(["", "\n"]))
def test_a_bad_frame_is_named_and_the_next_one_read(parts: list[Written | str], blank: str, tmp_path: Path) -> None:
    text = blank.join(part if isinstance(part, str) else part.text for part in parts)
    found = outcomes(tmp_path, text)
    assert len(found) == len(parts)
    for got, part in zip(found, parts, strict=True):
        if isinstance(part, str):
            assert isinstance(got, Unusable)
        else:
            assert_same(got, part)


OTHERS = (
    '0 1 2 -1 0.5 1e300 1e400 nan inf 1_0 1d1 0x1 ² \u0661 Fe X D T F Lattice= Lattice="" pbc=F pbc="T T" '
    "Properties=pos:R:3 Properties=species:S:1:pos:R:3 Properties=species:S:1:pos:R:2 "
    "Properties=pos:R:3:Z:I:1 =1 a= \" ' { id=0012 \x00"
).split()


@st.composite
def changed_frames(draw: st.DrawFn) -> str:
    lines = "".join(part.text for part in draw(st.lists(frames(), min_size=1, max_size=2))).split("\n")
    for _ in range(draw(st.sampled_from([1, 1, 2, 4]))):
        at, how = draw(st.integers(0, len(lines) - 1)), draw(st.sampled_from(["drop", "twice", "blank"] + ["word"] * 5))
        words = lines[at].split(" ")
        if how == "drop" and len(lines) > 1:
            del lines[at]
        elif how == "twice":
            lines.insert(at, lines[at])
        elif how == "blank":
            lines.insert(at, "")
        else:
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(OTHERS))
            lines[at] = " ".join(words)
    return "\n".join(lines)


@fuzz(examples=150)
@given(text=changed_frames())
def test_a_changed_frame_is_refused_or_means_what_ase_reads(text: str, tmp_path: Path) -> None:
    try:
        found = outcomes(tmp_path, text)
    except SourceError:
        return
    if len(found) == 1 and isinstance(found[0], XyzCrystal):
        assert_as_ase(found[0], text)


@fuzz(examples=60)
@given(data=st.binary(max_size=100) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_stop_the_reader(data: bytes, tmp_path: Path) -> None:
    for text in (data, b"1\n" + data + b"\nNa 0 0 0\n", b'1\nLattice="4 0 0 0 4 0 0 0 4"\n' + data):
        with contextlib.suppress(SourceError):
            outcomes(tmp_path, text)
