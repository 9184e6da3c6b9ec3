"""Whether two structures are the same, or of one prototype: pymatgen's matcher, asked no more than it has to be.

The matcher forgives what a strain of some per cent, another cell and small shifts of atoms change. See Ong et al.,
Comput. Mater. Sci. 68, 314 (2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice, permutations, product

import numpy as np
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from builders.structures.fingerprints import Fingerprints
from builders.structures.table import StructureTable

MOST_SITES = 200
"""Cells with more atoms, once they are reduced to primitive ones, take the matcher minutes, and are not compared."""

STRAINED = 0.06
"""Fingerprints that differ by no more are those of copies strained by up to 5%, whose angles may differ by more than
the matcher takes by default."""

_ANGLE = 8.0
"""By which they may differ then, degrees; the matcher takes 5."""

_EXCHANGES = 24
"""Ways to exchange elements that are tried, at most."""

_ALL_ORDERS = 6
"""Up to so many elements of one amount, all their orders are looked at; of more, only the likeliest one."""

_KEPT = 4096


class Reduced:
    """Crystals of a table, each reduced to its primitive cell when it is first asked for."""

    def __init__(self, table: StructureTable) -> None:
        self._table = table
        self.structure = lru_cache(maxsize=_KEPT)(self._structure)

    def _structure(self, row: int) -> Structure:
        """Return a crystal in its reduced primitive cell."""
        start, stop = self._table.offsets[row : row + 2]
        numbers = self._table.atomic_numbers[start:stop].tolist()
        whole = Structure(self._table.lattices[row], numbers, self._table.frac_coords[start:stop])
        primitive: Structure = whole.get_primitive_structure()
        try:
            reduced: Structure = primitive.get_reduced_structure(reduction_algo="niggli")
        except ValueError:  # rounding keeps the reduction of some oblique cells from ending
            return primitive
        return reduced


class Matcher:
    """Compares crystals of one table with those of another."""

    def __init__(self, a: StructureTable, b: StructureTable) -> None:
        self._a, self._b = Reduced(a), Reduced(b)
        self._strict = StructureMatcher(primitive_cell=False, attempt_supercell=True)
        self._lenient = StructureMatcher(primitive_cell=False, attempt_supercell=True, angle_tol=_ANGLE)

    def may_compare(self, row_a: int, row_b: int) -> bool:
        """Whether two crystals are small enough."""
        return max(len(self._a.structure(row_a)), len(self._b.structure(row_b))) <= MOST_SITES

    def are_same(self, row_a: int, row_b: int, distance: float, names: dict[int, int] | None = None) -> bool:
        """Whether two crystals are the same.

        Args:
            row_a: of the first table.
            row_b: of the second.
            distance: the largest difference of their fingerprints.
            names: atomic number -> the one that takes its place in the first crystal; none is replaced if None.
        """
        first = self._a.structure(row_a)
        if names is not None:
            first = Structure(first.lattice, [names[site.specie.Z] for site in first], first.frac_coords)
        matcher = self._lenient if distance <= STRAINED else self._strict
        return bool(matcher.fit(first, self._b.structure(row_b), skip_structure_reduction=True))


def exchanges(a: Fingerprints, row_a: int, b: Fingerprints, row_b: int, tolerance: float) -> Iterator[dict[int, int]]:
    """Yield ways to name the elements of a crystal as those of another, the most alike first.

    Args:
        a: fingerprints of the first table.
        row_a: a crystal.
        b: of the second table.
        row_b: a crystal with the same amounts.
        tolerance: the most that any number of the two fingerprints differs by.

    Yields:
        Atomic number in the first crystal -> that in the second.
    """
    mine, its = a.stacked(np.array([row_a]))[0], b.stacked(np.array([row_b]))[0]
    amounts = a.amounts[a.offsets[row_a] : a.offsets[row_a + 1]]
    far = np.abs(mine[:, None] - its[None]).max(axis=2)
    numbers_a = a.atomic_numbers[a.offsets[row_a] : a.offsets[row_a + 1]].tolist()
    numbers_b = b.atomic_numbers[b.offsets[row_b] : b.offsets[row_b + 1]].tolist()
    groups = [np.flatnonzero(amounts == amount).tolist() for amount in dict.fromkeys(amounts.tolist())]
    ways = product(*(_orders(group, far, tolerance) for group in groups))
    for way in sorted(islice(ways, _EXCHANGES**2), key=lambda way: max(cost for cost, _ in way))[:_EXCHANGES]:
        pairs = zip(chain(*groups), chain(*(order for _, order in way)), strict=True)
        yield {numbers_a[i]: numbers_b[j] for i, j in pairs}


def _orders(group: list[int], far: np.ndarray, tolerance: float) -> list[tuple[float, tuple[int, ...]]]:
    """Return the orders of a group in which each is near enough to the one in its place, the nearest first."""
    if len(group) > _ALL_ORDERS:
        from scipy.optimize import linear_sum_assignment

        orders = [tuple(group[place] for place in linear_sum_assignment(far[np.ix_(group, group)])[1])]
    else:
        orders = list(permutations(group))
    found = [(max(float(far[i, j]) for i, j in zip(group, order, strict=True)), order) for order in orders]
    return sorted(one for one in found if one[0] <= tolerance)[:_EXCHANGES]
