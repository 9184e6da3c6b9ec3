"""Notations beyond plain symbols and amounts: read right, or refused with a spelling that means what was meant."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from embeddings.errors import FormulaInvalid
from embeddings.formula import fraction_matrix, parse_formula, reduced_formula
from embeddings.formula.bulk import read_column

CASES = Path(__file__).parents[1] / "cases" / "formula_notations.csv"


def rows() -> list[tuple[str, str]]:
    """Return formula and plain spelling of what it means, line by line."""
    lines = CASES.read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(line.split(";")) for line in lines]  # type: ignore[misc]


def proposals(error: FormulaInvalid) -> list[str]:
    told = re.search(r'(?:; write |did you mean )(".*")[.?]$', str(error))
    return re.findall(r'"([^"]+)"', told[1]) if told else []


@pytest.mark.parametrize(("formula", "meant"), rows())
def test_right_or_refused_with_what_was_meant(formula: str, meant: str) -> None:
    right = parse_formula(meant)
    assert int(read_column([formula]).codes[0]) == 0
    if not read_column([formula]).invalid:
        assert parse_formula(formula) == pytest.approx(right)
        return
    with pytest.raises(FormulaInvalid) as raised:
        parse_formula(formula)
    readings = [parse_formula(spelling) for spelling in proposals(raised.value)]
    assert any(reading == pytest.approx(right, rel=2e-3) for reading in readings), str(raised.value)


@pytest.mark.parametrize(
    ("formula", "right"),
    [
        ("La0.7Sr0.3MnO3", {"La": 0.7, "Sr": 0.3, "Mn": 1, "O": 3}),
        ("Fe1.00O1.50", {"Fe": 1, "O": 1.5}),
        ("YBa2Cu3O6.5", {"Y": 1, "Ba": 2, "Cu": 3, "O": 6.5}),
        ("CH3NH3PbI2.5Br0.5", {"C": 1, "N": 1, "H": 6, "Pb": 1, "I": 2.5, "Br": 0.5}),
        ("Pb(Zr0.52Ti0.48)O3", {"Pb": 1, "Zr": 0.52, "Ti": 0.48, "O": 3}),
        ("LiNi0.8Co0.1Mn0.1O2", {"Li": 1, "Ni": 0.8, "Co": 0.1, "Mn": 0.1, "O": 2}),
        ("La1.85Sr0.15CuO4.H2O", {"La": 1.85, "Sr": 0.15, "Cu": 1, "O": 5, "H": 2}),
        ("Li0.8Fe1.2H1Se1", {"Li": 0.8, "Fe": 1.2, "H": 1, "Se": 1}),
        ("(K2O·Al2O3·6SiO2)2", {"K": 4, "Al": 4, "Si": 12, "O": 32}),
        ("CaSO4·1.5H2O", {"Ca": 1, "S": 1, "O": 5.5, "H": 3}),
        ("Fe(III)2O3", {"Fe": 2, "O": 3}),
        ("Fe^{II}Fe^{III}2O4", {"Fe": 3, "O": 4}),
        ("[Hg^{II}I4]^2-", {"Hg": 1, "I": 4}),
        ("Fe(II,III)3O4", {"Fe": 3, "O": 4}),
        ("Cs(VI)2", {"Cs": 1, "V": 2, "I": 2}),
        ("Fe(I3)2", {"Fe": 1, "I": 6}),
        ("VI3", {"V": 1, "I": 3}),
        ("CI4", {"C": 1, "I": 4}),
        ("PrNiO3", {"Pr": 1, "Ni": 1, "O": 3}),
        ("Ac2O3", {"Ac": 2, "O": 3}),
        ("AcOF", {"Ac": 1, "O": 1, "F": 1}),
        ("Fe0.99999Ni1e-05", {"Fe": 0.99999, "Ni": 1e-05}),
        ("Fe2.67+", {"Fe": 1}),
        ("Fe2+,spin=5", {"Fe": 1}),
    ],
)
def test_it_reads(formula: str, right: dict[str, float]) -> None:
    assert parse_formula(formula) == pytest.approx(right)
    assert fraction_matrix([formula]).amounts.sum() == pytest.approx(sum(right.values()))


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("Al-7075", ["name of an alloy"]),
        ("SS316L", ["name of an alloy"]),
        ("SS304", ["name of an alloy"]),
        ("Inconel 718", ["name of an alloy"]),
        ("IN718", ["name of an alloy"]),
        ("Al7075", ["name of an alloy"]),
        ("Ti-6Al-4V", ["weight", '"Ti90Al6V4"']),
        ("Li-Fe-O", ["without amounts"]),
        ("LnCl3", ['"Ln"', "stands for one"]),
        ("REBa2Cu3O7", ['"R"', "stands for one"]),
        ("YBa2Cu3O7-\u03b4", ["7-x needs a number"]),
        ("ZnO:Al", ["how much of a dopant"]),
        ("Ni1e5", ["scientific notation", '"Ni100000"']),
        ("K(I)O3", ['"KIO3"', '"KO3"']),
        ("FeIIICl3", ['"FeCl3"', '"FeI3Cl3"']),
        ("CCO", ["SMILES", "C2H6O"]),
        ("CCN(CC)CC", ["SMILES"]),
        ("CC(=O)O", ["SMILES"]),
        ("c1ccccc1", ["SMILES"]),
        ("C1CCCCC1", ["SMILES"]),
        ("CCCl", ["SMILES"]),
        ("Pb(OAc)2", ["OAc", '"Pb(O1Ac1)2"']),
    ],
)
def test_it_refuses_and_helps(formula: str, said: list[str]) -> None:
    with pytest.raises(FormulaInvalid) as raised:
        parse_formula(formula)
    for words in said:
        assert words in str(raised.value)
    for spelling in proposals(raised.value):
        parse_formula(spelling)


@pytest.mark.parametrize(
    "formula",
    "COS CO2 KSCN KCN KNO3 K2CO3 CF4 CS2 POF3 S4N4 HCNO NI3 CH3CCH HCCH C2O CCl4 BPO4 YBO3 YBC COF2 KHCO3 H3NBH3 "
    "(NH2)2CO HCP CCCCPPPP SiSiCC CCCC CCNN".split(),
)
def test_a_molecule_in_capitals_stays_what_it_is(formula: str) -> None:
    assert not read_column([formula]).invalid


@pytest.mark.parametrize(
    "formula",
    ["8Y2O3-ZrO2", "ZrO2-8%Y2O3", "8 mol% Y2O3-ZrO2", "BaTiO3 + 2 mol% MnO2", "60%SiO2-40%Na2O", "Li2O-2SiO2"],
)
def test_a_share_of_an_unnamed_rest_is_not_worked_out(formula: str) -> None:
    with pytest.raises(FormulaInvalid) as raised:
        parse_formula(formula)
    assert proposals(raised.value) == []
    assert ("%" not in formula) or "has to be turned into amounts of atoms" in str(raised.value)


@pytest.mark.parametrize(
    ("formula", "letter"),
    [
        *((text, "x") for text in ("LixCoO2", "Li2xCoO2", "NaxCl", "LaxSr1-xMnO3", "AlxGa1-xAs", "MoSx", "CuSO4xH2O")),
        *((text, "x") for text in ("Na2CO3·xH2O", "Na2CO3.xH2O", "YBa2Cu3Ox", "(NH4)xWO3")),
        *(("CeOy", "y"), ("PdHz", "z"), ("SiO2·nH2O", "n")),
    ],
)
def test_a_letter_for_an_amount_is_never_taken_for_anything_else(formula: str, letter: str) -> None:
    with pytest.raises(FormulaInvalid, match=f"an amount such as {letter} needs a number") as raised:
        parse_formula(formula)
    assert proposals(raised.value) == []


@pytest.mark.parametrize(
    "formula",
    "C60 C304 C108 Al20 K20 Au309 Au102 Cu108 Al108 Ni200 Ni1024 B105 Fe20Ni80 Zr50Cu50 Mg17Al12 C10H20O2 B12H20 "
    "La200Sr100Mn300O900 Al203V20 Al47V203 Fe100Ni203 LiMg107O108 La1.5Ce0.5H20 Fe0.20 Ti0.02 La0.75Y00.25 "
    "Cu20H20 Mg1Al204".split(),
)
def test_a_zero_that_people_write_stays_a_zero(formula: str) -> None:
    pieces = re.findall(r"([A-Z][a-z]?)([0-9.]*)", formula)
    right = {symbol: float(amount or 1) for symbol, amount in pieces}
    assert parse_formula(formula) == pytest.approx(right)
    assert not read_column([formula]).invalid


@pytest.mark.parametrize(("formula", "as_written"), [("Fe203", "Fe203.0"), ("Ti02", "Ti2"), ("MgAl204", "MgAl204.0")])
def test_a_zero_that_may_be_a_letter_can_be_said_to_be_a_digit(formula: str, as_written: str) -> None:
    with pytest.raises(FormulaInvalid) as raised:
        parse_formula(formula)
    assert as_written in proposals(raised.value)


@pytest.mark.parametrize("amounts", [{"Y": 3, "Al": 5012}, {"Mg": 1, "Al": 204}, {"Li": 5, "Mn": 304}])
def test_a_canonical_formula_that_looks_like_a_slip_can_be_read(amounts: dict[str, float]) -> None:
    assert parse_formula(reduced_formula(amounts)) == amounts


@pytest.mark.parametrize(
    ("mapping", "right"),
    [
        ({"Fe2.67+": 3, "O2-": 4}, {"Fe": 3, "O": 4}),
        ({"Fe,spin=5": 1, "O": 1}, {"Fe": 1, "O": 1}),
        ({"Fe2+,spin=5": 1, "Fe3+,spin=-4.5": 1, "O2-": 2}, {"Fe": 2, "O": 2}),
        ({"Fe0+": 1, "Fe+3": np.float32(2), "O^2-": np.int64(1)}, {"Fe": 3, "O": 1}),
    ],
)
def test_keys_are_species(mapping: dict[str, float], right: dict[str, float]) -> None:
    assert parse_formula(mapping) == pytest.approx(right)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"X0+": 1, "O": 1}, "dummy species"),
        ({"Fe2+": 2, "Fe3+": -1}, "negative"),
        ({"Fe": 10**400}, "too large"),
        ({"@module": "pymatgen.core.structure"}, "composition"),
        ({"Fe2O3": 1}, "not an element"),
    ],
)
def test_what_is_no_species_is_named(mapping: dict[str, float], said: str) -> None:
    with pytest.raises(FormulaInvalid, match=said):
        parse_formula(mapping)


def test_compositions_of_pymatgen_with_charges_and_spins() -> None:
    core = pytest.importorskip("pymatgen.core")
    rock = core.Structure(core.Lattice.cubic(4.3), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    spin, half = rock.copy(), rock.copy()
    spin.add_spin_by_site([5, 0])
    half.add_oxidation_state_by_element({"Fe": 2.5, "O": -2.5})
    magnetite = core.Composition({core.Species("Fe", 8 / 3): 3, core.Species("O", -2): 4})
    for composition in (rock.composition, spin.composition, half.composition):
        assert parse_formula(composition) == {"Fe": 1, "O": 1}
    assert parse_formula(magnetite) == {"Fe": 3, "O": 4}
    with pytest.raises(FormulaInvalid, match="dummy species"):
        parse_formula(core.Composition({core.DummySpecies("X"): 1, "O": 1}))
    with pytest.raises(FormulaInvalid, match=r"Give its formula \(structure\.composition"):
        parse_formula(rock)


@pytest.mark.parametrize("formula", ["LiFePO4", "La0.7Sr0.3MnO3", "Fe0.99999Ni1e-05", "Ca3(PO4)2"])
def test_every_spelling_of_pymatgen_is_read_or_refused_with_it(formula: str) -> None:
    composition = pytest.importorskip("pymatgen.core").Composition(formula)
    for text in (
        composition.formula,
        composition.alphabetical_formula,
        composition.hill_formula,
    ):
        assert parse_formula(text) == pytest.approx(parse_formula(formula))
    for text in (composition.to_html_string(), composition.to_latex_string(), composition.to_unicode_string()):
        assert parsed_or_proposed(text) in ([], [pytest.approx(parse_formula(formula))])


def parsed_or_proposed(text: str) -> list[dict[str, float]]:
    """Return what a formula is read as, or what its refusal proposes."""
    try:
        return [parse_formula(text)]
    except FormulaInvalid as error:
        return [parse_formula(spelling) for spelling in proposals(error)]


@pytest.mark.parametrize(("formula", "spelling"), [("SiOAr2", "SiO1Ar2"), ("NaOTs2", "NaO1Ts2"), ("LiOAr", "LiO1Ar")])
def test_an_amount_behind_a_name_stays_what_it_is(formula: str, spelling: str) -> None:
    with pytest.raises(FormulaInvalid, match=f'"{spelling}"'):
        parse_formula(formula)


@pytest.mark.parametrize("amounts", [{"O": 1, "Ar": 1}, {"O": 1, "Ar": 2}])
def test_the_canonical_spelling_of_oxygen_and_argon_can_be_read(amounts: dict[str, int]) -> None:
    assert parse_formula(reduced_formula(amounts)) == amounts


@pytest.mark.parametrize("formula", ["ZnAc2·2H2O", "PbAc4", "CuAc2", "ZnAc2.2H2O", "AgAc"])
def test_acetates_of_metals_are_not_read_as_actinium(formula: str) -> None:
    with pytest.raises(FormulaInvalid, match="acetate or actinium"):
        parse_formula(formula)
    with pytest.raises(FormulaInvalid):
        fraction_matrix([formula])


@pytest.mark.parametrize("formula", ["AcZn2", "Ac2O3", "CaAc2", "AcPb3", "Ac", "AcAlO3"])
def test_compounds_of_actinium_are_read(formula: str) -> None:
    assert parse_formula(formula)["Ac"] > 0
