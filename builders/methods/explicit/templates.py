"""Crystals that lend their structure to other formulas, indexed by how many atoms of each kind they have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from builders.sources.origins import Origin
from builders.structures.cleaning import USABLE, apply_filters, at_most
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS
from embeddings.errors import FormulaInvalid
from embeddings.formula import fraction_matrix

ENERGY = "formation_energy_per_atom"
"""Column that tells which of the structures of one formula is the stable one."""

MAX_SITES = 200
"""Larger crystals are no templates: they would take long to compare and to encode."""

CHECKED = ("no_atoms", "invalid_atomic_number", "not_finite", "no_volume", "partial_occupancy")
"""Filters that every template passes. Those that search for neighbors take long; candidates pass them, one by one."""

Amounts = tuple[int, ...]
"""Atoms of each element in the reduced formula, ascending: (1, 1, 4) is what pymatgen calls ABC4."""


@dataclass(frozen=True)
class Kind:
    """All templates of one anonymous formula.

    Attributes:
        rows: (n,) of the pool.
        elements: (n, n_elements) atomic numbers, in the order of the amounts.
    """

    rows: np.ndarray
    elements: np.ndarray


@dataclass(frozen=True)
class TemplatePool:
    """Crystals to take structures from.

    Attributes:
        structures: n crystals.
        origin: whose they are.
        dropped: reason -> crystals of the source that cannot serve.
    """

    structures: StructureTable
    origin: Origin = field(default_factory=lambda: Origin("templates"))
    dropped: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, structures: StructureTable, origin: Origin | None = None, *, max_sites: int = MAX_SITES
    ) -> TemplatePool:
        """Take what can serve of some crystals: whole, ordered, and not too large."""
        filters = {reason: USABLE[reason] for reason in CHECKED} | {"too_many_sites": at_most(max_sites)}
        kept, dropped = apply_filters(structures, filters)
        return cls(kept, origin or Origin("templates"), dropped)

    def __len__(self) -> int:
        return len(self.structures)

    @cached_property
    def formulas(self) -> np.ndarray:
        """Canonical reduced formula of each crystal, (n,) objects."""
        return np.array(reduced_formulas_of(self.structures), dtype=object)

    @cached_property
    def rows_of(self) -> dict[str, np.ndarray]:
        """Rows of each formula."""
        order = np.argsort(self.formulas.astype(str), kind="stable")
        names, starts = np.unique(self.formulas[order].astype(str), return_index=True)
        return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))

    @cached_property
    def excess(self) -> np.ndarray:
        """Energy of each crystal above the lowest of its formula, (n,) eV/atom; 0 where it is not known."""
        energies = self.structures.properties.get(ENERGY)
        if energies is None:
            return np.zeros(len(self))
        _, formula_of = np.unique(self.formulas.astype(str), return_inverse=True)
        lowest = np.full(formula_of.max(initial=-1) + 1, np.inf)
        np.fmin.at(lowest, formula_of, energies)
        result: np.ndarray = np.nan_to_num(energies - lowest[formula_of], nan=0.0, posinf=0.0, neginf=0.0)
        return result

    @cached_property
    def kinds(self) -> dict[Amounts, Kind]:
        """Templates by anonymous formula."""
        elements, amounts, starts = _composition(self.structures)
        found: dict[bytes, list[int]] = {}
        for row, (start, stop) in enumerate(pairwise(starts)):
            found.setdefault(amounts[start:stop].tobytes(), []).append(row)
        kinds = {}
        for key, members in found.items():
            rows = np.array(members)
            values = np.frombuffer(key, dtype=np.int64)
            places = starts[rows][:, None] + np.arange(len(values))
            kinds[tuple(values.tolist())] = Kind(rows, elements[places])
        return kinds

    def without(self, formulas: Collection[str]) -> TemplatePool:
        """Return the pool without the crystals of some canonical reduced formulas."""
        if not formulas:
            return self
        kept = np.flatnonzero(~np.isin(self.formulas.astype(str), list(formulas)))
        n_away = len(self) - len(kept)
        return replace(self, structures=self.structures.take(kept), dropped=self.dropped | {"excluded_formula": n_away})


def _composition(table: StructureTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return elements and reduced amounts of all crystals, by amount and atomic number, and where each one starts."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    keys, counts = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + table.atomic_numbers, return_counts=True)
    crystals, elements = np.divmod(keys, N_ELEMENTS + 1)
    starts = np.searchsorted(crystals, np.arange(len(table) + 1))
    divisors = np.gcd.reduceat(counts, starts[:-1]) if len(table) else np.zeros(0, dtype=np.int64)
    amounts = counts // np.repeat(divisors, np.diff(starts))
    order = np.lexsort((elements, amounts, crystals))
    return elements[order], amounts[order].astype(np.int64), starts


def whole_composition(formula: str) -> tuple[np.ndarray, Amounts]:
    """Return the atomic numbers and the amounts of a canonical reduced formula, ascending by amount.

    Raises:
        FormulaInvalid: its amounts are not whole numbers.
    """
    matrix = fraction_matrix([formula])
    amounts = np.rint(matrix.amounts).astype(np.int64)
    if np.abs(amounts - matrix.amounts).max() > 1e-6:
        raise FormulaInvalid(f"{formula} has no whole amounts, so no crystal of whole atoms has this formula.")
    amounts //= np.gcd.reduce(amounts)
    numbers = matrix.atomic_numbers.astype(np.int64)
    order = np.lexsort((numbers, amounts))
    return numbers[order], tuple(amounts[order].tolist())


def runs(amounts: Sequence[int]) -> list[tuple[int, int]]:
    """Return where equal amounts begin and end: only elements of equal amounts can change places."""
    edges = [0, *(k for k in range(1, len(amounts)) if amounts[k] != amounts[k - 1]), len(amounts)]
    return list(pairwise(edges))
