"""When two templates give the same crystal: space group, atoms of a primitive cell, and orbits of each element."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import spglib

from builders.structures.table import StructureTable

os.environ.setdefault("SPGLIB_WARNING", "OFF")  # what it cannot analyze is told by its result, not on standard error

SYMPREC = 0.1
"""Positions within this distance (angstrom) of their symmetric places are taken as there, as databases do."""

Orbits = dict[int, tuple[int, ...]]
"""Atomic number -> sizes of its orbits in a primitive cell, ascending."""


@dataclass(frozen=True)
class Symmetry:
    """What space-group analysis says of a crystal.

    Attributes:
        space_group: its number; 0 where none is found.
        n_primitive: atoms in a primitive cell.
        orbits: sizes of orbits by element.
    """

    space_group: int
    n_primitive: int
    orbits: Orbits


@dataclass
class Symmetries:
    """Analyzes crystals of a table, each once."""

    structures: StructureTable
    known: dict[int, Symmetry] = field(default_factory=dict)

    def __getitem__(self, row: int) -> Symmetry:
        if row not in self.known:
            table = self.structures
            atoms = slice(table.offsets[row], table.offsets[row + 1])
            self.known[row] = analyze(table.lattices[row], table.frac_coords[atoms], table.atomic_numbers[atoms])
        return self.known[row]

    def prototype(self, row: int, old: np.ndarray) -> tuple[object, ...]:
        """Return what makes a template the same as others once its elements are replaced.

        Args:
            row: of the crystal.
            old: (n_elements,) its elements, in the order of those that replace them.
        """
        found = self[row]
        return (found.space_group, found.n_primitive, *(found.orbits.get(int(z), ()) for z in old))


def analyze(lattice: np.ndarray, coords: np.ndarray, numbers: np.ndarray) -> Symmetry:
    """Find the symmetry of a crystal of n atoms."""
    dataset = _dataset((lattice, coords, numbers.astype(int)))
    if dataset is None:
        symbols, counts = np.unique(numbers, return_counts=True)
        return Symmetry(0, len(numbers), {int(z): (int(n),) for z, n in zip(symbols, counts, strict=True)})
    n_primitive = len(np.unique(dataset.mapping_to_primitive))
    firsts, sizes = np.unique(dataset.crystallographic_orbits, return_counts=True)
    orbits: dict[int, list[int]] = {}
    for first, size in zip(firsts, sizes * n_primitive // len(numbers), strict=True):
        orbits.setdefault(int(numbers[first]), []).append(int(size))
    return Symmetry(int(dataset.number), n_primitive, {z: tuple(sorted(found)) for z, found in orbits.items()})


def _dataset(cell: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Any:
    """Return what spglib finds, without its notice that its way of telling faults will change; None if nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return spglib.get_symmetry_dataset(cell, symprec=SYMPREC)
        except spglib.SpglibError:
            return None
