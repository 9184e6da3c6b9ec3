"""Structures planted in another set as supercells, strained copies and under other elements: time, and share found."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most
from builders.structures.digest import look_up, structure_digest
from builders.structures.fingerprints import fingerprints
from builders.structures.overlap import overlap
from builders.structures.table import StructureTable, read_rows
from embeddings.errors import InputInvalid

N, N_PLANTED, MOST_SITES = 10_000, 1_000, 40
QUICK = (40, 8)
N_FORMULAS = 400
FILE = "mp_structures.parquet"
MOST_S = 10.0

_COLUMNS = ["material_id", "formula", "lattice", "atomic_numbers", "frac_coords"]

Crystal = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lattice (3, 3), atomic numbers (n,), fractional coordinates (n, 3)."""


def run(request: Request) -> dict[str, Any]:
    """Measure fingerprints, and how many planted copies are found."""
    n, n_planted = QUICK if request.quick else (N, N_PLANTED)
    table = _structures(request, n)
    started = time.process_time()
    fingerprints(table)
    fingerprints_s = time.process_time() - started
    overlap(table, table, confirm=False)
    whole_s = time.process_time() - started - fingerprints_s
    small = table.take(np.flatnonzero(table.n_sites <= MOST_SITES)[:n_planted])
    rows = [_found(name, small, make) for name, make in PLANTED.items()]
    return {
        "title": f"Structures of one set in another: {len(table):,} of the Materials Project",
        "rows": rows,
        "settings": {"n": len(table), "n_planted": len(small), "most_sites": MOST_SITES, "seed": 0},
        "goals": [
            at_most("fingerprints, s of one core", fingerprints_s, MOST_S),
            *(at_least(f"{row['planted']}, share found", row["found"], 1.0) for row in rows),
        ],
        "notes": [
            f"Fingerprints of {len(table):,} structures took {fingerprints_s:.1f} s of one core, and comparing two "
            f"such sets by fingerprints alone {whole_s:.1f} s, those of both included.",
            f"Planted: {len(small):,} of them with up to {MOST_SITES} atoms, searched for in the originals. The digest "
            "is what a catalog keeps, 27 bytes each.",
            *_polymorphs(request),
        ],
    }


def _structures(request: Request, n: int) -> StructureTable:
    if request.quick:
        from testing.crystals import sample_crystals, structure_table

        return structure_table(sample_crystals(n)[0])
    path = request.data / FILE
    if not path.is_file():
        raise InputInvalid(f"There is no {path}. Name the folder of the development data: --data.")
    whole = pq.read_table(path, columns=_COLUMNS)
    rows = np.sort(np.random.default_rng(0).choice(len(whole), min(n, len(whole)), replace=False))
    return read_rows(whole.take(rows), origin=path.name)[0]


def _found(name: str, table: StructureTable, make: Callable[[Crystal, np.random.Generator], Crystal]) -> dict[str, Any]:
    """Return how many copies are found, and what by."""
    from testing.crystals import structure_table

    random = np.random.default_rng(1)
    copies = structure_table([make(_crystal(table, row), random) for row in range(len(table))])
    started = time.perf_counter()
    pairs = overlap(copies, table)
    seconds = time.perf_counter() - started
    close = look_up(copies, structure_digest(table))
    return {
        "planted": name,
        "structures": len(table),
        "found": len(pairs) / len(table),
        "as_the_same": sum(pair.relation == "structure" for pair in pairs) / len(table),
        "in_the_digest": sum(one is not None for one in close) / len(table),
        "seconds": seconds,
    }


def _polymorphs(request: Request) -> list[str]:
    """Return how many polymorphs the digest takes for one another."""
    if request.quick:
        return []
    whole = pq.read_table(request.data / FILE, columns=_COLUMNS)
    _, place, counts = np.unique(whole["formula"].to_numpy(), return_inverse=True, return_counts=True)
    some = np.random.default_rng(2).choice(np.flatnonzero(counts == 2), N_FORMULAS, replace=False)
    rows = np.flatnonzero(np.isin(place, some))
    table = read_rows(whole.take(rows[np.argsort(place[rows], kind="stable")]), origin=FILE)[0]
    first, second = table.take(np.arange(0, len(table), 2)), table.take(np.arange(1, len(table), 2))
    apart = close = 0
    for row in range(len(first)):
        one, other = first.take(np.array([row])), second.take(np.array([row]))
        if max(one.n_sites[0], other.n_sites[0]) <= MOST_SITES and not _are_same(one, other):
            apart += 1
            (found,) = look_up(one, structure_digest(other))
            close += found is not None and found[0] == "structure"
    return [
        f"Polymorphs: of {apart:,} pairs of one formula that the matcher tells apart, the digest takes {close:,} "
        f"({close / max(apart, 1):.0%}) for the same structure."
    ]


def _are_same(one: StructureTable, other: StructureTable) -> bool:
    return any(pair.relation == "structure" for pair in overlap(one, other))


def _crystal(table: StructureTable, row: int) -> Crystal:
    start, stop = table.offsets[row : row + 2]
    return table.lattices[row], table.atomic_numbers[start:stop].astype(np.int64), table.frac_coords[start:stop]


def _supercell(crystal: Crystal, random: np.random.Generator) -> Crystal:
    from testing.crystals import recelled, shuffled, supercell

    return shuffled(recelled(supercell(crystal, (2, 1, 1)), random), random)


def _strained(crystal: Crystal, random: np.random.Generator) -> Crystal:
    lattice, numbers, coords = crystal
    strain = random.uniform(-0.03, 0.03, (3, 3))
    moved = random.normal(size=coords.shape) * 0.03 @ np.linalg.inv(lattice)
    return lattice @ (np.eye(3) + (strain + strain.T) / 2), numbers, coords + moved


def _renamed(crystal: Crystal, random: np.random.Generator) -> Crystal:
    lattice, numbers, coords = _strained(crystal, random)
    kinds, place = np.unique(numbers, return_inverse=True)
    return lattice, random.choice(np.arange(1, 95), len(kinds), replace=False)[place], coords


PLANTED: dict[str, Callable[[Crystal, np.random.Generator], Crystal]] = {
    "supercells, other cells and orders": _supercell,
    "strained by 3% and shaken by 0.03 A": _strained,
    "the same under other elements": _renamed,
}
