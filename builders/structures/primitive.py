"""What a cell says beyond the surroundings of its atoms: how many of them repeat, how dense and how heavy they are."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from builders.structures.cells import volumes
from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS

TYPICAL = np.array([16.0, 20.0, 50.0])
"""Atoms of a primitive cell, volume of an atom (cubic angstrom) and mass of an atom (u) whose logarithm counts as 0."""

TOLERANCE = 0.05
"""So far (angstrom) may atoms lie from where a translation puts them."""


def cell_columns(table: StructureTable) -> np.ndarray:
    """Return three numbers of each cell, (n, 3) float32.

    They are the natural logarithms of the number of atoms in a primitive cell, of the volume of an atom and of the mean
    mass of an atom, over `TYPICAL`. A mean over atoms forgets the first, and they are what the lattice conductivity
    and the Debye temperature are scaled by (Slack, J. Phys. Chem. Solids 34, 321 (1973), 10.1016/0022-3697(73)90092-9).
    """
    n_sites = table.n_sites
    if not len(table):
        return np.zeros((0, len(TYPICAL)), dtype=np.float32)
    mass = np.add.reduceat(_masses()[table.atomic_numbers], table.offsets[:-1])
    sizes = np.stack([n_sites / translations(table), volumes(table.lattices) / n_sites, mass / n_sites], axis=1)
    columns: np.ndarray = np.log(sizes / TYPICAL).astype(np.float32)
    return columns


@cache
def _masses() -> np.ndarray:
    """Return the atomic mass of each element, (119,), u; 0 for no element."""
    from pymatgen.core import Element

    return np.array([0.0, *(float(Element(symbol).atomic_mass) for symbol in SYMBOLS)])


def translations(table: StructureTable) -> np.ndarray:
    """Return how many primitive cells the cell of each crystal holds, (n,) int64: 1 if it is primitive itself."""
    counts = np.ones(len(table), dtype=np.int64)
    for row in range(len(table)):
        atoms = slice(*table.offsets[row : row + 2])
        counts[row] = _translations(table.atomic_numbers[atoms], table.frac_coords[atoms], table.lattices[row])
    return counts


def _translations(atomic_numbers: np.ndarray, frac_coords: np.ndarray, lattice: np.ndarray) -> int:
    """Count the translations within a cell that bring every atom onto one of its element."""
    elements, n_each = np.unique(atomic_numbers, return_counts=True)
    most = int(np.gcd.reduce(n_each))
    if most == 1:
        return 1
    places = [_Places(frac_coords[atomic_numbers == z], lattice) for z in elements[np.argsort(n_each)]]
    shifts = places[0].coords[1:] - places[0].coords[0]
    found = 1 + sum(all(each.stay(shift) for each in places) for shift in shifts)
    return found if most % found == 0 else 1


class _Places:
    """Where the atoms of one element are in a cell."""

    def __init__(self, frac_coords: np.ndarray, lattice: np.ndarray) -> None:
        """Take (n, 3) fractional coordinates and the rows of the lattice in angstrom."""
        self.coords, self._lattice = _wrapped(frac_coords.astype(np.float64)), lattice
        self._tree = cKDTree(self.coords, boxsize=1.0)

    def stay(self, shift: np.ndarray) -> bool:
        """Tell whether a shift (3,) brings every one of them onto one of them; most shifts fail for the first."""
        return self._meet(self.coords[:1] + shift) and self._meet(self.coords[1:] + shift)

    def _meet(self, moved: np.ndarray) -> bool:
        apart = moved - self.coords[self._tree.query(_wrapped(moved))[1]]
        apart -= np.rint(apart)
        return bool((np.square(apart @ self._lattice).sum(axis=-1) < TOLERANCE**2).all())


def _wrapped(frac_coords: np.ndarray) -> np.ndarray:
    """Return fractional coordinates from 0 to below 1."""
    within: np.ndarray = frac_coords % 1.0
    return np.where(within < 1.0, within, 0.0)
