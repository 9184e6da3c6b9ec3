"""Fingerprints of structures: a few numbers for each element, which a strain of a few per cent hardly changes.

For each element of a crystal they are the mean distances of its atoms to the nearest atoms of any kind, and to the
nearest of its own kind: the first two, the next two, and so on, in units of the space that an atom has. These are
means of average minimum distances (Widdowson et al., MATCH Commun. Math. Comput. Chem. 87, 529 (2022)). They do not
depend on the cell, the origin, the order of the atoms or the volume. If every distance is stretched by a factor
between 1 - s and 1 + s, so is every one of them: its logarithm changes by no more than about 2 s, that of the unit
included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from vesin import NeighborList

from builders.structures.cells import search_cells, volumes
from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.errors import InputInvalid

TO_ALL = ((0, 2), (2, 4), (4, 6), (6, 8), (8, 12), (12, 16))
TO_LIKE = ((0, 2), (2, 4), (4, 8), (8, 12))
"""Which of the nearest neighbors are averaged over, by their rank."""

WIDTH = len(TO_ALL) + len(TO_LIKE)
"""Numbers for each element."""

_REACH = 1.8
"""Within this, in units of the space of an atom, there are 24 others on average."""

_FURTHER = 1.5
_ATOMS_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of ``n`` crystals, and what they are made of.

    Attributes:
        offsets: (n + 1,) int64; crystal ``i`` owns the elements ``offsets[i]:offsets[i + 1]``.
        atomic_numbers: (n_elements,) int16, of the elements of a crystal: ascending by amount, then by atomic number.
        amounts: (n_elements,) int64, in the reduced formula.
        values: (n_elements, WIDTH) float32, logarithms.
    """

    offsets: np.ndarray
    atomic_numbers: np.ndarray
    amounts: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def formulas(self) -> list[tuple[tuple[int, int], ...]]:
        """What each crystal is made of, as pairs of amount and atomic number, (n,)."""
        pairs = list(zip(self.amounts.tolist(), self.atomic_numbers.tolist(), strict=True))
        return [tuple(pairs[start:stop]) for start, stop in pairwise(self.offsets.tolist())]

    @property
    def prototypes(self) -> list[tuple[int, ...]]:
        """The amounts of the elements of each crystal, whatever they are, (n,)."""
        amounts = self.amounts.tolist()
        return [tuple(amounts[start:stop]) for start, stop in pairwise(self.offsets.tolist())]

    def prototype_of(self, row: int) -> tuple[int, ...]:
        """Return the amounts of the elements of a crystal."""
        return tuple(self.amounts[self.offsets[row] : self.offsets[row + 1]].tolist())

    def stacked(self, rows: np.ndarray) -> np.ndarray:
        """Return the values of crystals that have equally many elements, (n_rows, n_elements, WIDTH)."""
        n_elements = int(np.diff(self.offsets)[rows[0]])
        return self.values[self.offsets[rows][:, None] + np.arange(n_elements)]


def anonymous(prototype: tuple[int, ...]) -> str:
    """Return amounts as an anonymous formula, such as ``ABC3``."""
    letters = [chr(ord("A") + place) if place < 26 else f"X{place}" for place in range(len(prototype))]
    return "".join(f"{letter}{amount if amount > 1 else ''}" for letter, amount in zip(letters, prototype, strict=True))


def spelled(formula: tuple[tuple[int, int], ...]) -> str:
    """Return a formula as text, elements in the order of their amounts."""
    return "".join(f"{SYMBOLS[number - 1]}{amount if amount > 1 else ''}" for amount, number in formula)


