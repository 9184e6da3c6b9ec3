"""Why a structure is set aside: each reason by name, and what would mend it."""

from __future__ import annotations

MENDS: dict[str, str] = {
    "atoms_overlap": "give each atom a place of its own",
    "degenerate_cell": "check the lattice vectors: faces 0.4 angstrom apart at least, edges of 1,000 angstrom at most",
    "duplicate_id": "give each structure its own identifier",
    "far_outside_cell": "wrap the fractional coordinates into the cell",
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
    "too_many_sites": "use a smaller cell, or raise --max-sites where the memory allows it",
    "too_many_sites_for_recipe": "use a smaller cell, or a recipe that takes more sites",
    "unknown_element": "write the symbol of a chemical element",
    "unreadable": "write the file again with the program that it came from",
}
"""Reason -> what would mend it. Every reason that a source or the cleaning gives stands here."""
