"""Structures in memory: taken as they are, or refused with their place and the cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pymatgen.core import DummySpecies, Lattice, Molecule, Structure

from builders.sources.structures import parts_of
from builders.structures.objects import tabulate
from embeddings.errors import InputInvalid

CELL = Lattice.cubic(4.0)
COORDS = [[0, 0, 0], [0.5, 0.5, 0.5]]
GOOD = Structure(CELL, ["Cs", "Cl"], COORDS)


def atoms(**more: Any) -> Any:
    from ase import Atoms

    return Atoms("CsCl", cell=np.eye(3) * 4, scaled_positions=COORDS, **{"pbc": True, **more})


def disordered_atoms() -> Any:
    """As ASE reads a CIF with shared sites: the shares stand beside the atoms."""
    found = atoms()
    found.info["occupancy"] = {"0": {"Cs": 1.0}, "1": {"Cl": 0.7, "Br": 0.3}}
    found.set_array("spacegroup_kinds", np.array([0, 1]))
    return found


def without_cell() -> Any:
    found = atoms()
    found.set_cell(np.zeros((3, 3)))
    return found


def with_dummy() -> Any:
    found = atoms()
    found.numbers[1] = 0
    return found


def moved_to_nowhere() -> Any:
    found = atoms()
    found.positions[1, 1] = np.nan
    return found


REFUSED = {
    "a dummy": (lambda: Structure(CELL, ["Cs", DummySpecies("X")], COORDS), '"X" is not an element'),
    "a slab": (
        lambda: Structure(Lattice(np.eye(3) * 4, pbc=(True, True, False)), ["Cs", "Cl"], COORDS),
        "True, True, False",
    ),
    "shared sites": (lambda: Structure(CELL, ["Cs", {"Cl": 0.7, "Br": 0.3}], COORDS), "Cl 0.7, Br 0.3"),
    "a vacant share": (lambda: Structure(CELL, ["Cs", {"Cl": 0.7}], COORDS), "Cl 0.7, vacancy 0.3"),
    "a molecule": (lambda: Molecule(["C", "O"], [[0, 0, 0], [0, 0, 1.1]]), "is Molecule"),
    "no sites": (lambda: Structure(CELL, [], []), "no sites"),
    "atoms of a slab": (lambda: atoms(pbc=[True, False, True]), "True, False, True"),
    "atoms without a cell": (without_cell, "lie in one plane"),
    "atoms with a dummy": (with_dummy, '"X" is not an element'),
    "atoms at no place": (moved_to_nowhere, "not finite"),
    "atoms on shared sites": (disordered_atoms, "Cl 0.7, Br 0.3"),
    "nothing": (lambda: None, "is NoneType; give pymatgen structures or ASE atoms"),
    "a formula": (lambda: "NaCl", "is str"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_place_and_the_cause(name: str) -> None:
    make, cause = REFUSED[name]
    with pytest.raises(InputInvalid, match=f"^Structure 1 .*{cause}"):
        tabulate([GOOD, make()])  # type: ignore[list-item]


@pytest.mark.parametrize("wrong", [GOOD, atoms(), "POSCAR", {"a": GOOD}, None, 5], ids=str)
def test_one_structure_without_a_list_is_refused_with_the_way_out(wrong: Any) -> None:
    with pytest.raises(InputInvalid, match=r"Give a list of structures, not one .*\[structure\]"):
        tabulate(wrong)


def test_structures_and_atoms_are_taken_in_their_order() -> None:
    deuterated = Structure(CELL, ["Cs", "D"], COORDS)
    charged = Structure(CELL, ["Cs+", "Cl-"], COORDS)
    table = tabulate(structure for structure in (GOOD, atoms(), deuterated, charged))
    assert list(table.material_ids) == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(table.atomic_numbers.reshape(4, 2), [[55, 17], [55, 17], [55, 1], [55, 17]])
    np.testing.assert_allclose(table.frac_coords.reshape(4, 2, 3), [COORDS] * 4)


def test_what_stands_on_a_site_keeps_its_name() -> None:
    kinds = ["Cs+", "D", DummySpecies("Xa"), {"Fe2+": 0.5, "Fe3+": 0.5}]
    _, sites, _ = parts_of(Structure(CELL, kinds, np.arange(12).reshape(4, 3) / 12))
    assert sites == [{"Cs": 1.0}, {"D": 1.0}, {"Xa": 1.0}, {"Fe": 1.0}]
