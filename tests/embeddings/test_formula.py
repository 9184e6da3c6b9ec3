import math
import re
import sys

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from embeddings.elements import SYMBOLS
from embeddings.errors import FormulaInvalid
from embeddings.formula import (
    element_fractions,
    formula_digest,
    hash_formulas,
    parse_formula,
    reduced_formula,
    reduced_formulas,
)

symbols = st.sampled_from(SYMBOLS)
whole_formulas = st.dictionaries(symbols, st.integers(1, 60), min_size=1, max_size=6)


def spelled(amounts):
    return "".join(f"{symbol}{amount}" for symbol, amount in amounts.items())


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        ("Fe2O3", {"Fe": 2, "O": 3}),
        ("Fe1.00O1.50", {"Fe": 1, "O": 1.5}),
        (" Zr1 Ni 1\tSn1\n", {"Zr": 1, "Ni": 1, "Sn": 1}),
        ("Ca(OH)2", {"Ca": 1, "O": 2, "H": 2}),
        ("K4[ON(SO3)2]2", {"K": 4, "O": 14, "N": 2, "S": 4}),
        ("{[(Fe)2]2}2", {"Fe": 8}),
        ("(La0.9Sr0.1)MnO3", {"La": 0.9, "Sr": 0.1, "Mn": 1, "O": 3}),
        ("Ba0.4K0.6Fe2As2", {"Ba": 0.4, "K": 0.6, "Fe": 2, "As": 2}),
        ("La(2/3)Ca1/3MnO3", {"La": 2 / 3, "Ca": 1 / 3, "Mn": 1, "O": 3}),
        ("CH3NH3PbI3", {"C": 1, "H": 6, "N": 1, "Pb": 1, "I": 3}),
        ("CuSO4·5H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4 * 5 H2O", {"Cu": 1, "S": 1, "O": 9, "H": 10}),
        ("CuSO4.H2O", {"Cu": 1, "S": 1, "O": 5, "H": 2}),
        ("3CaO·2SiO2•3H2O", {"Ca": 3, "O": 10, "Si": 2, "H": 6}),
        ("Na0.5H2O", {"Na": 0.5, "H": 2, "O": 1}),
        ("H₂O", {"H": 2, "O": 1}),
        ("D2O", {"H": 2, "O": 1}),
        ("HDOT", {"H": 3, "O": 1}),
        ("Fe3+", {"Fe": 1}),
        ("Fe²⁺", {"Fe": 1}),
        ("SO4^2-", {"S": 1, "O": 4}),
        ("PO4^{3-}", {"P": 1, "O": 4}),
        ("SO₄²⁻", {"S": 1, "O": 4}),
        ("SO4 2-", {"S": 1, "O": 4}),
        ("NH4+", {"N": 1, "H": 4}),
        ("Hg2^2+", {"Hg": 2}),
        ({"Fe": 2, "O": 3.0}, {"Fe": 2, "O": 3}),
        ({"Fe2+": 1, "Fe3+": 2, "O2-": 4}, {"Fe": 3, "O": 4}),
    ],
)
def test_it_reads(formula, amounts):
    assert parse_formula(formula) == pytest.approx(amounts)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("CuSO4.5H2O", ["CuSO4·5H2O", "(CuSO4.5)H2O", "position 7"]),
        ("NaCl.2H2O", ["NaCl·2H2O", "(NaCl0.2)H2O"]),
        ("Zn(NO3)2.6(H2O)", ["Zn(NO3)2·6(H2O)"]),
        ("Ba.4K.6Fe2As2", ["position 3", "0."]),
        ("SO42-", ["SO4 with charge 2-", "SO42 with charge -", "^2-"]),
        ("[Fe(CN)6]4-", ["[Fe(CN)6] with charge 4-"]),
        ("nacl", ['did you mean "NaCl"?']),
        ("NACL2", ['did you mean "NaCl2"?']),
        ("co", ['"Co" or "CO"']),
        ("Xx2O3", ["position 1", '"Xx" is not an element']),
        ("FeJ", ["position 3", '"J" is not an element']),
        ("Fe2(O3", ["position 4", "never closed"]),
        ("Fe2)O3", ["position 4", "never opened"]),
        ("(Fe]2", ["position 4", "opened at position 1"]),
        ("Fe()2", ["position 3", "hold nothing"]),
        ("Fe0O", ["position 3", "amount 0"]),
        ("Fe-2O3", ["position 3", "charge"]),
        ("Fe-2", ["position 3"]),
        ("La(2/0)O", ["position 3", "amount 0"]),
        ("Fe9999999999O", ["1e+10"]),
        ("Fe" + "9" * 500, ["inf"]),
        ("((Fe999999)999999)2", ["not between"]),
        ("YBa2Cu3O7-x", ["position 10", "7-x"]),
        ("Fe1 2", ["position 5", "number"]),
        ("2Fe2O3", ["position 1", "number"]),
        ("Fe1e3", ["position 4"]),
        ("Fe2O3·", ["position 7", "element is expected"]),
        ("Fe2O3.", ["FULL STOP"]),
        ("Fe\u200bO", ["position 3", "ZERO WIDTH SPACE"]),
        ("\u202eFe2O3", ["RIGHT-TO-LEFT OVERRIDE", "\\u202e"]),
        ("Fe\uff11", ["FULLWIDTH DIGIT ONE"]),
        ("Fe\x00", ["U+0000"]),
        ("", ["empty"]),
        (" \t", ["empty"]),
        ("Fe" * 5000, ["10,000 characters", " ... "]),
        ("(" * 100_000 + "Fe" + ")" * 100_000, ["200,002 characters"]),
        (None, ["None", "NoneType"]),
        (math.nan, ["nan", "float"]),
        (26, ["26", "int"]),
        (["Fe"], ["list"]),
        (b"Fe", ["bytes"]),
        ({}, ["empty"]),
        ({"Fe": 0}, ["amount of Fe, 0"]),
        ({"Fe": -1}, ["amount of Fe, -1"]),
        ({"Fe": math.nan}, ["nan"]),
        ({"Fe": math.inf}, ["inf"]),
        ({"Fe": "two"}, ['"two", not a number']),
        ({"iron": 1}, ['"iron" is not an element']),
    ],
)
def test_it_refuses_and_says_why(formula, said):
    with pytest.raises(FormulaInvalid) as raised:
        parse_formula(formula)
    for words in said:
        assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_nesting_does_not_recurse():
    depth = 450
    assert depth > sys.getrecursionlimit() / 4
    assert parse_formula("(" * depth + "Fe" + ")" * depth) == {"Fe": 1}


