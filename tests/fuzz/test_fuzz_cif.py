"""CIF that a generator writes, knowing the crystal: read as it is, and once it is changed, right or refused by name.

Independent of the reader: the symmetry is spglib's, what a changed file says is read by pymatgen.
"""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from builders.sources.cif import CifCrystal, read_cif
from builders.structures.rejections import MENDS, Unusable
from tests.fuzz.cif_crystals import OPEN, Crystal, files, is_like
from tests.fuzz.cif_oracle import Undecided, faults_of, operations_of, statements_of
from tests.fuzz.conftest import fuzz

SLOWEST = 10.0
"""Seconds of computing for a file; the largest here take a tenth."""


def crystals_of(data: bytes) -> list[tuple[str, CifCrystal | Unusable]]:
    """What is read of a file; nothing but `Unusable`, with a reason that has a way out, may stop it."""
    start = time.process_time()
    try:
        found = read_cif(data)
    except Unusable as fault:
        found = [("", fault)]
    assert time.process_time() - start < SLOWEST
    for _, crystal in found:
        if isinstance(crystal, Unusable):
            assert crystal.reason in MENDS, crystal
            assert crystal.detail, crystal
    return found


@fuzz
@given(files())
def test_a_file_that_agrees_with_itself_gives_its_atoms(written: tuple[Crystal, str]) -> None:
    crystal, text = written
    ((_, found),) = crystals_of(text.encode())
    assert isinstance(found, CifCrystal), found
    assert is_like(found, crystal)


@fuzz(examples=60)
@given(files(symmetry=OPEN))
def test_where_the_setting_is_left_open_it_is_right_or_refused(written: tuple[Crystal, str]) -> None:
    crystal, text = written
    ((_, found),) = crystals_of(text.encode())
    if isinstance(found, Unusable):
        assert found.reason == "unknown_setting", found
    else:
        assert is_like(found, crystal)


# Changed files -------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"[^\s'\"]+")
NUMBERS = "0 1 2 -1 0.5 0.25 .3333 0.98 1.01 1.05 90 120 60 89.7 0.1(2) . ? 1.".split()
WORDS = "Fe O D Fe3+ OH X Ti4+ Fe1 H2O x,y,z -x,-y,-z x+1/2,y,z y,x,z . ? P21/n 1".split()
JUNK = (
    "1e3 1e-3 1e300 nan inf 1_0 0.5.5 ?? '' ; _cell_length_a _atom_site_label loop_ data_ data_y save_ stop_ global_ "
    "'a # \x00 é 225 1(2) 1() -P 0x1 \u0661 1,5"
).split()
CHECKED = re.compile(r"formula|volume|density|_weight|^\s*[A-Z][a-z]?\d+\S* ", re.IGNORECASE)
"""Lines that say what the others say too, and those of sites."""

_SYMMETRY = re.compile(r"_(symmetry|space_group)", re.IGNORECASE)


@st.composite
def changed_files(draw: st.DrawFn) -> tuple[Crystal, str, bool]:
    """A file of which lines or values were changed, and whether those of its symmetry are as they were."""
    crystal, text = draw(files())
    lines = text.split("\n")
    before = _lines_of_symmetry(lines)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 4]))):
        _change(draw, lines)
    return crystal, "\n".join(lines), _lines_of_symmetry(lines) == before


def _change(draw: st.DrawFn, lines: list[str]) -> None:
    how = draw(st.sampled_from(["value"] * 12 + ["drop", "twice", "move"]))
    stating = [at for at, line in enumerate(lines) if len(line.split()) > 1] or [0]
    checked = [at for at, line in enumerate(lines) if CHECKED.search(line)] or stating
    at = draw(st.sampled_from(draw(st.sampled_from([stating, checked, list(range(len(lines)))]))))
    if how == "drop":
        lines[at : at + 1] = []
    elif how == "twice":
        lines.insert(at, lines[at])
    elif how == "move":
        lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
    else:
        lines[at] = _with_another_value(draw, lines[at])
    lines += [] if lines else [""]


def _with_another_value(draw: st.DrawFn, line: str) -> str:
    tokens = list(TOKEN.finditer(line))
    if not tokens:
        return line + draw(st.sampled_from(JUNK))
    token = draw(st.sampled_from(tokens[1:] or tokens))
    value: str = token[0]
    try:
        number = float(value.partition("(")[0])
        near = [
            f"{number * 1.01:.5f}",
            f"{number + 0.02:.5f}",
            f"{number + 1:.4f}",
            f"{-number:.4f}",
            f"{2 * number:g}",
        ]
        others = [*near, *NUMBERS]
    except ValueError:
        others = [value.lower(), value.upper(), value[:-1], value + "2", *WORDS]
    others = JUNK if draw(st.integers(0, 9)) == 9 else others
    return line[: token.start()] + draw(st.sampled_from(others)) + line[token.end() :]


def _lines_of_symmetry(lines: list[str]) -> list[str]:
    """Lines that may say something of the symmetry: whatever is no number, cell or site."""
    return [
        line for at, line in enumerate(lines) if any(_SYMMETRY.search(near) for near in lines[max(0, at - 3) : at + 1])
    ]


def faults_in(found: CifCrystal, crystal: Crystal, text: str, keeps_symmetry: bool) -> list[str]:
    """What of a file the atoms that were read of it do not agree with, as far as the oracle can tell."""
    try:
        (said,) = [block for block in statements_of(text) if "_atom_site_label" in block.items]
        operations = operations_of(said)
        if operations is None and keeps_symmetry:
            operations = list(zip(crystal.group.rotations, crystal.group.translations, strict=True))
        return [] if operations is None else faults_of(found, said, operations)
    except (Undecided, ValueError):
        return []


@fuzz(examples=150)
@given(changed_files())
def test_a_changed_file_is_refused_or_agrees_with_all_that_it_still_says(changed: tuple[Crystal, str, bool]) -> None:
    crystal, text, keeps_symmetry = changed
    for _, found in crystals_of(text.encode("utf-8", "surrogatepass")):
        if isinstance(found, CifCrystal):
            assert not faults_in(found, crystal, text, keeps_symmetry)


BROKEN = (
    "loop_\n_atom_site_label\n_atom_site_fract_x\nNa1\n",
    "_cell_length_a 4\n_cell_length_a 5\n_atom_site_label Na\n",
    "_atom_site_label 'Na\n",
)


@fuzz(examples=30)
@given(st.lists(files(most_noise=1), min_size=2, max_size=3), st.sampled_from(BROKEN) | st.none(), st.integers(0, 3))
def test_blocks_are_read_one_by_one(parts: list[tuple[Crystal, str]], broken: str | None, at: int) -> None:
    blocks = [text.lstrip("\ufeff").replace("data_x", f"data_block{k}") for k, (_, text) in enumerate(parts)]
    expected: list[Crystal | None] = [crystal for crystal, _ in parts]
    if broken is not None:
        blocks.insert(at, "data_broken\n" + broken)
        expected.insert(at, None)
    found = crystals_of("".join(blocks).encode())
    assert len(found) == len(expected)
    for (_, got), crystal in zip(found, expected, strict=True):
        assert isinstance(got, Unusable) if crystal is None else is_like(got, crystal), got


@fuzz(examples=60)
@given(
    files(most_noise=0),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=6)), max_size=3),
    st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
def test_no_bytes_stop_the_reader(
    written: tuple[Crystal, str], cuts: list[tuple[float, int, bytes]], code: str
) -> None:
    data = written[1].encode(code, "replace")
    for at, n, other in cuts:
        place = int(at * len(data))
        data = data[:place] + other + data[place + n :]
    crystals_of(data)
