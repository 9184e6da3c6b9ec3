"""Why a structure is set aside: each reason by name, and what would mend it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

MENDS: dict[str, str] = {
    "atoms_overlap": "give each atom a place of its own",
    "duplicate_id": "give each structure its own identifier",
    "invalid_atomic_number": "use atomic numbers from 1 to 118",
    "missing_file": "add the file, or remove its line from id_prop.csv",
    "no_atoms": "add the atoms",
    "no_cell": "only crystals that are periodic in three directions can be used",
    "no_id": "give the entry an identifier",
    "no_structure": "write lattice, elements and positions as the format asks",
    "no_volume": "check the lattice vectors and their unit (angstrom)",
    "not_finite": "replace NaN and infinity by numbers",
    "outside_folder": "copy the file into the folder in place of the link",
    "partial_occupancy": "order the sites, or choose --disorder majority",
    "too_large": "use a smaller cell",
    "too_many_sites_for_recipe": "use a smaller cell, or a recipe that takes more sites",
    "unknown_element": "write the symbol of a chemical element",
    "unreadable": "write the file again with the program that it came from",
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


def one_line(text: str) -> str:
    r"""Return a text that any terminal and any table can take: line feeds, controls and odd bytes become ``\x0a``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
