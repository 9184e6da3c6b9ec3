"""Why a structure is set aside: each reason by name, and what would mend it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from embeddings.text import one_line

MENDS: dict[str, str] = {
    "ambiguous_name": "write the whole file name, with its ending, in id_prop.csv",
    "atoms_overlap": "give each atom a place of its own",
    "bad_name": "use a name of 1 to 255 printable characters that UTF-8 can write",
    "composition_changed": "order the sites yourself: the largest shares alone are another material",
    "degenerate_cell": "check the lattice vectors: faces 0.4 angstrom apart at least, edges of 1,000 angstrom at most",
    "density_disagrees": "check cell, atoms and the density that is stated",
    "duplicate_id": "give each structure its own identifier",
    "far_outside_cell": "wrap the fractional coordinates into the cell",
    "formula_disagrees": "add the atoms that are left out, or state the formula of those that are there",
    "formula_unreadable": "write the formula sum as symbols and amounts, such as Ca H4 O6 S",
    "invalid_atomic_number": "use atomic numbers from 1 to 118",
    "missing_file": "add the file, or remove its line from id_prop.csv",
    "missing_hydrogens": "list every hydrogen atom with its place",
    "multiplicity_disagrees": "check the place of the site, or the setting of the space group",
    "no_atoms": "add the atoms",
    "no_cell": "only crystals that are periodic in three directions can be used",
    "no_id": "give the entry an identifier",
    "no_majority": "order the sites yourself: no share of theirs is the largest",
    "no_position": "give every atom three fractional coordinates, or remove it and its part of the formula",
    "no_structure": "write lattice, elements and positions as the format asks",
    "no_volume": "check the lattice vectors and their unit (angstrom)",
    "not_a_file": "put a regular file in its place",
    "not_finite": "replace NaN and infinity by numbers",
    "occupancy_out_of_range": "give shares from 0 to 1 that add up to 1 at most",
    "outside_folder": "copy the file into the folder in place of the link",
    "partial_occupancy": "order the sites, or choose --disorder majority",
    "reserved_name": "give the property a name that is not a column of the structure itself",
    "setting_disagrees": "make operations, name, number and cell agree; listing all operations is safest",
    "several_crystals": "put each crystal into a file of its own",
    "too_large": "use a smaller cell",
    "too_many_sites": "use a smaller cell, or raise --max-sites where the memory allows it",
    "too_many_sites_for_recipe": "use a smaller cell, or a recipe that takes more sites",
    "unknown_element": "write the symbol of a chemical element",
    "unknown_setting": "list the symmetry operations, or give the Hall symbol",
    "unreadable": "write the file again with the program that it came from",
    "unsupported_feature": "write the structure without this feature",
    "volume_disagrees": "check the lengths and angles of the cell, or the volume that is stated",
    "wrong_count": "let the number of atoms, rows or cells agree with what is announced",
}
"""Reason -> what would mend it. Every reason that a source or the cleaning gives stands here."""

COLUMNS = ("item", "place", "reason", "detail", "mend")
"""Of the list of what was set aside: file or identifier; block, frame or row in it; why; what exactly; the way out."""


def mend_of(reason: str) -> str:
    """Return what would mend a fault, or nothing where nobody knows."""
    return MENDS.get(reason, "")


def rejected_csv(faults: Iterable[Sequence[str]]) -> str:
    """Return item, place, reason and detail of each fault, and what would mend it, as a CSV table of one line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item, place, reason, detail in faults:
        writer.writerow([*map(one_line, (item, place, reason, detail)), mend_of(reason)])
    return text.getvalue()


class Unusable(Exception):
    """Something is not a usable structure; ``reason`` is a key of `MENDS`, ``detail`` says what exactly."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
