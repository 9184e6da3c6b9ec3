"""Filters over a structure table, as pure functions: what cannot be used is dropped, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from builders.structures.cells import MAX_FRACTION, search_cells, volumes
from builders.structures.exclusion import ExcludedFormulas
from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS, atomic_number
from embeddings.errors import InputInvalid

MIN_DISTANCE = 0.4
"""Atoms closer than this (angstrom) overlap: half of the bond length of H2."""

MIN_VOLUME_PER_ATOM = 1.0
"""A cell with less room than this per atom (cubic angstrom) is broken: diamond has 5.7."""

MAX_SITES = 2000
"""Cells with more atoms are left out unless --max-sites says otherwise: the network looks at all pairs of atoms, and a
cell of this size takes 0.5 GB to encode and 2 GB to train on, one of twice the size four times as much."""

HULL = "energy_above_hull"

ON_HULL = 1e-6
"""A crystal at most this far above the hull (eV/atom) is stable."""

Mask = np.ndarray
Filter = Callable[[StructureTable], Mask]


@dataclass(frozen=True)
class Selection:
    """Which crystals a user wants; None keeps all.

    Attributes:
        elements: keep crystals made of these elements only (symbols).
        exclude_elements: keep crystals without these.
        exclude_formulas: keep crystals of other formulas.
        chemsys: keep crystals of exactly these sets of elements, such as ``"Fe-O"``.
        n_elements: keep crystals with a number of elements in this range, ends included.
        max_sites: keep crystals with at most this many atoms; see `site_limit`.
        ehull_max: keep crystals at most this far above the convex hull (eV/atom).
        stable_only: keep crystals on the convex hull.
        limit: keep at most this many of the rest, the first ones.
    """

    elements: tuple[str, ...] | None = None
    exclude_elements: tuple[str, ...] | None = None
    exclude_formulas: ExcludedFormulas | None = None
    chemsys: tuple[str, ...] | None = None
    n_elements: tuple[int, int] | None = None
    max_sites: int | None = None
    ehull_max: float | None = None
    stable_only: bool = False
    limit: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what was chosen, as plain JSON values."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in chosen.items() if value is not None and value is not False}


def _plain(value: Any) -> Any:
    if isinstance(value, ExcludedFormulas):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


EVERYTHING = Selection()


def select(table: StructureTable, selection: Selection) -> tuple[np.ndarray, dict[str, int]]:
    """Return the rows of the crystals that fit, and counts of the others by reason; the caller applies the limit.

    Raises:
        InputInvalid: the selection asks for the distance to the hull, and the table does not have it.
    """
    filters: dict[str, Filter] = {}
    if selection.elements is not None:
        wanted = _numbers(selection.elements)
        filters["other_elements"] = lambda t: _all_atoms(t, np.isin(t.atomic_numbers, wanted))
    if selection.exclude_elements is not None:
        unwanted = _numbers(selection.exclude_elements)
        filters["excluded_elements"] = lambda t: _all_atoms(t, ~np.isin(t.atomic_numbers, unwanted))
    if selection.exclude_formulas is not None:
        filters["excluded_formulas"] = selection.exclude_formulas.spare
    if selection.chemsys is not None:
        systems = {frozenset(_numbers(system.split("-"))) for system in selection.chemsys}
        filters["other_chemical_system"] = lambda t: np.array([kinds in systems for kinds in _kinds(t)], dtype=bool)
    if selection.n_elements is not None:
        least, most = selection.n_elements
        filters["other_number_of_elements"] = lambda t: np.array(
            [least <= len(kinds) <= most for kinds in _kinds(t)], dtype=bool
        )
    if selection.max_sites is not None:
        filters["too_many_sites"] = at_most(selection.max_sites)
    ehull_max = ON_HULL if selection.stable_only else selection.ehull_max
    if ehull_max is not None:
        filters["above_hull"] = lambda t: _hull_distance(t) <= ehull_max
    rows, dropped = _surviving_rows(table, filters)
    return rows, {reason: len(away) for reason, away in dropped.items()}


def _numbers(symbols: Iterable[str]) -> list[int]:
    return [atomic_number(symbol) for symbol in symbols]


def _kinds(table: StructureTable) -> list[frozenset[int]]:
    """Return the set of elements of each crystal."""
    pieces = np.split(table.atomic_numbers, table.offsets[1:-1])
    return [frozenset(atoms.tolist()) for atoms in pieces[: len(table)]]


def _hull_distance(table: StructureTable) -> np.ndarray:
    if HULL not in table.properties:
        there = ", ".join(table.properties) or "no numeric property"
        raise InputInvalid(f'This source has no column "{HULL}" to choose stable crystals by. It has: {there}.')
    return table.properties[HULL]


def site_limit(query: Mapping[str, Any]) -> int:
    """Return the most atoms that a crystal of a pull may have: what its query asks for, or `MAX_SITES`."""
    from builders.structures.graphs import MAX_INDEXED

    return min(query.get("max_sites") or MAX_SITES, MAX_INDEXED)


def clean(table: StructureTable, *, max_sites: int = MAX_SITES) -> tuple[StructureTable, dict[str, int]]:
    """Drop crystals that no model can use, or of more than `max_sites` atoms; return the rest and counts by reason."""
    return apply_filters(table, USABLE | {"too_many_sites": at_most(max_sites)})


def at_most(n_sites: int) -> Filter:
    """Return the filter that keeps crystals with at most so many atoms."""
    return lambda table: table.n_sites <= n_sites


def drop_unlabelled(table: StructureTable, targets: Iterable[str]) -> tuple[StructureTable, dict[str, int]]:
    """Drop crystals that have no value of any target."""
    names = list(targets)
    return apply_filters(
        table, {"no_target": lambda t: np.any([np.isfinite(t.properties[name]) for name in names], axis=0)}
    )


def apply_filters(table: StructureTable, filters: dict[str, Filter]) -> tuple[StructureTable, dict[str, int]]:
    """Apply filters (reason -> mask of what stays) one after the other; return the rest and the counts above zero."""
    rows, dropped = _surviving_rows(table, filters)
    return (table.take(rows) if dropped else table), {reason: len(away) for reason, away in dropped.items()}


def sort_out(table: StructureTable, filters: dict[str, Filter]) -> tuple[StructureTable, dict[str, list[str]]]:
    """Apply filters one after the other; return the rest, and the identifiers of what each one drops."""
    rows, dropped = _surviving_rows(table, filters)
    names = {reason: table.material_ids[away].tolist() for reason, away in dropped.items()}
    return (table.take(rows) if dropped else table), names


def _surviving_rows(table: StructureTable, filters: dict[str, Filter]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the rows that pass all filters, and the rows that each one drops."""
    rows, dropped = np.arange(len(table)), {}
    for reason, keep in filters.items():
        mask = keep(table)
        if not mask.all():
            dropped[reason] = rows[~mask]
            rows, table = rows[mask], table.take(np.flatnonzero(mask))
    return rows, dropped


