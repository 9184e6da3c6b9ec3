"""Crystals of a CIF: the atoms agree with all that the file states, or the crystal is refused with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from builders.sources.cif.cell import Atoms, close_pairs, fill_cell, is_of_cell, read_cell
from builders.sources.cif.checks import Formula, check_statements, read_formula
from builders.sources.cif.order import order_of_atoms
from builders.sources.cif.sites import SiteList, has_sites, read_sites
from builders.sources.cif.symmetry import Candidate, candidates, symmetry_item
from builders.sources.cif.text import Block, read_blocks
from builders.sources.structures import Site, Unusable

__all__ = ["CifCrystal", "read_cif"]

TOO_NEAR = 0.7
"""Where several settings are possible, one that puts atoms nearer than this (angstrom) is not meant: H2 has 0.74."""


@dataclass(frozen=True)
class CifCrystal:
    """One crystal.

    Attributes:
        name: of its block.
        lattice: (3, 3) float64, rows a, b, c in angstrom.
        sites: element -> share of every atom of the cell.
        frac_coords: (n, 3) float64.
    """

    name: str
    lattice: np.ndarray
    sites: list[Site]
    frac_coords: np.ndarray


def read_cif(data: bytes) -> list[tuple[str, CifCrystal | Unusable]]:
    """Return the crystals of a file by the names of their blocks, in order; for one that cannot be used the reason.

    Atoms are in the order of pymatgen's ``Structure.from_file``. Blocks without atoms are left out; what they say
    holds for the crystal where there is only one, unless they state another cell.

    Args:
        data: content of the file.

    Raises:
        Unusable: the file cannot be read, or has no crystal.
    """
    blocks = read_blocks(data)
    found = [block for block in blocks if not isinstance(block, Block) or has_sites(block)]
    if not found:
        raise Unusable("unreadable", "no block of the file lists atoms")
    others = [block for block in blocks if isinstance(block, Block) and not has_sites(block)]
    if len(found) == 1 and isinstance(found[0], Block):
        for other in others:
            if is_of_cell(found[0], other):
                found[0].inherit(other)
        others = []
    return [(block.name, _crystal_or_fault(block, others)) if isinstance(block, Block) else block for block in found]


def _crystal_or_fault(block: Block, others: list[Block]) -> CifCrystal | Unusable:
    try:
        _stop_at_common_symmetry(block, others)
        return _read_crystal(block)
    except Unusable as fault:
        return fault


def _stop_at_common_symmetry(block: Block, others: list[Block]) -> None:
    """Of several crystals, one that says nothing of its symmetry is not in P1 if another block states a symmetry."""
    for other in others:
        item = symmetry_item(other)
        if item and not symmetry_item(block):
            raise Unusable(
                "unknown_setting", f'it states no symmetry, and block "{other.name}", which has no atoms, does ({item})'
            )


def _read_crystal(block: Block) -> CifCrystal:
    vectors = read_cell(block)
    formula = read_formula(block)
    sites = read_sites(block, formula.amounts if formula else None)
    possible = candidates(block, vectors @ vectors.T)
    if len(possible) == 1:
        atoms = _filled(block, vectors, formula, sites, possible[0])
    else:
        atoms = _decided(block, vectors, formula, sites, possible)
    order = order_of_atoms(sites, atoms)
    contents = [atoms.shares[owner] for owner in atoms.owners[order].tolist()]
    return CifCrystal(block.name, vectors, contents, atoms.coords[order])


def _filled(block: Block, vectors: np.ndarray, formula: Formula | None, sites: SiteList, chosen: Candidate) -> Atoms:
    atoms = fill_cell(vectors, chosen.operations, sites)
    check_statements(block, formula, sites, atoms, abs(float(np.linalg.det(vectors))))
    return atoms


def _decided(
    block: Block, vectors: np.ndarray, formula: Formula | None, sites: SiteList, possible: list[Candidate]
) -> Atoms:
    """Fill the cell in every setting that the block leaves open; only one may agree with the rest of what it states."""
    found: list[tuple[Candidate, Atoms]] = []
    faults: list[str] = []
    for candidate in possible:
        try:
            found.append((candidate, _filled(block, vectors, formula, sites, candidate)))
        except Unusable as fault:
            faults.append(f"{candidate.label}: {fault.detail}")
    if not found:
        raise Unusable("unknown_setting", f"no setting of {len(possible)} agrees with what is stated; {faults[0]}")
    found = [pair for pair in found if not len(close_pairs(vectors, pair[1].coords, TOO_NEAR))] or found
    first = found[0]
    if any(not _same(first[1], atoms) for _, atoms in found[1:]):
        labels = " or ".join(candidate.label for candidate, _ in found[:4])
        raise Unusable("unknown_setting", f"it may be {labels}: other atoms in each, and nothing decides")
    return first[1]


def _same(one: Atoms, other: Atoms) -> bool:
    """True if the places of all atoms are the same in any order."""
    places = [sorted(zip(a.owners.tolist(), np.round(a.coords % 1, 5).tolist(), strict=True)) for a in (one, other)]
    return places[0] == places[1]
