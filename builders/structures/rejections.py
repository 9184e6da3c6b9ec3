"""Why a structure is set aside: every reason by name, and how to fix it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from embeddings.display.text import one_line

MENDS: dict[str, str] = {
    "answer_not_finite": "check the structure, or use another potential",
    "ambiguous_name": "write the whole file name, with its ending, in id_prop.csv",
    "atoms_overlap": "give each atom its own position",
    "bad_name": "use a name of 1 to 255 printable characters that UTF-8 can write",
    "composition_changed": "order the sites yourself: the largest shares alone are another material",
    "degenerate_cell": "check the lattice vectors: faces at least 0.4 angstrom apart, edges of at most 1,000 angstrom",
    "density_disagrees": "check cell, atoms and the stated density",
    "duplicate_id": "give each structure its own identifier",
    "far_outside_cell": "wrap the fractional coordinates into the cell",
    "forces_too_large": "use smaller moves, or check the structure: forces are beyond 50 eV/angstrom",
    "formula_disagrees": "add the missing atoms, or state the formula of those that are there",
    "formula_unreadable": "write the formula sum as symbols and amounts, such as Ca H4 O6 S",
    "graph_not_made": "check the structure, or use another encoder",
    "invalid_atomic_number": "use atomic numbers from 1 to 118",
    "isolated_atoms": "check the cell, or use another encoder: an atom has no neighbor within reach of this one",
    "missing_file": "add the file, or remove its line from id_prop.csv",
    "missing_hydrogens": "list every hydrogen atom with its position",
    "multiplicity_disagrees": "check the position of the site, or the setting of the space group",
    "no_atoms": "add the atoms",
    "no_cell": "only crystals that are periodic in three directions can be used",
    "no_id": "give the entry an identifier",
    "no_majority": "order the sites yourself: no single share is the largest",
    "no_position": "give every atom three fractional coordinates, or remove it from the sites and the formula",
    "no_structure": "write lattice, elements and positions as the format requires",
    "no_volume": "check the lattice vectors and their unit (angstrom)",
    "not_a_file": "replace it with a regular file",
    "not_finite": "replace NaN and infinity with numbers",
    "occupancy_out_of_range": "give shares from 0 to 1 that add up to at most 1",
    "outside_folder": "copy the file into the folder in place of the link",
    "packed": "unpack it, or pack it with gzip, bzip2 or xz",
    "partial_occupancy": "order the sites, or choose --disorder majority in embed, pull or build",
    "read_alone": "name the file itself with --path, or write its structures as CIF",
    "reserved_name": "rename the property: every structure has a column of this name",
    "setting_disagrees": "make operations, name, number and cell agree; listing all operations is safest",
    "several_crystals": "put each crystal into its own file",
    "subfolder": "name the folder itself with --path, or move its files up",
    "too_large": "use a smaller cell",
    "too_many_sites": "use a smaller cell, or raise --max-sites where the memory allows it",
    "too_many_sites_for_recipe": "use a smaller cell, or a recipe that allows more sites",
    "unknown_element": "write the symbol of a chemical element",
    "unknown_format": "write its structures as CIF",
    "unknown_setting": "list the symmetry operations, or give the Hall symbol",
    "unreadable": "write the file again with the program that it came from",
    "unsupported_feature": "write the structure without this feature",
    "vectors_not_finite": "check the structure, or use another encoder",
    "volume_disagrees": "check the lengths and angles of the cell, or the stated volume",
    "wrong_count": "make the number of atoms, rows or cells agree with the stated one",
}
"""Reason -> how to fix it. Every reason that a source, the cleaning or a third-party potential gives is listed."""

COLUMNS = ("item", "place", "reason", "detail", "mend")
"""Columns of the list of rejected items: file or identifier; block, frame or row in it; why; what exactly; the fix."""


def mend_of(reason: str) -> str:
    """Return how to fix a fault; empty where that is unknown."""
    return MENDS.get(reason, "")


def with_mend(reason: str) -> str:
    """Return a reason with how to fix it in brackets, where that is known."""
    return f"{reason} ({MENDS[reason]})" if reason in MENDS else reason


def rejected_csv(faults: Iterable[Sequence[str]]) -> str:
    """Return item, place, reason, detail and fix of each fault as CSV, one line each."""
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
