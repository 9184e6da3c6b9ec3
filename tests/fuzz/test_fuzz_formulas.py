"""Formulas that a generator writes, knowing what they mean: each is read as meant, or refused with a spelling that is.

The second reader is pymatgen's ``Composition``, where it knows the notation.
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from embeddings.elements import SYMBOLS
from embeddings.errors import FormulaInvalid
from embeddings.formula import parse_formula, reduced_formula
from embeddings.formula.bulk import read_column
from tests.fuzz.conftest import fuzz

METALS = "Li Na K Mg Ca Sr Ba Al Y La Ce Ti Zr Cr Mn Fe Co Ni Cu Zn Cd Sn Pb Bi U".split()
ADDUCTS = {
    "H2O": {"H": 2, "O": 1},
    "D2O": {"H": 2, "O": 1},
    "NH3": {"N": 1, "H": 3},
    "HCl": {"H": 1, "Cl": 1},
    "NH4Cl": {"N": 1, "H": 4, "Cl": 1},
    "CH3OH": {"C": 1, "H": 4, "O": 1},
    "C2H5OH": {"C": 2, "H": 6, "O": 1},
    "(H2O)": {"H": 2, "O": 1},
    "C4H8O": {"C": 4, "H": 8, "O": 1},
}
SALTS = {
    "NaCl": {"Na": 1, "Cl": 1},
    "CaSO4": {"Ca": 1, "S": 1, "O": 4},
    "K2O": {"K": 2, "O": 1},
    "Al2O3": {"Al": 2, "O": 3},
    "SiO2": {"Si": 1, "O": 2},
    "MgCl2": {"Mg": 1, "Cl": 2},
    "Ni(NO3)2": {"Ni": 1, "N": 2, "O": 6},
    "Fe2(SO4)3": {"Fe": 2, "S": 3, "O": 12},
    "La2O3": {"La": 2, "O": 3},
}

amounts_of_text = st.one_of(st.integers(1, 12), st.floats(0.01, 9.99).map(lambda x: round(x, 2)))
compositions = st.dictionaries(st.sampled_from(SYMBOLS), amounts_of_text, min_size=1, max_size=5)
metal_oxides = st.builds(
    lambda metal, count, oxygen: ({metal: count, "O": oxygen}),
    st.sampled_from(METALS),
    st.integers(1, 4),
    st.integers(1, 9),
)
pieces = st.one_of(
    st.sampled_from(SYMBOLS),
    st.sampled_from(list(ADDUCTS) + list(SALTS)),
    st.sampled_from(
        "( ) [ ] ( ) . . · + - ^ { } , _ $ x X 0 1 I V II IV VI OAc OTs THF YBCO TI D T \u03b1 2H 1e-05".split()
    ),
    st.sampled_from(["(I)", "(II)", "(V)", "(VI)", "(III)", "½", "₂", "²⁻", " ", "\u200b", "\n", "Ti6Al4V", "SS304"]),
    st.integers(0, 10**10).map(str),
    st.floats(0, 100).map(lambda number: f"{number:.2f}"),
)
near_formulas = st.lists(pieces, max_size=8).map("".join)


def spelled(amounts: dict[str, float]) -> str:
    return "".join(f"{symbol}{amount:g}" for symbol, amount in amounts.items())


def short(amounts: dict[str, float]) -> str:
    return "".join(symbol + ("" if amount == 1 else f"{amount:g}") for symbol, amount in amounts.items())


def added(*terms: tuple[float, dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for factor, amounts in terms:
        for symbol, amount in amounts.items():
            total[symbol] = total.get(symbol, 0) + factor * amount
    return total


def proposals(error: FormulaInvalid) -> list[str]:
    """Return the spellings that a message tells the reader to write."""
    told = re.search(r'(?:; write |did you mean )(".*")[.?]$', str(error), re.DOTALL)
    return re.findall(r'"([^"]+)"', told[1]) if told else []


def attempt(text: str) -> tuple[dict[str, float] | None, str, list[str]]:
    """Return what a formula is read as, or None, the message, and what it proposes."""
    try:
        return parse_formula(text), "", []
    except FormulaInvalid as error:
        return None, str(error), proposals(error)


def assert_right_or_refused(text: str, meant: dict[str, float], *, advised: bool = True) -> None:
    amounts, message, spellings = attempt(text)
    if amounts is not None:
        assert amounts == pytest.approx(meant), text
        return
    readings = [parse_formula(spelling) for spelling in spellings]
    if advised and len(text) <= 50:
        assert any(reading == pytest.approx(meant) for reading in readings), message


@fuzz
@given(compositions)
def test_amounts_written_out_are_read_as_pymatgen_reads_them(amounts: dict[str, float]) -> None:
    composition = pytest.importorskip("pymatgen.core").Composition
    text = spelled(amounts)
    assert_right_or_refused(text, amounts)
    assert_right_or_refused(text, dict(composition(text).get_el_amt_dict()))


@fuzz
@given(
    st.sampled_from(list(SALTS)),
    st.integers(1, 24),
    st.sampled_from(list(ADDUCTS)),
    st.sampled_from(["{}", "({})", "[{}]2"]),
)
def test_a_full_stop_before_a_number_of_molecules(salt: str, count: int, adduct: str, around: str) -> None:
    meant = added((2 if "2" in around else 1, added((1, SALTS[salt]), (count, ADDUCTS[adduct]))))
    for stop in (".", "..", " . ", ". ", "·", "*", " x ", "\u00d7"):
        assert_right_or_refused(
            around.format(f"{salt}{stop}{count}{adduct}"), meant, advised=around == "{}" or stop in ".·"
        )


@fuzz
@given(
    st.lists(st.tuples(st.sampled_from([None, *range(1, 13)]), st.sampled_from(list(SALTS))), min_size=2, max_size=3)
)
def test_a_full_stop_between_compounds(parts: list[tuple[int | None, str]]) -> None:
    text = ".".join(f"{count or ''}{salt}" for count, salt in parts)
    meant = added(*((count or 1, SALTS[salt]) for count, salt in parts))
    assert_right_or_refused(text, meant)


@fuzz
@given(st.sampled_from(list(SALTS)), st.sampled_from(["0.5", "1.5", "2.5", "1/2", "½"]))
def test_half_a_molecule_of_water(salt: str, count: str) -> None:
    factor = {"1/2": 0.5, "½": 0.5}.get(count) or float(count)
    meant = added((1, SALTS[salt]), (factor, ADDUCTS["H2O"]))
    for dot in "·.":
        assert_right_or_refused(f"{salt}{dot}{count}H2O", meant)


@fuzz
@given(
    st.sampled_from(METALS), st.sampled_from("I II III IV V VI VII VIII".split()), st.integers(1, 4), st.integers(1, 9)
)
def test_an_oxidation_number_counts_no_atom(metal: str, numeral: str, count: int, oxygen: int) -> None:
    meant = {metal: count, "O": oxygen}
    rest = f"{count if count > 1 else ''}O{oxygen}"
    for text in (f"{metal}({numeral}){rest}", f"{metal}^{{{numeral}}}{rest}", f"{metal}[{numeral}]{rest}"):
        assert_right_or_refused(text, meant)
    assert_right_or_refused(f"{metal}({numeral.lower()}){rest}", meant)


@fuzz
@given(metal_oxides)
def test_what_stands_around_a_formula(oxide: dict[str, int]) -> None:
    plain = short(oxide)
    marked = re.sub(r"([0-9]+)", r"<sub>\1</sub>", plain)
    latex = re.sub(r"([0-9]+)", r"$_{\1}$", plain)
    for text in (
        *(f"{plain}({phase})" for phase in ("s", "l", "g", "aq", "cr")),
        *(f"{plain}{name}" for name in ("-rutile", " (anatase)", " rutile", "(\u03b1)", "_wurtzite")),
        *(f"{name}-{plain}" for name in ("\u03b1", "\u03b2", "c", "2H", "alpha", "\u03b3\u2032")),
        *(
            f"{before}{plain}{after}"
            for before, after in (('"', '"'), ("", "."), ("", ","), ("\u200b", ""), (" ", "\xa0"))
        ),
        marked,
        latex,
        plain.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")),
        plain.translate(str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19")),
    ):
        assert_right_or_refused(text, oxide)


@fuzz
@given(st.sampled_from(METALS), st.sampled_from(METALS), st.integers(1, 99))
def test_a_decimal_comma(first: str, second: str, percent: int) -> None:
    assume(first != second)
    text = f"{first}0,{percent:02d}{second}0,{100 - percent:02d}O3"
    assert_right_or_refused(text, {first: percent / 100, second: 1 - percent / 100, "O": 3})


@fuzz
@given(st.lists(near_formulas, max_size=12))
def test_a_column_is_read_as_its_formulas_are(column: list[str]) -> None:
    read = read_column(column)
    for row, formula in enumerate(column):
        code = int(read.codes[row])
        expected, message, _ = attempt(formula)
        assert (code in read.invalid) == bool(message), formula
        span = slice(read.distinct.offsets[code], read.distinct.offsets[code + 1])
        numbers = read.distinct.atomic_numbers[span].tolist()
        found = dict(zip((SYMBOLS[z - 1] for z in numbers), read.distinct.amounts[span].tolist(), strict=True))
        assert found == pytest.approx(expected or {}, rel=1e-14), formula


@fuzz
@given(near_formulas | st.text(max_size=30))
def test_what_a_message_proposes_can_be_read(text: str) -> None:
    amounts, message, spellings = attempt(text)
    if amounts is not None:
        assert reduced_formula(amounts) == reduced_formula(text)
    assert "\n" not in message
    assert len(message) < 500
    for spelling in spellings:
        parse_formula(spelling)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 499 + "Fe" + ")" * 499,
        "CuSO4.5H2O" * 100,
        "La1.5" * 200,
        "Fe(III)" * 142,
        "I" * 1000,
        "IV" * 500,
        "." * 1000,
        "1.1." * 250,
        "[" * 1000,
        "Fe" + "9" * 5000,
        "\u03b1-" * 500,
        "(a " * 300,
        "O4" * 400 + "2-",
        "2Fe" * 300,
        "Me" * 99,
        "A-" * 99,
        "₂2" * 99,
        "a" * 10**6,
    ],
    ids=lambda text: text[:8],
)
def test_no_formula_takes_long(text: str) -> None:
    start = time.process_time()
    attempt(text)
    assert time.process_time() - start < 2