def unlike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how far each of some fingerprints is from each of others: the largest difference of any number.

    Args:
        a: (n_a, n_elements, WIDTH).
        b: (n_b, n_elements, WIDTH), of the same amounts.

    Returns:
        (n_a, n_b).
    """
    flat_a, flat_b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    far = np.zeros((len(a), len(b)), np.float32)
    for column in range(flat_a.shape[1]):
        np.maximum(far, np.abs(flat_a[:, column, None] - flat_b[None, :, column]), out=far)
    return far


def unnamed(values: np.ndarray, prototype: tuple[int, ...]) -> np.ndarray:
    """Return fingerprints that do not depend on which of the elements of equal amount is which.

    Each number is put in order among these elements: two crystals differ by no more in this than under the best
    exchange of their elements.

    Args:
        values: (n, n_elements, WIDTH).
        prototype: amounts of the elements.
    """
    ordered, amounts = values.copy(), np.array(prototype)
    for amount in np.unique(amounts):
        ordered[:, amounts == amount] = np.sort(values[:, amounts == amount], axis=1)
    return ordered


def fingerprints(table: StructureTable) -> Fingerprints:
    """Return the fingerprints of crystals.

    Raises:
        InputInvalid: a crystal has a cell in which no neighbors can be searched, or no atoms.
    """
    cells, found = search_cells(table.lattices)
    found = found & (table.n_sites > 0)
    if not found.all():
        raise InputInvalid(
            f"{table.material_ids[~found][0]} has no atoms, or a cell in which no neighbors can be searched."
        )
    group, first = _groups(table)
    sizes = np.bincount(group)
    order = _order(table, group, first, sizes)
    crystal = _crystal_of_atom(table)[first]
    spaces = np.cbrt(volumes(table.lattices) / table.n_sites)
    near = _means(_all_lists(table, cells, spaces), group, len(sizes), TO_ALL)
    like = _means(_like_lists(table, cells, group, sizes), group, len(sizes), TO_LIKE)
    values = np.log(np.concatenate([near, like], axis=1) / spaces[crystal][:, None])
    n_elements = np.bincount(crystal, minlength=len(table))
    return Fingerprints(
        offsets=np.concatenate([[0], np.cumsum(n_elements)]),
        atomic_numbers=table.atomic_numbers[first][order],
        amounts=_amounts(sizes, crystal, len(table))[order],
        values=values[order].astype(np.float32),
    )


def _crystal_of_atom(table: StructureTable) -> np.ndarray:
    return np.repeat(np.arange(len(table)), table.n_sites)


def _groups(table: StructureTable) -> tuple[np.ndarray, np.ndarray]:
    """Return for each atom its element in its crystal, numbered over all crystals; and one atom of each."""
    key = _crystal_of_atom(table) * (N_ELEMENTS + 1) + table.atomic_numbers
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return group, first


def _amounts(sizes: np.ndarray, crystal: np.ndarray, n: int) -> np.ndarray:
    """Return the amounts of elements in reduced formulas."""
    divisors = np.zeros(n, np.int64)
    np.gcd.at(divisors, crystal, sizes)
    return sizes // divisors[crystal]


def _order(table: StructureTable, group: np.ndarray, first: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the elements crystal by crystal, ascending by amount, then by atomic number."""
    return np.lexsort([table.atomic_numbers[first], sizes, _crystal_of_atom(table)[first]])


Lists = Iterator[tuple[np.ndarray, np.ndarray]]
"""Atoms, and distances of their neighbors; all of an atom come together."""


def _all_lists(table: StructureTable, cells: np.ndarray, spaces: np.ndarray) -> Lists:
    coords = table.cart_coords
    for row, (start, stop) in enumerate(pairwise(table.offsets.tolist())):
        yield _neighbors(coords, np.arange(start, stop), cells[row], spaces[row], TO_ALL[-1][1])


def _like_lists(table: StructureTable, cells: np.ndarray, group: np.ndarray, sizes: np.ndarray) -> Lists:
    coords, crystal = table.cart_coords, _crystal_of_atom(table)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
    sizes_of_cells = volumes(table.lattices)
    for atoms in members:
        row = crystal[atoms[0]]
        space = math.cbrt(sizes_of_cells[row] / len(atoms))
        yield _neighbors(coords, atoms, cells[row], space, TO_LIKE[-1][1])


def _neighbors(
    coords: np.ndarray, atoms: np.ndarray, cell: np.ndarray, space: float, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return atoms and the distances of their neighbors among them, at least so many for each."""
    reach, points = _REACH * space, coords[atoms]
    while True:
        finder = NeighborList(cutoff=reach, full_list=True, sorted=True)
        centers, distances = finder.compute(points=points, box=cell, periodic=True, quantities="id")
        if np.bincount(centers, minlength=len(atoms)).min() >= least:
            return atoms[centers], distances
        reach *= _FURTHER


def _means(lists: Lists, group: np.ndarray, n_groups: int, ranks: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Return the mean distances of the atoms of each element to their neighbors of some ranks, (n_groups, n_ranks)."""
    sums = np.zeros((n_groups, len(ranks)))
    for centers, distances in _gathered(lists):
        begins = np.flatnonzero(np.diff(centers, prepend=-1))
        counts = np.diff([*begins, len(centers)])
        near = np.full((len(begins), counts.max()), np.inf)
        near[np.arange(near.shape[1]) < counts[:, None]] = distances
        near.sort(axis=1)
        for place, (start, stop) in enumerate(ranks):
            sums[:, place] += np.bincount(group[centers[begins]], near[:, start:stop].mean(axis=1), n_groups)
    means: np.ndarray = sums / np.bincount(group, minlength=n_groups)[:, None]
    return means


def _gathered(lists: Lists) -> Lists:
    """Yield lists joined to fewer of them."""
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    n = 0
    for part in lists:
        parts.append(part)
        n += len(part[0])
        if n > _ATOMS_AT_ONCE * TO_ALL[-1][1]:
            yield _joined(parts)
            parts, n = [], 0
    if parts:
        yield _joined(parts)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([centers for centers, _ in parts]), np.concatenate([distances for _, distances in parts])
