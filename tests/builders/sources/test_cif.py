"""CIF: the atoms agree with all that the file states, or the crystal is refused; pymatgen is the oracle."""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pyarrow.parquet as pq
import pytest
import spglib
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from builders.engines import Engine
from builders.snapshots.snapshot import read_structures
from builders.sources import SourceOptions, local
from builders.sources.cif import CifCrystal, read_cif
from builders.structures.rejections import MENDS, Unusable
from embeddings.elements import SYMBOLS
from testing.crystals import Crystal, random_crystal, sample_crystals
from tests.builders.sources.conftest import Pull

CASES = Path(__file__).parents[2] / "cases"
CUBE = "4.1 4.1 4.1 90 90 90"
CSCL = ("Cs1 Cs 0 0 0", "Cl1 Cl 0.5 0.5 0.5")
CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
COLUMNS = "label type_symbol fract_x fract_y fract_z"


def cif(*sites: str, cell: str = CUBE, columns: str = COLUMNS, name: str = "x", **items: str) -> str:
    """A CIF of one block; ``items`` are tags without their underscore, an H-M name among them as ``hm``."""
    tags = {"hm": "_symmetry_space_group_name_H-M", "hall": "_symmetry_space_group_name_Hall"}
    lines = [f"data_{name}", *(f"_cell_{tag} {value}" for tag, value in zip(CELL, cell.split(), strict=True))]
    lines += [f"{tags.get(tag, '_' + tag)} {_quoted(value)}" for tag, value in items.items()]
    lines += ["loop_", *(f"_atom_site_{column}" for column in columns.split()), *sites]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def listing(*operations: str) -> str:
    return "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(f"'{operation}'\n" for operation in operations)


def only(text: str | bytes) -> CifCrystal | Unusable:
    """The one crystal of a file, or why there is none."""
    try:
        ((_, found),) = read_cif(text if isinstance(text, bytes) else text.encode())
    except Unusable as fault:
        return fault
    return found


def crystal(text: str | bytes) -> CifCrystal:
    found = only(text)
    assert isinstance(found, CifCrystal), found
    return found


def refused(text: str | bytes, reason: str, *words: str) -> None:
    found = only(text)
    assert isinstance(found, Unusable), found
    assert found.reason == reason, found
    assert found.reason in MENDS
    for word in words:
        assert word in found.detail


def elements(found: CifCrystal) -> list[str]:
    assert all(list(site.values()) == [1.0] for site in found.sites)
    return [next(iter(site)) for site in found.sites]


def formula(found: CifCrystal) -> str:
    return "".join(f"{symbol}{n}" for symbol, n in sorted(Counter(elements(found)).items()))


def places(coords: Any) -> set[tuple[float, ...]]:
    rounded = np.round(np.asarray(coords, dtype=float) % 1, 4) % 1
    return {tuple(row) for row in rounded.tolist()}


READ = {
    "cif_dot_values/o01_q": "Cl1Cs1",
    "cif_dot_values/o01d_mixed": "Cl1Cs1O1",
    "cif_dummy_atom_ends_the_pull/a": "Cl1Cs1",
    "cif_dummy_atom_ends_the_pull/b": "Cl4Na4",
    "cif_space_group_by_name/s01_hall_only": "Cl4Na4",
    "cif_space_group_by_name/s03_hmlong": "Cl4Na4",
    "cif_space_group_by_name/s03c_hm_old": "Cl4Na4",
    "cif_space_group_by_name/s04h_hex_H": "Bi6",
    "cif_space_group_by_name/s05_rhomb_R": "Bi2",
    "cif_space_group_by_name/s07_fd3m_1": "Si8",
    "cif_space_group_by_name/s07_fd3m_2": "Si8",
    "cif_space_group_by_name/s07_fd3m_Z": "Si8",
    "cif_space_group_by_name/s08_P21n": "Na4",
    "cif_valid_but_refused/hd_shared": "Cs1D1",
    "cif_valid_but_refused/o02_over": "Cl1Cs1",
    "cif_valid_but_refused/o10b_dup_image": "Cl1Cs1",
    "cif_valid_but_refused/t04_bom": "Cl1Cs1",
    "cif_valid_but_refused/t06_upper": "Cl1Cs1",
    "cif_valid_but_refused/t06b_mixedcase": "Cl1Cs1",
    "cif_valid_but_refused/t10_textblock": "Cl1Cs1",
    "cif_wrong_setting/Bbcm_it": "Na16",
    "cif_wrong_setting/P21n_it": "Na4",
    "cif_wrong_setting/P4nmm2": "Fe2",
    "cif_wrong_setting/fd3m2_it": "Si8",
    "cif_wrong_setting/fd3m_hall2": "Si8",
    "cif_wrong_setting/r3mR_hall": "Bi2",
    "cif_wrong_setting/r3mR_it": "Bi2",
}


@pytest.mark.parametrize("name", READ)
def test_valid_files_give_all_their_atoms(name: str) -> None:
    assert formula(crystal((CASES / f"{name}.cif").read_bytes())) == READ[name]


