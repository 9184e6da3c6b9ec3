"""CIF as other programs and databases write it: read as it is meant, or refused with the cause."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import ase.io
import gemmi
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from builders.snapshots.snapshot import Snapshot, read_structures
from builders.sources import SourceOptions
from embeddings.errors import SourceError
from tests.builders.sources.conftest import Pull
from tests.builders.sources.test_cif import cif, crystal, formula, listing, places, refused

PEROVSKITE = "5.2 5.4 7.6 90 90 90"
MONOCLINIC = "5.1 5.2 5.3 90 99 90"


def pulled(pull: Pull, folder: Path, text: str, disorder: str) -> tuple[Snapshot, str | None]:
    """A snapshot of a file, and why its crystal was set aside."""
    (folder / "a.cif").write_text(text)
    snapshot = pull("local", folder / disorder, SourceOptions(folder / "a.cif", disorder=disorder))
    rejected = snapshot.folder / "rejected.csv"
    return snapshot, pd.read_csv(rejected)["reason"].item() if rejected.exists() else None


# ASE: each shared site counts as full in the formula -----------------------------------------------------------------


def written_by_ase(shares: dict[str, float]) -> str:
    """A cubic perovskite whose A site is shared, read and written by ASE."""
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    structure = Structure(Lattice.cubic(3.9), [shares, "Mn", "O", "O", "O"], places)
    atoms, file = ase.io.read(io.StringIO(str(CifWriter(structure))), format="cif"), io.BytesIO()
    ase.io.write(file, atoms, format="cif")
    return file.getvalue().decode()


@pytest.mark.parametrize("shares", [{"La": 0.8, "Sr": 0.2}, {"La": 0.8}], ids=["shared", "partly empty"])
def test_shared_sites_of_a_cif_that_ase_wrote_are_shared_sites(
    shares: dict[str, float], pull: Pull, tmp_path: Path
) -> None:
    text = written_by_ase(shares)
    assert '_chemical_formula_sum              "La1 Mn1 O3"' in text
    with pytest.raises(SourceError, match="partial_occupancy"):
        pulled(pull, tmp_path, text, "drop")
    snapshot, reason = pulled(pull, tmp_path, text, "majority")
    assert reason is None
    assert snapshot.counts == {"majority_of_disordered_sites_taken": 1}
    assert sorted(read_structures(snapshot).atomic_numbers) == [8, 8, 8, 25, 57]


def test_a_formula_that_no_choice_of_shares_gives_disagrees() -> None:
    text = written_by_ase({"La": 0.8, "Sr": 0.2})
    refused(text.replace("La1 Mn1 O3", "Sr1 Mn1 O3"), "formula_disagrees", "Sr1 Mn1 O3", "La0.8")
    refused(written_by_ase({"La": 0.4}), "formula_disagrees", "La1 Mn1 O3")  # the site would be left empty


# AMCSD: what shares a site stands in brackets ------------------------------------------------------------------------

OLIVINE = ("Mg Mg 0 0 0 .9", "Fe Fe 0 0 0 .1", "Si Si .5 .5 .5 1", "O O .5 0 0 1")
SHARED = "label type_symbol fract_x fract_y fract_z occupancy"


@pytest.mark.parametrize(
    "text", ["(Mg.9 Fe.1) Si O", "(Mg.90 Fe.10)2 (Si O)2", "[Mg.9 (Fe.1)] {Si O}", "(Mg9 Fe)(SiO)10"]
)
def test_brackets_in_a_formula_sum_are_read(text: str) -> None:
    found = crystal(cif(*OLIVINE, columns=SHARED, chemical_formula_sum=text))
    assert found.sites == [{"Mg": 0.9, "Fe": 0.1}, {"Si": 1.0}, {"O": 1.0}]


def test_amounts_in_brackets_count() -> None:
    refused(cif(*OLIVINE, columns=SHARED, chemical_formula_sum="(Mg.9 Fe.1)2 Si O"), "formula_disagrees")
    refused(cif(*OLIVINE, columns=SHARED, chemical_formula_sum="(Mg.9 Fe.1)2 (Si O3)2"), "formula_disagrees")
    refused(cif("Si Si 0 0 0", "O O .5 .5 .5", chemical_formula_sum="(Si O2)2"), "formula_disagrees")
    refused(cif(*OLIVINE, columns=SHARED, chemical_formula_sum="(Mg.9 Fe.1 Si O"), "formula_unreadable")


SI = ("Si Si 0 0 0", "C C .5 .5 .5")


@pytest.mark.parametrize("values", [("'Si C'", "''"), ("''", "'Si C'"), ("'Si C'", "?"), ("'Si C'", '"Si C"')])
def test_an_item_that_says_nothing_new_the_second_time_is_one(values: tuple[str, str]) -> None:
    """Thousands of files of AMCSD state their formula sum, and then an empty one."""
    twice = "".join(f"_chemical_formula_sum {value}\n" for value in values)
    assert formula(crystal(cif(*SI) + twice)) == "C1Si1"
    refused(cif(*SI) + twice.replace("Si C", "Si2 C"), "formula_disagrees", "Si2 C")
    refused(cif(*SI) + twice + "_chemical_formula_sum 'Si2 C'\n", "unreadable", "twice")


# Operations beside a name --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "operations", "cell"),
    [
        ("Pc", ["x,y,z", "x+1/2,-y,z+1/2"], MONOCLINIC),
        ("P2_1/c", ["x,y,z", "-x,-y,-z", "-x+1/2,y+1/2,-z+1/2", "x+1/2,-y+1/2,z+1/2"], MONOCLINIC),
        ("Pmm2", ["x,y,z", "x,-y,-z", "x,-y,z", "x,y,-z"], PEROVSKITE),
    ],
)
def test_operations_in_other_axes_agree_with_the_symbol_of_the_type(
    name: str, operations: list[str], cell: str
) -> None:
    """SHELX and spglib name the type, whatever the axes."""
    found = crystal(cif("Na1 Na .11 .23 .37", cell=cell, hm=name) + listing(*operations))
    expected = [gemmi.Op(operation).apply_to_xyz([0.11, 0.23, 0.37]) for operation in operations]
    assert places(found.frac_coords) == places(expected)


def test_pymatgen_names_the_type_beside_operations_of_the_cell() -> None:
    """``refine_struct=False``; here the axis is a, and ``Pmm2`` has it along c."""
    water = Structure(Lattice.cubic(5), ["H", "H", "O"], [[0.1, 0.1, 0], [0.9, 0.1, 0], [0, 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(CifWriter(water, symprec=0.01, refine_struct=False))
    assert "Pmm2" in text
    assert formula(crystal(text)) == "H2O1"


@pytest.mark.parametrize("name", ["P 1 21/c 1", "P 21/a", "P2/c", "P 21/m"])
def test_operations_disagree_with_a_name_of_other_axes_or_of_another_type(name: str) -> None:
    n_glide = listing("x,y,z", "-x,-y,-z", "-x+1/2,y+1/2,-z+1/2", "x+1/2,-y+1/2,z+1/2")
    refused(cif("Na1 Na .11 .23 .37", cell=MONOCLINIC, hm=name) + n_glide, "setting_disagrees", name)


def test_operations_without_the_identity_have_it() -> None:
    text = cif("Na1 Na .1 .2 .3", cell=PEROVSKITE, hm="P n a 21")
    listed = listing("-x+1/2,y+1/2,z+1/2", "x+1/2,-y+1/2,z", "-x,-y,z+1/2")
    assert formula(crystal(text + listed)) == "Na4"
    refused(text + listing("-x+1/2,y+1/2,z+1/2", "x+1/2,-y+1/2,z"), "setting_disagrees", "not a group")


def test_an_item_that_says_nothing_of_the_crystal_may_be_repeated() -> None:
    title = "_publ_section_title 'one'\n_publ_section_title 'two'\n"
    assert formula(crystal(cif(*SI) + title)) == "C1Si1"
    refused(cif(*SI) + title + "_cell_length_a 4\n", "unreadable", "_cell_length_a", "twice")


def test_the_code_of_the_only_setting_of_a_group_may_be_1() -> None:
    """As EasyDiffraction writes it."""
    code = {"space_group_IT_coordinate_system_code": "1"}
    assert formula(crystal(cif(*SI, cell="4 4 4 90 90 90", hm="P m -3 m", **code))) == "C1Si1"
    refused(
        cif(*SI, cell="4 5 6 90 90 90", hm="P m m 2", **code | {"space_group_IT_coordinate_system_code": "2"}),
        "unknown_setting",
    )


def test_magnetic_operations_are_a_group_only_with_their_centerings() -> None:
    """As in files of MAGNDATA and ISODISTORT: twice the glide is a centering."""
    text = cif("Mn1 Mn .1 .2 .3", cell="7 8 9 90 90 90") + "loop_\n_space_group_symop_magn_operation.xyz\n"
    text += "x,y,z,+1\n-x,y,z+1/4,-1\nloop_\n_space_group_symop_magn_centering.xyz\nx,y,z,+1\n"
    refused(text, "setting_disagrees", "not a group")
    found = crystal(text + "x,y,z+1/2,+1\n")
    assert places(found.frac_coords) == {(0.1, 0.2, 0.3), (0.9, 0.2, 0.55), (0.1, 0.2, 0.8), (0.9, 0.2, 0.05)}


# Others --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["2H", "3H", "2h", "2H1+"])
def test_a_type_with_the_mass_of_heavy_hydrogen_is_counted(kind: str, pull: Pull, tmp_path: Path) -> None:
    snapshot, _ = pulled(pull, tmp_path, cif("Cs1 Cs 0 0 0", f"D1 {kind} .5 .5 .5"), "drop")
    assert snapshot.counts == {"deuterium_as_hydrogen": 1}
    assert sorted(read_structures(snapshot).atomic_numbers) == [1, 55]


def test_a_file_whose_every_block_is_broken_and_has_no_atoms_says_what_is_broken() -> None:
    refused("data_a\n_b 'x\ndata_c\n_d 'y\n", "unreadable", "line 2")


def test_a_quote_that_does_not_end_is_named() -> None:
    """As in the MOFs of RASPA: a comma stands behind the quote."""
    text = cif("Cs1 Cs 0 0 0") + "_citation_author_name 'M. Eddaoudi',\n_citation_year 2002\n"
    refused(text, "unreadable", "unterminated", "ends a value")
