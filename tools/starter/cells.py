"""A prototype and its primitive cell: a crystal structure with labelled sites, waiting for elements."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from embeddings.errors import InputInvalid

LABELS = "ABCD"
_CONVENTIONAL_LENGTH = 5.0  # A; tolerances of symmetry are absolute


@dataclass(frozen=True)
class Prototype:
    """A structure type whose sites carry labels instead of elements.

    Attributes:
        name: kebab-case name, part of every material id.
        strukturbericht: the type's Strukturbericht symbol, or an empty string.
        space_group: International Tables number.
        ratios: ``()`` cubic, ``(c/a,)`` tetragonal and hexagonal, ``(b/a, c/a)`` orthorhombic.
        sites: one ``"label x y z"`` per occupied Wyckoff position, joined by ``"; "``.
        roles: one role per label, in the order of the labels.
        size: allowed range of radius(A) / radius(B).
        equivalent: relabellings that give the same crystal back, e.g. ``("BA",)``.
        n_max: how many decorations are computed at most.
    """

    name: str
    strukturbericht: str
    space_group: int
    ratios: tuple[float, ...]
    sites: str
    roles: tuple[str, ...]
    size: tuple[float, float] = (0.0, np.inf)
    equivalent: tuple[str, ...] = ()
    n_max: int = 140

    @property
    def labels(self) -> str:
        """The labels in use, e.g. ``"AB"``."""
        return LABELS[: len(self.roles)]

    @property
    def geometry(self) -> tuple[int, tuple[float, ...], str]:
        """What two prototypes share when only their roles differ."""
        return self.space_group, self.ratios, self.sites


@dataclass(frozen=True)
class Cell:
    """The primitive cell of a prototype, scaled to one cubic angstrom per atom.

    Attributes:
        lattice: rows a, b, c; shape (3, 3), A.
        frac_coords: shape (n_sites, 3), in [0, 1).
        labels: index of each site's label, shape (n_sites,).
        contacts: shortest distance between two labels, (label, label) -> A.
    """

    lattice: np.ndarray
    frac_coords: np.ndarray
    labels: np.ndarray
    contacts: dict[tuple[int, int], float]

    @property
    def multiplicities(self) -> tuple[int, ...]:
        """How many sites of the cell carry each label."""
        return tuple(np.bincount(self.labels).tolist())


def _parse_sites(sites: str) -> tuple[list[str], list[list[float]]]:
    """Split ``"A 0 0 0; B 1/2 1/2 1/2"`` into labels and coordinates."""
    rows = [row.split() for row in sites.split(";")]
    return [row[0] for row in rows], [[float(Fraction(x)) for x in row[1:]] for row in rows]


def _conventional_lattice(prototype: Prototype) -> Any:
    """Return the conventional pymatgen lattice."""
    from pymatgen.core import Lattice

    a = _CONVENTIONAL_LENGTH
    match prototype.ratios:
        case ():
            return Lattice.cubic(a)
        case (c,) if prototype.space_group >= 143:
            return Lattice.hexagonal(a, c * a)
        case (c,):
            return Lattice.tetragonal(a, c * a)
        case (b, c):
            return Lattice.orthorhombic(a, b * a, c * a)
    raise InputInvalid(f"{prototype.name}: at most two axis ratios, got {prototype.ratios}.")


def _conventional_structure(prototype: Prototype) -> Any:
    """Build the conventional cell with hydrogen on label A, helium on B and so on."""
    from pymatgen.core import Structure

    labels, coords = _parse_sites(prototype.sites)
    atomic_numbers = [LABELS.index(label) + 1 for label in labels]
    return Structure.from_spacegroup(prototype.space_group, _conventional_lattice(prototype), atomic_numbers, coords)


def _contacts(lattice: np.ndarray, frac_coords: np.ndarray, labels: np.ndarray) -> dict[tuple[int, int], float]:
    """Return the shortest distance for every pair of labels."""
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    deltas = frac_coords[None, :, None] - frac_coords[:, None, None] + shifts  # (n, n, n_shifts, 3)
    distances = np.linalg.norm(deltas @ lattice, axis=-1)
    distances[distances < 1e-6] = np.inf
    nearest = distances.min(axis=-1)
    pairs = combinations_with_replacement(range(labels.max() + 1), 2)
    return {(i, j): float(nearest[np.ix_(labels == i, labels == j)].min()) for i, j in pairs}


@cache
def primitive_cell(prototype: Prototype) -> Cell:
    """Return the primitive cell, scaled to one cubic angstrom per atom.

    Args:
        prototype: the structure type.

    Returns:
        Lattice, coordinates, label of each site (sorted by label) and the shortest contacts.
    """
    primitive = _conventional_structure(prototype).get_primitive_structure().get_reduced_structure()
    labels = np.array(primitive.atomic_numbers) - 1
    order = np.argsort(labels, kind="stable")
    lattice = primitive.lattice.matrix * (len(labels) / primitive.volume) ** (1 / 3)
    frac_coords = np.round(primitive.frac_coords[order], 7) % 1.0
    return Cell(lattice, frac_coords, labels[order], _contacts(lattice, frac_coords, labels[order]))