REFUSED = {
    "cif_dot_values/u01b_dot_noorigin": ("no_position", "H1"),
    "cif_dummy_atom_ends_the_pull/x": ("unknown_element", '"X"'),
    "cif_dummy_atom_ends_the_pull/va": ("unknown_element", '"Va"'),
    "cif_dummy_atom_ends_the_pull/uuo": ("unknown_element", '"Uuo"'),
    "cif_hydrogens_and_groups_lost/h01_attached": ("missing_hydrogens", "O5", "2"),
    "cif_hydrogens_and_groups_lost/h02_missingH": ("formula_disagrees", "Ca H4 O6 S", "Ca1 O6 S1"),
    "cif_hydrogens_and_groups_lost/h03_wrongcount": ("formula_disagrees", "Fe2 O3", "Fe1 O1"),
    "cif_hydrogens_and_groups_lost/type_OH": ("unknown_element", '"OH"'),
    "cif_hydrogens_and_groups_lost/type_H2O": ("unknown_element", '"H2O"'),
    "cif_hydrogens_and_groups_lost/L_OH1": ("unknown_element", '"OH1"'),
    "cif_hydrogens_and_groups_lost/L_Wat": ("unknown_element", '"Wat"'),
    "cif_hydrogens_and_groups_lost/L_NH4": ("unknown_element", '"NH4"'),
    "cif_hydrogens_and_groups_lost/L_PO4": ("unknown_element", '"PO4"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_whose_atoms_cannot_be_known_are_refused(name: str) -> None:
    refused((CASES / f"{name}.cif").read_bytes(), *REFUSED[name])


PLACES = {
    "cif_wrong_setting/P21n_it": [(0.11, 0.23, 0.37), (0.39, 0.73, 0.13), (0.61, 0.27, 0.87), (0.89, 0.77, 0.63)],
    "cif_wrong_setting/P4nmm2": [(0.75, 0.25, 0), (0.25, 0.75, 0)],
    "cif_wrong_setting/r3mR_hall": [(0.234,) * 3, (0.766,) * 3],
}


@pytest.mark.parametrize("name", PLACES)
def test_places_are_those_of_the_stated_setting(name: str) -> None:
    assert places(crystal((CASES / f"{name}.cif").read_bytes()).frac_coords) == places(PLACES[name])


# Settings ------------------------------------------------------------------------------------------------------------

SITE = np.array([0.137, 0.291, 0.417])
TYPES = {hall: spglib.get_spacegroup_type(hall) for hall in range(1, 531)}


def operations_of(hall: int) -> tuple[np.ndarray, np.ndarray]:
    found = spglib.get_symmetry_from_database(hall)
    return found["rotations"], found["translations"]


def cell_for(rotations: np.ndarray) -> str:
    """A cell that has the symmetry and no other: the mean of an odd metric over the rotations."""
    odd = np.array([[600.0, 40.0, 70.0], [40.0, 740.0, -90.0], [70.0, -90.0, 910.0]])
    metric = np.mean([rotation.T @ odd @ rotation for rotation in rotations], axis=0)
    a, b, c = np.sqrt(np.diag(metric))
    cosines = (metric[1, 2] / b / c, metric[0, 2] / a / c, metric[0, 1] / a / b)
    return " ".join(f"{value:.9f}" for value in (a, b, c, *np.degrees(np.arccos(cosines))))


STATED = {
    "Hall symbol": lambda t: {"hall": t.hall_symbol},
    "name and code": lambda t: {"hm": t.international_full, "space_group_IT_coordinate_system_code": t.choice or "abc"},
    "number and code": lambda t: {
        "space_group_IT_number": str(t.number),
        "space_group_IT_coordinate_system_code": t.choice or "abc",
    },
    "name with suffix": lambda t: {"hm": t.international_full + f":{t.choice or 'abc'}"},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", STATED)
def test_every_setting_that_is_stated_has_the_places_of_its_operations(how: str) -> None:
    wrong = {}
    for hall, kind in TYPES.items():
        rotations, translations = operations_of(hall)
        text = cif(f"Na1 Na {SITE[0]} {SITE[1]} {SITE[2]}", cell=cell_for(rotations), **STATED[how](kind))
        found = only(text)
        if isinstance(found, Unusable) or places(found.frac_coords) != places(rotations @ SITE + translations):
            wrong[hall] = (kind.international, kind.choice, found)
    assert not wrong


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_bare_name_gives_a_setting_of_that_name_or_is_refused() -> None:
    """Where origins or axes remain open, nothing is guessed; the name is enough for two thirds of the settings."""
    n_read = 0
    for hall, kind in TYPES.items():
        rotations, translations = operations_of(hall)
        text = cif(f"Na1 Na {SITE[0]} {SITE[1]} {SITE[2]}", cell=cell_for(rotations), hm=kind.international_full)
        found = only(text)
        if isinstance(found, Unusable):
            assert found.reason == "unknown_setting", kind
            continue
        n_read += 1
        assert places(found.frac_coords) == places(rotations @ SITE + translations), kind
    assert n_read > 350


SPELLINGS = [
    "P 21/n",
    "P21/n",
    "p 21/N",
    "P 2_1/n",
    "P_21/n",
    "P 2(1)/n",
    "P2(1)/n",
    "P 1 21/n 1",
    "P 2~1~/n",
    "P 2<sub>1</sub>/n",
    "P 1 21/n 1 :b2",
    "P 21/n (No. 14)",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_name_may_be_spelled_in_many_ways(name: str) -> None:
    found = crystal(cif("Na1 Na .11 .23 .37", cell="5 6 7 90 100 90", hm=name))
    assert places(found.frac_coords) == places(PLACES["cif_wrong_setting/P21n_it"])


def test_a_short_monoclinic_name_means_the_axis_that_the_cell_allows() -> None:
    found = crystal(cif("Na1 Na .137 .291 .417", cell="5 6 7 90 90 100", hm="P 21/n"))
    rotations, translations = operations_of(next(h for h, t in TYPES.items() if (t.number, t.choice) == (14, "c2")))
    assert places(found.frac_coords) == places(rotations @ SITE + translations)


DIAMOND = {"cell": "5.431 5.431 5.431 90 90 90", "hm": "F d -3 m"}
EIGHTH = "Si1 Si .125 .125 .125"


@pytest.mark.parametrize(
    "evidence",
    [
        {"hm": "F d -3 m (origin choice 2)"},
        {"hm": "F d -3 m S", "_": "Si1 Si 0 0 0"},
        {"chemical_formula_sum": "Si", "cell_formula_units_Z": "8"},
        {"exptl_crystal_density_diffrn": "2.33"},
        {"space_group_IT_coordinate_system_code": "2"},
    ],
)
def test_an_origin_that_is_not_named_is_found_by_what_the_rest_says(evidence: dict[str, str]) -> None:
    site = evidence.pop("_", EIGHTH) if "_" in evidence else EIGHTH
    assert formula(crystal(cif(site, **{**DIAMOND, **evidence}))) == "Si8"


def test_an_origin_that_nothing_decides_is_refused() -> None:
    refused(cif(EIGHTH, **DIAMOND), "unknown_setting", "F d -3 m :1", "F d -3 m :2")


def test_a_stated_multiplicity_decides_the_origin() -> None:
    columns = COLUMNS + " site_symmetry_multiplicity"
    assert formula(crystal(cif(EIGHTH + " 8", columns=columns, **DIAMOND))) == "Si8"


@pytest.mark.parametrize(
    ("cell", "n"), [("4.546 4.546 11.862 90 90 120", 6), ("4.746 4.746 4.746 57.23 57.23 57.23", 2)]
)
@pytest.mark.parametrize("stated", [{"hm": "R -3 m"}, {"space_group_IT_number": "166"}, {"hm": "R -3 2/m"}])
def test_the_cell_says_which_axes_a_rhombohedral_group_has(cell: str, n: int, stated: dict[str, str]) -> None:
    site = "Bi1 Bi 0 0 0.234" if n == 6 else "Bi1 Bi 0.234 0.234 0.234"
    assert formula(crystal(cif(site, cell=cell, **stated))) == f"Bi{n}"


INVERSION = listing("x,y,z", "-x,-y,-z")
CONTRADICTIONS = {
    "name of a larger group": (cif(*CSCL, hm="P m -3 m") + INVERSION, "P m -3 m"),
    "number of another group": (cif(*CSCL, space_group_IT_number="1") + INVERSION, "not 1"),
    "Hall symbol of another group": (cif(*CSCL, hall="P 1") + INVERSION, "P 1"),
    "P 1 by name, a number beside it": (cif(*CSCL, hm="P 1", space_group_IT_number="225"), "225"),
    "identity alone, a cubic name": (cif(*CSCL, hm="F m -3 m") + listing("x,y,z"), "F m -3 m"),
    "other origin than the name says": (
        cif(EIGHTH, cell=DIAMOND["cell"], hm="F d -3 m :1", hall="-F 4vw 2vw 3"),
        "F d -3 m :1",
    ),
    "cubic name, orthorhombic cell": (cif(*CSCL, cell="4.1 4.3 4.5 90 90 90", hm="P m -3 m"), "P m -3 m"),
    "hexagonal axes named, rhombohedral cell": (cif(*CSCL, cell="4.7 4.7 4.7 57 57 57", hm="R -3 m :H"), "R -3 m :h"),
    "primitive cell of a face-centered group": (cif(*CSCL, cell="3.84 3.84 3.84 60 60 60", hm="F d -3 m :2"), "F d -3"),
    "operations that are no group": (cif(*CSCL) + listing("x,y,z", "-x,-y,-z", "-x,y,z"), "not a group"),
    "two lists that differ": (
        cif(*CSCL) + INVERSION + "loop_\n_space_group_symop_operation_xyz\nx,y,z\n-x,y,-z\n",
        "different operations",
    ),
    "name and number": (cif(*CSCL, hm="P m -3 m", space_group_IT_number="225"), "225"),
    "two numbers": (cif(*CSCL, space_group_IT_number="1", symmetry_Int_Tables_number="2"), "1 and 2"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_statements_of_symmetry_that_contradict_each_other_are_refused(name: str) -> None:
    text, word = CONTRADICTIONS[name]
    refused(text, "setting_disagrees", word)


UNKNOWN_SETTINGS = {
    "no name": cif(*CSCL, hm="foo bar"),
    "only a crystal system": cif(*CSCL, space_group_crystal_system="cubic"),
    "only a Schoenflies symbol": cif(*CSCL, space_group_name_Schoenflies="Oh^1"),
    "no number": cif(*CSCL, space_group_IT_number="231"),
    "no code": cif(*CSCL, space_group_IT_number="221", space_group_IT_coordinate_system_code="9"),
    "no Hall symbol": cif(*CSCL, hall="nonsense"),
    "a transformation": cif(*CSCL, hm="P m -3 m", space_group_transform_Pp_abc="a-b,a+b,c;0,0,0"),
    "modulated": cif(*CSCL, hm="P 1", cell_modulation_dimension="1"),
    "magnetic name alone": cif(*CSCL, space_group_magn_name_BNS="P_a-1"),
    "axes open": cif("Na1 Na .1 .2 .3", cell="5 6 7 90 90 90", space_group_IT_number="62"),
}


@pytest.mark.parametrize("name", UNKNOWN_SETTINGS)
def test_symmetry_that_is_stated_and_not_understood_is_never_left_out(name: str) -> None:
    found = only(UNKNOWN_SETTINGS[name])
    assert isinstance(found, Unusable)
    assert found.reason in ("unknown_setting", "setting_disagrees")


OPERATIONS = {
    "spaces": ("x, y, z", "-x, -y, -z"),
    "capitals": ("X,Y,Z", "-X,-Y,-Z"),
    "signs": ("+x,+y,+z", "-x,-y,-z"),
    "other order": ("-x,-y,-z", "x,y,z"),
    "twice": ("x,y,z", "x,y,z", "-x,-y,-z"),
    "translations first": ("x,y,z", "1-x,-y,1/2-z+.5"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_may_be_written_in_many_ways(name: str) -> None:
    found = crystal(cif("Na1 Na .1 .2 .3") + listing(*OPERATIONS[name]))
    assert places(found.frac_coords) == places([(0.1, 0.2, 0.3), (0.9, 0.8, 0.7)])


@pytest.mark.parametrize("third", ["1/3", "0.3333", "0.333", ".33", "0.333333"])
def test_translations_may_be_rounded(third: str) -> None:
    two = {"1/3": "2/3", "0.3333": "0.6667", "0.333": "0.667", ".33": ".67", "0.333333": "0.666667"}[third]
    operations = listing("x,y,z", f"x+{two},y+{third},z+{third}", f"x+{third},y+{two},z+{two}")
    found = crystal(cif("Bi1 Bi 0 0 0", cell="4.5 4.5 11.8 90 90 120") + operations)
    assert places(found.frac_coords) == places([(0, 0, 0), (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)])


@pytest.mark.parametrize("operation", ["x,y", "x,y,0.3", "2x,y,z", "x,x,z", "foo", "x+0.2,y,z", "x,y,z,t"])
def test_an_operation_that_is_none_is_refused(operation: str) -> None:
    refused(cif(*CSCL) + listing("x,y,z", operation), "unreadable", operation)


def test_the_atoms_of_a_magnetic_cell_come_from_the_magnetic_operations_and_centerings() -> None:
    text = cif("Mn1 Mn 0.1 0.2 0.3", cell="4 4 8 90 90 90", parent_space_group_IT_number="221") + (
        "loop_\n_space_group_symop_magn_operation.xyz\n'x,y,z,+1'\n'-x,-y,-z,+1'\n"
        "loop_\n_space_group_symop_magn_centering.xyz\n'x,y,z,+1'\n'x,y,z+1/2,-1'\n"
    )
    assert places(crystal(text).frac_coords) == places(
        [(0.1, 0.2, 0.3), (0.9, 0.8, 0.7), (0.1, 0.2, 0.8), (0.9, 0.8, 0.2)]
    )


# Sites ---------------------------------------------------------------------------------------------------------------

TYPED = {
    "Fe3+": "Fe", "O2-": "O", "Fe+3": "Fe", "O-2": "O", "Na1+": "Na", "Cl-": "Cl", "Fe2.5+": "Fe", "FE": "Fe",
    "fe": "Fe", "Fe0+": "Fe", "D": "D", "T": "T", "H+": "H", "D1+": "D", "Co": "Co", "O1": "O", "2H": "D", "Nh": "Nh",
    "Os8+": "Os", "13C": "C",
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPED)
def test_a_type_is_an_element_with_or_without_its_charge(kind: str) -> None:
    assert (
        elements(crystal(cif("Cs1 Cs 0 0 0", f"Zn1 {kind} .5 .5 .5")))[1 if TYPED[kind] != "Cs" else 0] == TYPED[kind]
    )


DUMMIES = "X Xx M Q A Va Vac VAC Dum Du Zz Uuo Uuh Uun E G J L R Z Me Fe,Ni".split()
GROUPS = "OH Oh NH4 NH PO4 H2O CN CO NO HO BH4 Wat Ow".split()


@pytest.mark.parametrize("kind", [*DUMMIES, *GROUPS, "0.5Fe+0.5Ni", "Fe3+O", "1", "+", "O2H"])
def test_a_type_that_is_no_element_is_named(kind: str) -> None:
    refused(cif("Cs1 Cs 0 0 0", f"Cl1 {kind} .5 .5 .5"), "unknown_element", f'"{kind}"')


LABELED = {
    "Fe1A": "Fe", "FE1": "Fe", "O2'": "O", "Na": "Na", "Cl(1)": "Cl", "O_1": "O", "C1B": "C", "Si2*": "Si", "D1": "D",
    "Fe3+": "Fe", "NA1": "Na", "B1": "B", "o3": "O",
}  # fmt: skip


@pytest.mark.parametrize("label", LABELED)
def test_a_label_names_its_element_where_there_is_no_type(label: str) -> None:
    found = crystal(cif("Cs1 0 0 0", f'"{label}" .5 .5 .5', columns="label fract_x fract_y fract_z"))
    assert set(elements(found)) == {"Cs", LABELED[label]}


UNCLEAR = "OH1 Wat NH4 PO4 H2O OW1 Ow O1W T1 X1 Va1 M1 OA1 1 CO3 HO1 SO4 Hw D2O CN1 BH4 Uuo1".split()


@pytest.mark.parametrize("label", UNCLEAR)
def test_a_label_that_may_be_a_group_is_refused(label: str) -> None:
    refused(cif("Cs1 0 0 0", f"{label} .5 .5 .5", columns="label fract_x fract_y fract_z"), "unknown_element", label)


@pytest.mark.parametrize(
    ("label", "total", "expected"), [("OA1", "Cs O", "O"), ("CO1", "Co Cs", "Co"), ("SiT1", "Cs Si", "Si")]
)
def test_the_formula_says_what_an_unclear_label_is(label: str, total: str, expected: str) -> None:
    columns = "label fract_x fract_y fract_z"
    found = crystal(cif("Cs1 0 0 0", f"{label} .5 .5 .5", columns=columns, chemical_formula_sum=total))
    assert expected in elements(found)


@pytest.mark.parametrize(
    ("label", "total"), [("OH1", "Cs H O"), ("NH4", "Cs H4 N"), ("PO4", "Cs O4 P"), ("Wat", "Cs H2 O")]
)
def test_a_group_under_a_label_is_refused_with_its_formula_too(label: str, total: str) -> None:
    columns = "label fract_x fract_y fract_z"
    found = only(cif("Cs1 0 0 0", f"{label} .5 .5 .5", columns=columns, chemical_formula_sum=total))
    assert isinstance(found, Unusable)


def test_the_type_wins_over_the_label() -> None:
    assert formula(crystal(cif("Cs1 Na 0 0 0", "OH1 Cl .5 .5 .5"))) == "Cl1Na1"


def test_capitals_that_may_be_two_elements_are_one_if_the_formula_has_it() -> None:
    assert formula(crystal(cif("Cs1 CS 0 0 0", "CO1 CO .5 .5 .5", chemical_formula_sum="Co Cs"))) == "Co1Cs1"


def test_a_site_that_is_flagged_as_a_dummy_is_named() -> None:
    columns = COLUMNS + " calc_flag"
    refused(cif("Cs1 Cs 0 0 0 d", "Cl1 Cl .5 .5 .5 dum", columns=columns), "unknown_element", "Cl1", "dum")


@pytest.mark.parametrize(
    ("shares", "occupancy"), [(("1.01", "1"), 1.0), ((".", "?"), 1.0), (("1.02(3)", "0.9999"), 1.0)]
)
def test_occupancies_near_one_and_unknown_ones_are_full(shares: tuple[str, str], occupancy: float) -> None:
    columns = COLUMNS + " occupancy"
    found = crystal(cif(f"Cs1 Cs 0 0 0 {shares[0]}", f"Cl1 Cl .5 .5 .5 {shares[1]}", columns=columns))
    assert [list(site.values()) for site in found.sites] == [[occupancy], [occupancy]]


@pytest.mark.parametrize("share", ["1.4", "-0.1", "1.03"])
def test_an_occupancy_out_of_range_is_refused(share: str) -> None:
    text = cif(f"Cs1 Cs 0 0 0 {share}", "Cl1 Cl .5 .5 .5 1", columns=COLUMNS + " occupancy")
    refused(text, "occupancy_out_of_range", f"{float(share):g}")


def test_a_site_of_no_occupancy_is_no_atom() -> None:
    text = cif("Cs1 Cs 0 0 0 1", "Cl1 Cl .5 .5 .5 1", "O1 O .5 .5 0 0", columns=COLUMNS + " occupancy")
    assert formula(crystal(text)) == "Cl1Cs1"


def test_shares_of_one_place_are_one_site() -> None:
    sites = ("Fe1 Fe 0 0 0 0.7", "Ni1 Ni 1 0 0 0.2", "O1 O .5 .5 .5 1", "O2 O .5 .5 .5 1")
    found = crystal(cif(*sites, columns=COLUMNS + " occupancy"))
    assert found.sites == [{"Fe": 0.7, "Ni": 0.2}, {"O": 1.0}]


TWO_IN_ONE = {
    "two elements": ("Cs1 Cs 0 0 0 1", "Cl1 Cl 0 0 0.01 1"),
    "shares that exceed the place": ("Cs1 Cs 0 0 0 .7", "Rb1 Rb 0 0 0 .7"),
    "at an image": ("Cs1 Cs 0 0 0 1", "Cl1 Cl 1 1 -1 1"),
}


@pytest.mark.parametrize("name", TWO_IN_ONE)
def test_two_atoms_in_one_place_are_refused(name: str) -> None:
    refused(cif(*TWO_IN_ONE[name], columns=COLUMNS + " occupancy"), "atoms_overlap", "two atoms in one place")


def test_full_alternatives_of_a_disorder_are_refused() -> None:
    text = cif("Cs1 Cs 0 0 0 .", "Cl1 Cl .5 .5 .5 1", "Cl2 Cl .5 .5 .2 2", columns=COLUMNS + " disorder_group")
    refused(text, "partial_occupancy", "Cl1", "Cl2")


NO_PLACE = {
    "a point": cif(*CSCL, "H1 H . . ."),
    "a question mark": cif(*CSCL, "H1 H 0.1 ? 0.2"),
    "no column": cif("Cs1 Cs 0 0", columns="label type_symbol fract_x fract_y"),
    "Cartesian only": cif("Cs1 Cs 0 0 0", columns="label type_symbol Cartn_x Cartn_y Cartn_z"),
}


@pytest.mark.parametrize("name", NO_PLACE)
def test_an_atom_without_a_place_is_refused(name: str) -> None:
    refused(NO_PLACE[name], "no_position")


@pytest.mark.parametrize(("value", "reason"), [("nan", "not_finite"), ("1e400", "not_finite"), ("1e9", "not_finite"),
                                               ("1/3", "unreadable"), ("0,25", "unreadable")])  # fmt: skip
def test_a_coordinate_that_is_no_number_is_refused(value: str, reason: str) -> None:
    refused(cif(*CSCL, f"H1 H {value} 0 0.2"), reason)


CELLS = {
    "nan 4 4 90 90 90": "not_finite",
    "0 4 4 90 90 90": "no_volume",
    "-4 4 4 90 90 90": "no_volume",
    "4 4 4 0 90 90": "no_volume",
    "4 4 4 180 90 90": "no_volume",
    "4 4 4 60 60 125": "no_volume",
    "4 4 0.1 90 90 90": "no_volume",
    "1e9 1e-9 4 90 90 90": "no_volume",
    "4 4 4 1 1 1": "no_volume",
    "4 4 4 90 90 ?": "no_cell",
    "4 4 x 90 90 90": "unreadable",
}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    refused(cif(*CSCL, cell=cell), CELLS[cell])


# What the file states beside the atoms -------------------------------------------------------------------------------

SALT = ("Na1 Na 0 0 0", "Cl1 Cl 0.5 0.5 0.5")
SALT_CELL: dict[str, str] = {"cell": "5.64(2) 5.64(2) 5.64(2) 90 90. 90", "hm": "F m -3 m"}
AGREES = [
    {"chemical_formula_sum": "Cl Na"},
    {"chemical_formula_sum": "Na4 Cl4"},
    {"chemical_formula_sum": "NaCl"},
    {"chemical_formula_sum": "Na1 Cl1", "cell_formula_units_Z": "4"},
    {"chemical_formula_sum": "Na4 Cl4", "cell_formula_units_Z": "4"},
    {"chemical_formula_sum": "?", "cell_formula_units_Z": "?"},
    {"exptl_crystal_density_diffrn": "2.164(3)"},
    {"exptl_crystal_density_diffrn": "2.2"},
    {"cell_volume": "179.4(1)"},
    {"chemical_formula_weight": "58.44", "cell_formula_units_Z": "4"},
]


@pytest.mark.parametrize("items", AGREES, ids=str)
def test_statements_that_agree_are_no_obstacle(items: dict[str, str]) -> None:
    assert formula(crystal(cif(*SALT, **SALT_CELL, **items))) == "Cl4Na4"


DISAGREES = [
    ({"chemical_formula_sum": "Na Cl O"}, "formula_disagrees", "Na Cl O", "Cl4 Na4"),
    ({"chemical_formula_sum": "Na2 Cl"}, "formula_disagrees", "Na2 Cl", "Cl4 Na4"),
    ({"chemical_formula_sum": "K Cl"}, "formula_disagrees", "K Cl"),
    ({"chemical_formula_sum": "Na Cl", "cell_formula_units_Z": "2"}, "formula_disagrees", "2", "4"),
    ({"chemical_formula_sum": "Na Cl", "cell_formula_units_Z": "0"}, "formula_disagrees", "0"),
    ({"chemical_formula_sum": "salt, NaCl"}, "formula_unreadable", "salt"),
    ({"chemical_formula_sum": "Na Xx"}, "formula_unreadable", "Xx"),
    ({"exptl_crystal_density_diffrn": "4.33"}, "density_disagrees", "4.33", "2.164"),
    ({"exptl_crystal_density_diffrn": "1e1"}, "density_disagrees", "10", "2.164"),
    ({"cell_volume": "190"}, "volume_disagrees", "190", "179.4"),
    ({"chemical_formula_weight": "30.1", "cell_formula_units_Z": "4"}, "formula_disagrees", "30.1", "58.44"),
]


@pytest.mark.parametrize(("items", "reason", "words"), [(i, r, w) for i, r, *w in DISAGREES], ids=str)
def test_statements_that_disagree_are_named_with_both_values(items: Any, reason: str, words: list[str]) -> None:
    refused(cif(*SALT, **SALT_CELL, **items), reason, *words)


def test_the_asymmetric_unit_in_place_of_the_cell_is_noticed_by_the_number_of_formula_units() -> None:
    refused(
        cif(*SALT, cell=SALT_CELL["cell"], chemical_formula_sum="Na Cl", cell_formula_units_Z="4"), "formula_disagrees"
    )


def test_fewer_atoms_than_formula_units_are_noticed_without_a_formula() -> None:
    refused(cif(*SALT, cell=SALT_CELL["cell"], cell_formula_units_Z="4"), "formula_disagrees", "4", "1")


def test_sites_that_are_shared_may_hold_less_than_an_atom_of_each_kind_for_a_formula_unit() -> None:
    alloy = ("Fe1 Fe 0 0 0 .5", "Co1 Co 0 0 0 .5")
    found = crystal(cif(*alloy, cell="2.9 2.9 2.9 90 90 90", columns=COLUMNS + " occupancy", cell_formula_units_Z="1"))
    assert found.sites == [{"Fe": 0.5, "Co": 0.5}]


def test_operations_of_a_larger_cell_agree_with_the_name_of_their_group() -> None:
    thirds = [f"{sign}x,{sign}y,{sign}z+{k}/3" for sign in ("", "-") for k in range(3)]
    text = cif("Na1 Na .1 .2 .1", cell="5 6 21 80 85 95", hm="P -1", space_group_IT_number="2")
    assert len(crystal(text + listing(*thirds)).sites) == 6
    refused(text.replace("'2'", "'1'") + listing(*thirds), "setting_disagrees")


def test_one_hydrogen_of_many_atoms_is_missed() -> None:
    grid = [(i / 6, j / 6, k / 6) for i in range(6) for j in range(6) for k in range(6)]
    sites = [
        f"{'H' if n % 2 else 'C'}{n} {'H' if n % 2 else 'C'} {x:.5f} {y:.5f} {z:.5f}"
        for n, (x, y, z) in enumerate(grid)
    ]
    cell = "18 18 18 90 90 90"
    assert formula(crystal(cif(*sites, cell=cell, chemical_formula_sum="C108 H108"))) == "C108H108"
    refused(cif(*sites[:-1], cell=cell, chemical_formula_sum="C108 H108"), "formula_disagrees")


def test_the_formula_of_a_shared_site_counts_its_shares() -> None:
    sites = ("Fe1 Fe 0 0 0 0.667", "Ni1 Ni 0 0 0 0.333", "O1 O .5 .5 .5 1")
    columns = COLUMNS + " occupancy"
    found = crystal(cif(*sites, columns=columns, chemical_formula_sum="Fe0.67 Ni0.33 O"))
    assert found.sites[0] == pytest.approx({"Fe": 0.667, "Ni": 0.333})
    refused(cif(*sites, columns=columns, chemical_formula_sum="Fe0.5 Ni0.5 O"), "formula_disagrees")


@pytest.mark.parametrize(
    ("column", "values", "agrees"),
    [
        ("site_symmetry_multiplicity", "4 4", True),
        ("site_symmetry_multiplicity", "4 8", False),
        ("site_symmetry_multiplicity", "48 48", False),
        ("site_symmetry_multiplicity", "4 -4", False),
        ("site_symmetry_multiplicity", "0 4", False),
        ("symmetry_multiplicity", "4 4", True),
        ("symmetry_multiplicity", "48 48", True),
        ("symmetry_multiplicity", "4 48", False),
        ("site_symmetry_order", "48 48", True),
        ("site_symmetry_order", "1 48", False),
        ("site_symmetry_multiplicity", "? .", True),
    ],
)
def test_multiplicities_are_compared(column: str, values: str, agrees: bool) -> None:
    sites = [f"{site} {value}" for site, value in zip(SALT, values.split(), strict=True)]
    text = cif(*sites, columns=f"{COLUMNS} {column}", **SALT_CELL)
    if agrees:
        assert formula(crystal(text)) == "Cl4Na4"
    else:
        refused(text, "multiplicity_disagrees")


@pytest.mark.parametrize("third", ["0.3333 0.6667", "0.333 0.667", ".33 .67", "0.33333 0.66667", "0.333 0.666"])
def test_rounded_thirds_are_moved_onto_their_special_place(third: str) -> None:
    found = crystal(cif(f"Mg1 Mg {third} .25", cell="3.2 3.2 5.2 90 90 120", hm="P 63/m m c"))
    assert formula(found) == "Mg2"
    np.testing.assert_allclose(np.sort(found.frac_coords % 1, axis=0), [[1 / 3, 1 / 3, 0.25], [2 / 3, 2 / 3, 0.75]])


def test_the_digits_of_a_file_without_symmetry_are_kept() -> None:
    found = crystal(
        cif("Mg1 Mg 0.3333 0.6667 -0.25", "Mg2 Mg 0.6667 1.3333 .75", cell="3.2 3.2 5.2 90 90 120", hm="P 1")
    )
    assert found.frac_coords.tolist() == [[0.3333, 0.6667, -0.25], [0.6667, 1.3333, 0.75]]


# Text ----------------------------------------------------------------------------------------------------------------

PLAIN = cif(*CSCL, hm="P 1")
TEXTS = {
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "utf-16": PLAIN.encode("utf-16"),
    "latin-1": PLAIN.encode() + "_publ_author 'Müller'\n".encode("latin-1"),
    "carriage returns": PLAIN.replace("\n", "\r\n").encode(),
    "old Macintosh": PLAIN.replace("\n", "\r").encode(),
    "capitals": PLAIN.replace("data_", "DATA_").replace("loop_", "LOOP_").replace("_cell", "_CELL").encode(),
    "dictionary names": PLAIN.replace("_cell_", "_cell.").replace("_atom_site_", "_atom_site.").encode(),
    "comments": b"# data_wrong\n" + PLAIN.replace("loop_\n", "loop_ # sites\n").encode(),
    "text field with a header": PLAIN.replace("loop_", "_x\n;\ndata_y\nloop_\n_cell_length_a 9\n;\nloop_").encode(),
    "sites after their ellipsoids": PLAIN.replace(
        "loop_", "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\nCs1 .1\nCl1 .1\nloop_"
    ).encode(),
    "metadata in a block before": b"data_global\n_publ_author 'Curie'\n" + PLAIN.encode(),
    "metadata in a block after": PLAIN.encode() + b"data_hkl\nloop_\n_refln_index_h\n1\n2\n",
    "broken metadata before": b"data_global\n_publ_author\n_x 'a\n" + PLAIN.encode(),
    "end of file of DOS": PLAIN.encode() + b"\x1a\r\n",
    "filled up with zeros": PLAIN.encode() + b"\0" * 100,
    "dictionary in a save frame": PLAIN.encode() + b"save_x\n_item.name 1\nsave_\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_whatever_is_valid_is_read(name: str) -> None:
    assert formula(crystal(TEXTS[name])) == "Cl1Cs1"


def test_what_another_block_says_of_the_only_crystal_holds() -> None:
    text = "data_global\n_chemical_formula_sum 'Cs Cl O'\n" + PLAIN
    refused(text, "formula_disagrees", "Cs Cl O")


def test_another_block_with_a_cell_of_its_own_says_nothing_of_the_crystal() -> None:
    other = "data_other\n_cell_length_a 9\n_symmetry_space_group_name_H-M 'F m -3 m'\n"
    text = cif(*CSCL)
    assert formula(crystal(text + other)) == "Cl1Cs1"
    assert formula(crystal(text + other.replace("_cell_length_a 9\n", ""))) == "Cl4Cs4"


@pytest.mark.parametrize("header", ["data_common\n", "global_\n"])
@pytest.mark.parametrize("item", ["_symmetry_space_group_name_H-M 'F m -3 m'\n", listing("x,y,z", "-x,-y,-z")])
def test_crystals_whose_symmetry_stands_in_a_common_block_are_not_read_in_p1(header: str, item: str) -> None:
    silent, own = cif(*CSCL, name="a"), cif(*CSCL, name="b", hm="P 1")
    found = dict(read_cif((header + item + silent + own).encode()))
    assert isinstance(found["a"], Unusable)
    assert found["a"].reason == "unknown_setting"
    assert isinstance(found["b"], CifCrystal)


def test_a_symmetry_in_a_block_that_cannot_be_read_is_not_passed_over() -> None:
    refused("data_common\n_symmetry_space_group_name_H-M 'F m -3 m'\n_x 'a\n" + cif(*CSCL), "unreadable", "common")


@pytest.mark.parametrize(
    "item", ["_cell_length_a 4", "_symmetry_space_group_name_H-M 'F m -3 m'", "_atom_site_label X"]
)
def test_what_a_save_frame_says_of_the_crystal_is_not_passed_over(item: str) -> None:
    refused(f"{cif(*CSCL)}save_frame\n{item}\nsave_\n", "unsupported_feature", "frame")


@pytest.mark.parametrize("lattice", ["F", "I"])
def test_a_primitive_cell_agrees_with_the_name_of_its_group(lattice: str) -> None:
    """As pymatgen writes it with ``refine_struct=False``."""
    number, points = {"F": (225, "0 .5 .5; .5 0 .5; .5 .5 0"), "I": (229, "-.5 .5 .5; .5 -.5 .5; .5 .5 -.5")}[lattice]
    structure = Structure(Lattice(5.6 * np.array(np.matrix(points))), ["Na"], [[0, 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(CifWriter(structure, symprec=0.01, refine_struct=False))
    assert f"_symmetry_Int_Tables_number   {number}" in text
    assert len(crystal(text).sites) == 1
    refused(text.replace(f"number   {number}", "number   221"), "setting_disagrees")


def test_operations_without_their_centering_do_not_agree_with_the_name() -> None:
    text = cif("Na1 Na .1 .2 .3", cell="5 6 7 90 90 90", hm="I m m m")
    signs = [f"{a}x,{b}y,{c}z" for a in ("", "-") for b in ("", "-") for c in ("", "-")]
    refused(text + listing(*signs), "setting_disagrees", "I m m m")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "data_x\n",
        PLAIN.replace("0.5 0.5 0.5", "0.5 0.5"),
        PLAIN + "_cell_length_a 5\n",
        "\0" * 50,
        "[1]",
    ],
)
def test_what_is_no_cif_is_unreadable(text: str) -> None:
    refused(text, "unreadable")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (PLAIN.replace("0.5 0.5 0.5", "\u22120.5 0.5 0.5"), "MINUS SIGN"),
        (PLAIN.replace("0.5 0.5 0.5", "0.5\u00a00.5 0.5"), "NO-BREAK SPACE"),
        (PLAIN.replace("data_x", "data_\u00e9"), "line 1 has U+00E9"),
        ("#\\#CIF_2.0\n" + PLAIN + "_x [1 2]\n", "CIF 2.0"),
    ],
)
def test_a_refusal_names_the_character_or_the_version_that_is_not_read(text: str, word: str) -> None:
    refused(text, "unreadable", word)


def test_letters_of_any_language_may_stand_in_quotes_and_remarks() -> None:
    assert elements(crystal(PLAIN + "_x 'M\u00fcller, \u00c5'\n# \u2212\n_y\n;\n90\u00b0\n;\n")) == ["Cs", "Cl"]
    refused(PLAIN + "_x 'M\u00fcller's \u00c5'\n# \u2212\n_y a b\n", "unreadable", "parse error")


@pytest.mark.parametrize("formula", ["Na, O H", "O H 1-, Na 1+", "Na, 2(H2 O)", "Na(OH)", "NaOH"])
@pytest.mark.parametrize("kind", ["moiety", "structural"])
def test_another_formula_names_no_element_that_is_not_there(kind: str, formula: str) -> None:
    sites = ("Na1 Na 0 0 0", "O1 O 0.5 0.5 0.5")
    tag = f"chemical_formula_{kind}"
    refused(cif(*sites, **{tag: formula}), "formula_disagrees", tag, "H is missing")
    assert len(crystal(cif(*sites, "H1 H 0.5 0.5 0.73", **{tag: formula})).sites) == 3


@pytest.mark.parametrize("formula", ["Na (O Me)", "sodium oxide", "Na x O", "Na, O", "Na 1+, O 1-", "NaO"])
def test_another_formula_that_is_a_name_or_agrees_refuses_nothing(formula: str) -> None:
    assert crystal(cif("Na1 Na 0 0 0", "O1 O 0.5 0.5 0.5", chemical_formula_structural=formula))


def test_a_modulation_of_no_dimension_is_none() -> None:
    assert elements(crystal(cif(*CSCL, cell_modulation_dimension="0"))) == ["Cs", "Cl"]


def test_too_many_sites_are_refused_before_they_are_made() -> None:
    row = "Na{0} Na {0}e-5 0.123 0.271"
    many = [row.format(k) for k in range(2_500)]
    refused(cif(*many, cell="50 50 50 90 90 90", hm="F m -3 m"), "too_large")
    refused(cif(*(row.format(k) for k in range(20_001)), hm="P 1"), "too_large")


def test_bombs_are_refused_in_little_time() -> None:
    heap = [f"Na{k} Na 0 0 0" for k in range(15_000)]
    refused(cif(*heap, hm="P 1"), "atoms_overlap", "in one place")
    operations = [f"x+{k}/24,y+{j}/24,z+{i}/24" for k in range(24) for j in range(24) for i in range(24)]
    refused(cif(*CSCL) + listing(*operations), "too_large", "13,824")
    text = cif(*CSCL) + listing("x,y,z")
    for kind in ("operation", "centering"):
        text += f"loop_\n_space_group_symop_magn_{kind}.xyz\n" + "".join(f"{o},+1\n" for o in operations[::60])
    assert isinstance(only(text), Unusable)


# Order ---------------------------------------------------------------------------------------------------------------


def pymatgen_reads(text: str, tmp_path: Path) -> Structure:
    path = tmp_path / "peer.cif"
    path.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Structure.from_file(path)


def assert_like_pymatgen(text: str, tmp_path: Path) -> None:
    """Row by row the same element in the same place."""
    found, peer = crystal(text), pymatgen_reads(text, tmp_path)
    assert ["H" if symbol == "D" else symbol for symbol in elements(found)] == [kind.symbol for kind in peer.species]
    gaps = found.frac_coords - peer.frac_coords
    assert np.abs((gaps - np.rint(gaps)) @ found.lattice).max() < 1e-3
    np.testing.assert_allclose(found.lattice, peer.lattice.matrix, atol=1e-9)


def structure_of(crystal: Crystal) -> Structure:
    lattice, numbers, coords = crystal
    return Structure(Lattice(lattice), numbers.tolist(), coords)


SAMPLE = [*sample_crystals(12)[0], *(random_crystal(np.random.default_rng(seed), 9) for seed in range(12))]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("symprec", [None, 0.01])
def test_atoms_are_in_the_order_of_pymatgen(symprec: float | None, tmp_path: Path) -> None:
    for peer in SAMPLE:
        assert_like_pymatgen(str(CifWriter(structure_of(peer), symprec=symprec)), tmp_path)


ORDERS = {
    "oxides": ("O1 O 0 0 0", "Ti1 Ti .5 .5 .5", "O2 O .5 0 0", "Ca1 Ca 0 .5 .5", "O3 O 0 0 .5"),
    "equal electronegativities": ("Rh1 Rh 0 0 0", "Pt1 Pt .5 .5 .5", "Ru1 Ru .5 0 0", "Pd1 Pd 0 .5 0", "Rh2 Rh 0 0 .5"),
    "noble gases": ("O1 O 0 0 0", "He1 He .5 .5 .5", "Cs1 Cs .5 0 0", "Ar1 Ar 0 .5 0", "He2 He 0 0 .5"),
    "isotopes": ("H1 H 0 0 0", "D1 D .5 .5 .5", "O1 O .5 0 0", "D2 D 0 .5 0", "H2 H 0 0 .5"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("operations", [("x,y,z",), ("-x,-y,-z", "x,y,z")])
def test_the_order_of_pymatgen_holds_for_ties_too(name: str, operations: tuple[str, ...], tmp_path: Path) -> None:
    assert_like_pymatgen(cif(*ORDERS[name], cell="6 6 6 90 90 90") + listing(*operations), tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_order_of_pymatgen_heeds_oxidation_states(tmp_path: Path) -> None:
    sites = ("Fe1 Fe3+ 0 0 0", "O1 O2- .5 .5 .5", "Fe2 Fe2+ .5 0 0", "Fe3 Fe3+ 0 .5 0", "O2 O2- 0 0 .5")
    states = "loop_\n_atom_type_symbol\n_atom_type_oxidation_number\nFe3+ 3.0\nFe2+ 2.0\nO2- -2.0\n"
    text = cif(*sites, cell="6 6 6 90 90 90") + states + listing("x,y,z")
    assert_like_pymatgen(text, tmp_path)
    assert crystal(text).frac_coords[0].tolist() == [0.5, 0, 0]


def test_the_rows_of_a_mixed_file_are_those_of_pymatgen(tmp_path: Path) -> None:
    text = (CASES / "cif_site_order" / "mix.cif").read_text()
    assert elements(crystal(text)) == ["Ca", "Ti", "O", "O"]
    assert_like_pymatgen(text, tmp_path)


# Round trips ---------------------------------------------------------------------------------------------------------


def written_by_ase(crystal: Crystal) -> str:
    from ase import Atoms
    from ase.io import write

    lattice, numbers, coords = crystal
    buffer = io.BytesIO()
    write(buffer, Atoms(numbers=numbers, cell=lattice, scaled_positions=coords, pbc=True), format="cif")
    return buffer.getvalue().decode()


def written_by_gemmi(crystal: Crystal) -> str:
    lattice, numbers, coords = crystal
    small = gemmi.SmallStructure()
    small.cell, small.spacegroup_hm = gemmi.UnitCell(*Lattice(lattice).parameters), "P 1"
    for k, (number, place) in enumerate(zip(numbers.tolist(), coords.tolist(), strict=True)):
        site = gemmi.SmallStructure.Site()
        site.label, site.type_symbol, site.element = (
            f"{SYMBOLS[number - 1]}{k}",
            SYMBOLS[number - 1],
            gemmi.Element(number),
        )
        site.fract, site.occ = gemmi.Fractional(*place), 1
        small.add_site(site)
    return small.make_cif_block().as_string()


WRITERS = {
    "pymatgen": (lambda crystal: str(CifWriter(structure_of(crystal))), 6e-9),
    "ase": (written_by_ase, 1e-12),
    "gemmi": (written_by_gemmi, 6e-6),
}


def assert_same_atoms(found: CifCrystal, expected: Crystal, tolerance: float) -> None:
    """The same elements in the same places of the same cell, in any order."""
    lattice, numbers, coords = expected
    symbols = np.array([SYMBOLS[z - 1] for z in numbers])
    assert Counter(elements(found)) == Counter(symbols.tolist())
    np.testing.assert_allclose(Lattice(found.lattice).parameters, Lattice(lattice).parameters, atol=1e-5)
    free = np.ones(len(numbers), dtype=bool)
    for symbol, place in zip(elements(found), found.frac_coords, strict=True):
        gaps = np.where((symbols == symbol) & free, 0, np.inf)[:, None] + np.abs(
            (coords - place) - np.rint(coords - place)
        )
        nearest = int(np.argmin(gaps.max(axis=1)))
        assert gaps[nearest].max() <= tolerance
        free[nearest] = False


def assert_same_structure(found: CifCrystal, expected: Structure) -> None:
    """The same atoms, volume and distances, whatever the axes."""
    assert Counter(elements(found)) == Counter(site.specie.symbol for site in expected)
    peer = Structure(found.lattice, elements(found), found.frac_coords)
    assert peer.volume == pytest.approx(expected.volume, rel=1e-5)
    distances = np.sort(peer.distance_matrix.ravel())
    np.testing.assert_allclose(distances, np.sort(expected.distance_matrix.ravel()), atol=1e-3)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("writer", WRITERS)
def test_what_a_writer_wrote_without_symmetry_is_read_to_its_last_digit(writer: str) -> None:
    write, tolerance = WRITERS[writer]
    for expected in SAMPLE:
        assert_same_atoms(crystal(write(expected)), expected, tolerance)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_pymatgen_wrote_with_symmetry_is_the_same_structure() -> None:
    for expected in SAMPLE:
        structure = structure_of(expected)
        refined = SpacegroupAnalyzer(structure, 0.01).get_refined_structure()
        assert_same_structure(crystal(str(CifWriter(structure, symprec=0.01))), refined)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_structures_survive_a_round_trip(data_folder: Path, tmp_path: Path) -> None:
    table = pq.read_table(data_folder / "mp_structures.parquet").slice(2_000, 60)
    for row in table.to_pylist():
        expected = (
            np.reshape(row["lattice"], (3, 3)),
            np.array(row["atomic_numbers"]),
            np.reshape(row["frac_coords"], (-1, 3)),
        )
        if len(expected[1]) > 40:
            continue
        for write, tolerance in WRITERS.values():
            assert_same_atoms(crystal(write(expected)), expected, tolerance)
        text = str(CifWriter(structure_of(expected), symprec=0.01))
        assert_like_pymatgen(text, tmp_path)


# Folders -------------------------------------------------------------------------------------------------------------


def rejected(folder: Path) -> list[tuple[str, str, str, str]]:
    """Return item, place, reason and detail of what was set aside."""
    path = folder / "rejected.csv"
    rows = list(csv.reader(path.open(newline="", encoding="utf-8")))[1:] if path.exists() else []
    return [(item, place, reason, detail) for item, place, reason, detail, _ in rows]


def ids_and_formulas(snapshot: Any) -> dict[str, str]:
    tables = [pq.read_table(snapshot.folder / name) for name in snapshot.parts]
    return {row["material_id"]: row["formula"] for table in tables for row in table.to_pylist()}


def test_every_crystal_of_a_file_is_pulled_under_a_name_of_its_own(pull: Pull, tmp_path: Path) -> None:
    snapshot = pull("local", tmp_path / "s", SourceOptions(CASES / "cif_several_blocks"))
    assert ids_and_formulas(snapshot) == {"m01_two#a": "NaCl", "m01_two#b": "CsCl", "m03_firstbad#b": "CsCl"}
    assert rejected(tmp_path / "s") == [
        ("m03_firstbad.cif", "a", "occupancy_out_of_range", "Na1 has the occupancy 1.4")
    ]


def test_blocks_of_one_name_or_of_none_are_told_apart(pull: Pull, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "many.cif").write_text("".join(cif(*CSCL, hm="P 1", name=name) for name in ("", "a", "A", "", "b")))
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert list(ids_and_formulas(snapshot)) == ["many#block-1", "many#a-2", "many#A-3", "many#block-4", "many#b"]


def test_one_label_is_not_given_to_several_crystals(pull: Pull, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "two.cif").write_text((CASES / "cif_several_blocks" / "m01_two.cif").read_text())
    (folder / "one.cif").write_text(PLAIN)
    (folder / "id_prop.csv").write_text("one,1\ntwo,2\n")
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert ids_and_formulas(snapshot) == {"one": "CsCl"}
    assert rejected(tmp_path / "s") == [("two.cif", "", "several_crystals", "one label, and 2 crystals: a, b")]


def test_a_broken_block_does_not_take_the_others_with_it(pull: Pull, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    broken = PLAIN.replace("data_x", "data_bad").replace("0.5 0.5 0.5", "0.5 0.5")
    (folder / "two.cif").write_text(broken + PLAIN)
    snapshot = pull("local", tmp_path / "s", SourceOptions(folder))
    assert ids_and_formulas(snapshot) == {"two#x": "CsCl"}
    assert rejected(tmp_path / "s")[0][:3] == ("two.cif", "bad", "unreadable")


def test_dummies_leave_the_rest_of_a_folder_alone(pull: Pull, tmp_path: Path) -> None:
    snapshot = pull("local", tmp_path / "s", SourceOptions(CASES / "cif_dummy_atom_ends_the_pull"))
    assert ids_and_formulas(snapshot) == {"a": "CsCl", "b": "NaCl"}
    assert snapshot.rejected == {"unknown_element": 3}


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_pull_that_was_cut_ends_with_the_same_bytes(
    n_workers: int, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ITEMS_PER_BATCH", 2)
    folder = tmp_path / "data"
    folder.mkdir()
    two = (CASES / "cif_several_blocks" / "m03_firstbad.cif").read_text()
    for k in range(7):
        (folder / f"{k}.cif").write_text(two if k % 3 == 0 else PLAIN)
    whole = pull("local", tmp_path / "whole", SourceOptions(folder))
    assert len(whole.parts) == 4
    cut = tmp_path / "cut"
    cut.mkdir()
    for name in ("plan.json", "part-00000.parquet"):
        (cut / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    ledger = (tmp_path / "whole" / "ledger.jsonl").read_text().splitlines(keepends=True)
    (cut / "ledger.jsonl").write_text(ledger[0])
    resumed = pull("local", cut, SourceOptions(folder, engine=Engine(workers=n_workers)))
    assert resumed.parts == whole.parts
    assert read_structures(resumed).n_sites.tolist() == read_structures(whole).n_sites.tolist()
