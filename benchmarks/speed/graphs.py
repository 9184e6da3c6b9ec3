"""Neighbor graphs found in a second on one core, and the memory that packing a whole database takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.data import CrystalFile, crystal_files, materials_project_file, sample
from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most, in_turn, process_usage
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.structures.graphs import neighbor_graphs
from builders.structures.table import StructureTable

if TYPE_CHECKING:
    from pymatgen.core import Structure

CUTOFF = CrystalTransformerConfig.cutoff
"""Angstrom."""

N_CRYSTALS, MAX_SITES = 4_000, 24
LEAST_PER_SECOND, MAX_PACKING_MB = 4_000.0, 4_000.0
OURS, PEER = "neighbor_graphs", "pymatgen get_neighbor_list"


def run(request: Request) -> dict[str, Any]:
    """Find the neighbors of small cells, ours and pymatgen in turn, then pack all crystals of the largest file."""
    files, notes = crystal_files(request.data)
    n_crystals, n_rounds = (64, 1) if request.quick else (N_CRYSTALS, 5)
    rows = [row for file in files for row in _rows_of(file, n_crystals, n_rounds)]
    goals = [
        at_least(f"{row['data']}, {OURS}, per s", row["median_per_s"], LEAST_PER_SECOND)
        for row in rows
        if row["case"] == OURS
    ]
    whole = materials_project_file(request.data)
    if whole.path.is_file():
        rows.append(_packing_row(whole, n_crystals if request.quick else None))
        goals.append(at_most(f"{whole.name}, packing, peak MB", rows[-1]["peak_mb"], MAX_PACKING_MB))
    return {
        "title": f"Neighbors within {CUTOFF:g} angstrom, crystals in a second, and packing",
        "rows": rows,
        "goals": goals,
        "notes": [f"Neighbors in cells of at most {MAX_SITES} atoms, both cases in turn, rounds: {n_rounds}.", *notes],
    }


def pack(path: str, n: int) -> None:
    """Read, clean and pack ``n`` crystals of a file, with their neighbors, as is done before a training."""
    table = sample(Path(path), n, max_sites=None)
    PackedCrystals(table, neighbor_graphs(table, CUTOFF), np.zeros((len(table), 1)))


def _packing_row(file: CrystalFile, limit: int | None) -> dict[str, Any]:
    n_rows = pq.read_metadata(file.path).num_rows
    n = n_rows if limit is None else min(limit, n_rows)
    code = f"from benchmarks.speed.graphs import pack; pack({str(file.path)!r}, {n})"
    usage = process_usage([sys.executable, "-c", code])
    return {
        "data": file.name,
        "case": "packing, a whole process",
        "crystals": n,
        "median_per_s": n / usage.seconds,
        "peak_mb": usage.peak_mb,
    }


def _rows_of(file: CrystalFile, n_crystals: int, n_rounds: int) -> list[dict[str, Any]]:
    table = sample(file.path, n_crystals, max_sites=MAX_SITES)
    cases = {OURS: partial(_own_edges, table), PEER: partial(_peer_edges, _structures(table))}
    taken = in_turn({name: partial(_timed, case) for name, case in cases.items()}, n_rounds)
    return [
        {
            "data": file.name,
            "case": name,
            "crystals": len(table),
            "edges": rounds[0]["edges"],
            "median_per_s": len(table) / median(round_["seconds"] for round_ in rounds),
            "cores": median(round_["cores"] for round_ in rounds),
        }
        for name, rounds in taken.items()
    ]


def _timed(case: Callable[[], int]) -> dict[str, float]:
    """Return the number of edges that a case finds, its wall time, and the cores that it kept busy."""
    wall, processor = time.perf_counter(), time.process_time()
    edges = case()
    seconds = time.perf_counter() - wall
    return {"edges": edges, "seconds": seconds, "cores": (time.process_time() - processor) / seconds}


def _own_edges(table: StructureTable) -> int:
    return len(neighbor_graphs(table, CUTOFF).distances)


def _peer_edges(structures: list[Structure]) -> int:
    return sum(len(structure.get_neighbor_list(CUTOFF)[0]) for structure in structures)


def _structures(table: StructureTable) -> list[Structure]:
    from pymatgen.core import Structure

    atoms = [slice(*table.offsets[k : k + 2]) for k in range(len(table))]
    return [
        Structure(lattice, table.atomic_numbers[part].tolist(), table.frac_coords[part])
        for lattice, part in zip(table.lattices, atoms, strict=True)
    ]