def _all_atoms(table: StructureTable, is_good: np.ndarray) -> Mask:
    """Return the crystals whose atoms are all good; one without atoms is not."""
    n_bad = (
        np.add.reduceat(np.append(~is_good, False), table.offsets[:-1], dtype=np.int64) if len(table) else np.zeros(0)
    )
    return (n_bad == 0) & (table.n_sites > 0)


def _has_new_id(table: StructureTable) -> Mask:
    numbers = pa.array(table.material_ids, pa.large_string()).dictionary_encode().indices.to_numpy()
    highest = np.maximum.accumulate(np.concatenate([[-1], numbers]))
    return numbers > highest[:-1]  # identifiers are numbered in the order in which they come


def _has_atoms(table: StructureTable) -> Mask:
    return table.n_sites > 0


def _has_valid_elements(table: StructureTable) -> Mask:
    return _all_atoms(table, (table.atomic_numbers >= 1) & (table.atomic_numbers <= N_ELEMENTS))


def _has_finite_geometry(table: StructureTable) -> Mask:
    finite_atoms = _all_atoms(table, np.isfinite(table.frac_coords).all(axis=1))
    return finite_atoms & np.isfinite(table.lattices).all(axis=(1, 2))


def _has_volume(table: StructureTable) -> Mask:
    return volumes(table.lattices) >= MIN_VOLUME_PER_ATOM * table.n_sites


def _has_searchable_cell(table: StructureTable) -> Mask:
    return search_cells(table.lattices)[1]


def _is_near_its_cell(table: StructureTable) -> Mask:
    return _all_atoms(table, (np.abs(table.frac_coords) <= MAX_FRACTION).all(axis=1))


def _is_ordered(table: StructureTable) -> Mask:
    if table.occupancies is None:
        return np.ones(len(table), dtype=bool)
    return _all_atoms(table, np.abs(table.occupancies - 1) < 1e-3)


def _has_separate_atoms(table: StructureTable) -> Mask:
    """No two atoms, nor an atom and its own image, nearer than ``MIN_DISTANCE``."""
    from builders.structures.graphs import shortest_distances

    return shortest_distances(table, cutoff=MIN_DISTANCE) >= MIN_DISTANCE


USABLE: dict[str, Filter] = {
    "duplicate_id": _has_new_id,
    "no_atoms": _has_atoms,
    "invalid_atomic_number": _has_valid_elements,
    "not_finite": _has_finite_geometry,
    "no_volume": _has_volume,
    "degenerate_cell": _has_searchable_cell,
    "far_outside_cell": _is_near_its_cell,
    "too_many_sites": at_most(MAX_SITES),
    "partial_occupancy": _is_ordered,
    "atoms_overlap": _has_separate_atoms,
}
"""Reason for dropping -> mask of what stays, in the order in which they are applied."""

ENCODABLE: dict[str, Filter] = {
    reason: USABLE[reason] for reason in ("not_finite", "no_volume", "degenerate_cell", "far_outside_cell")
}
"""Filters that a crystal has to pass before a network sees it."""