def test_what_has_as_dict_is_read():
    class Thing:
        def as_dict(self):
            return {"Na": 1, "Cl": 1}

    assert parse_formula(Thing()) == {"Na": 1, "Cl": 1}


def test_fractions():
    assert element_fractions("Fe2O3") == pytest.approx({"Fe": 0.4, "O": 0.6})


@given(st.text(max_size=40) | st.text("FeONaCl()[]{}0123456789.·/+-^ ", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        amounts = parse_formula(text)
    except FormulaInvalid:
        return
    assert amounts
    assert all(symbol in SYMBOLS and 0 < amount < math.inf for symbol, amount in amounts.items())
    assert reduced_formula(reduced_formula(text)) == reduced_formula(text)


@given(whole_formulas)
def test_written_and_read_again_it_is_the_same(amounts):
    assert parse_formula(spelled(amounts)) == amounts
    assert parse_formula(reduced_formula(amounts)).keys() == amounts.keys()


@given(whole_formulas, st.integers(1, 1000))
def test_a_multiple_reduces_to_the_same(amounts, factor):
    multiple = {symbol: amount * factor for symbol, amount in amounts.items()}
    assert reduced_formula(multiple) == reduced_formula(amounts)


@given(whole_formulas, st.integers(2, 1000))
def test_a_part_of_small_units_reduces_to_the_same(amounts, divisor):
    total = sum(amounts.values()) // math.gcd(*amounts.values())
    assume(total <= 20)
    part = {symbol: amount / divisor for symbol, amount in amounts.items()}
    assert reduced_formula(part) == reduced_formula(amounts)
    rounded = {symbol: round(amount / sum(amounts.values()), 4) for symbol, amount in amounts.items()}
    assert reduced_formula(rounded) == reduced_formula(amounts)


@given(whole_formulas, st.randoms())
def test_order_does_not_matter(amounts, random):
    shuffled = list(amounts.items())
    random.shuffle(shuffled)
    assert reduced_formula(spelled(dict(shuffled))) == reduced_formula(spelled(amounts))


@given(st.dictionaries(symbols, st.floats(1e-6, 1e6), min_size=1, max_size=6))
def test_a_canonical_formula_stands_for_itself(amounts):
    canonical = reduced_formula(amounts)
    assert reduced_formula(canonical) == canonical
    assert "." not in canonical


@pytest.mark.parametrize(
    ("formula", "canonical"),
    [
        ("Ho0.5Pt0.5", "HoPt"),
        ("Al0.333Nd0.667", "Nd2Al"),  # electronegativity puts Nd first; AlNd2 is the same formula
        ("AlNd2", "Nd2Al"),
        ("Gd0.33Ir0.66", "GdIr2"),
        ("La(2/3)Sr(1/3)MnO3", "SrLa2Mn3O9"),
        ("Ba0.4K0.6Fe2As2", "K3Ba2(FeAs)10"),
        ("Fe0.895Sm0.105", "Sm2Fe17"),
        ("La0.9974Tb0.0026", "La4987Tb13"),  # a dopant is not rounded away
        ("Lu0.43Pd0.57", "Lu43Pd57"),  # two decimals are taken as written
        ({"O": 0.1 + 0.2, "Zn": 0.3}, "ZnO"),
        ("LiO", "Li2O2"),
        ("O3", "O2"),
        ("O", "O2"),
        ("Cl0.5", "Cl2"),
        ("Fe7", "Fe"),
        ("P4", "P"),
    ],
)
def test_canonical_spelling(formula, canonical):
    assert reduced_formula(formula) == canonical
    assert reduced_formulas([formula]) == [canonical]


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
@settings(deadline=None)  # the first example imports pymatgen
@given(whole_formulas)
def test_canonical_spelling_agrees_with_pymatgen(amounts):
    composition = pytest.importorskip("pymatgen.core").Composition
    without_ones = re.sub(r"(?<=[A-Za-z])1(?![0-9])", "", reduced_formula(amounts))  # which stand in Na1Ac1, S1I1O2
    assert without_ones == composition(amounts).reduced_formula
    assert reduced_formula(composition(amounts)) == reduced_formula(amounts)


def test_species_of_pymatgen_lose_their_charge():
    composition = pytest.importorskip("pymatgen.core").Composition
    assert parse_formula(composition({"Fe3+": 2, "O2-": 3})) == {"Fe": 2, "O": 3}
    assert parse_formula(composition("D2O")) == {"H": 2, "O": 1}


def test_hashes_are_those_of_the_canonical_formula():
    hashes = hash_formulas(["Fe4O6", "Ho0.5Pt0.5", "Fe2O3"])
    assert hashes.dtype == np.uint8
    assert hashes.shape == (3, 5)
    assert bytes(hashes[0]).hex() == "750ee9706a"
    assert (hashes[0] == hashes[2]).all()


def test_a_digest_is_sorted_and_distinct():
    digest = formula_digest(["Fe4O6", "NaCl", "Fe2O3", "H2O"])
    assert digest.shape == (3, 5)
    assert [bytes(row) for row in digest] == sorted({bytes(row) for row in hash_formulas(["Fe2O3", "NaCl", "H2O"])})
    assert formula_digest([]).shape == (0, 5)


@given(st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from([1, 1, 1, 2, 3, 718]), min_size=1, max_size=6))
@example({"O": 1, "Ar": 1})
@example({"Y": 1, "B": 1, "C": 1, "O": 1})
@example({"Na": 1, "V": 1, "I": 1, "O": 3})
@example({"I": 1, "N": 718})
def test_every_canonical_formula_is_read_as_itself(amounts: dict[str, int]) -> None:
    spelling = reduced_formula(amounts)
    assert reduced_formula(spelling) == spelling
    assert element_fractions(spelling) == pytest.approx(element_fractions(amounts))
