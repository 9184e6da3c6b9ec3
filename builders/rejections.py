"""Why a structure is set aside: each reason by name, and what would mend it."""

from __future__ import annotations

MENDS: dict[str, str] = {
    "atoms_overlap": "give each atom a place of its own",
    "density_disagrees": "check cell, atoms and the density that is stated",
    "duplicate_id": "give each structure its own identifier",
    "formula_disagrees": "add the atoms that are left out, or state the formula of those that are there",
    "formula_unreadable": "write the formula sum as symbols and amounts, such as Ca H4 O6 S",
    "invalid_atomic_number": "use atomic numbers from 1 to 118",
    "missing_file": "add the file, or remove its line from id_prop.csv",
    "missing_hydrogens": "list every hydrogen atom with its place",
    "multiplicity_disagrees": "check the place of the site, or the setting of the space group",
    "no_atoms": "add the atoms",
    "no_cell": "only crystals that are periodic in three directions can be used",
    "no_id": "give the entry an identifier",
    "no_position": "give every atom three fractional coordinates, or remove it and its part of the formula",
    "no_structure": "write lattice, elements and positions as the format asks",
    "no_volume": "check the lattice vectors and their unit (angstrom)",
    "not_finite": "replace NaN and infinity by numbers",
    "occupancy_out_of_range": "give shares from 0 to 1 that add up to 1 at most",
    "outside_folder": "copy the file into the folder in place of the link",
    "partial_occupancy": "order the sites, or choose --disorder majority",
    "setting_disagrees": "make operations, name, number and cell agree; listing all operations is safest",
    "several_crystals": "put each crystal into a file of its own",
    "too_large": "use a smaller cell",
    "too_many_sites_for_recipe": "use a smaller cell, or a recipe that takes more sites",
    "unknown_element": "write the symbol of a chemical element",
    "unknown_setting": "list the symmetry operations, or give the Hall symbol",
    "unreadable": "write the file again with the program that it came from",
    "volume_disagrees": "check the lengths and angles of the cell, or the volume that is stated",
}
"""Reason -> what would mend it. Every reason that a source or the cleaning gives stands here."""
