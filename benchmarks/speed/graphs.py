"""Neighbor graphs found in a second on one core, and the memory that a build takes for more and more crystals."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data import CrystalFile, crystal_files, crystal_recipe, materials_project_file, sample
from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most, in_turn, process_usage
from builders.learning.material import prepare
from builders.methods.crystal_transformer.batches import batches_by_size
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.methods.crystal_transformer.method import assemble
from builders.progress import Reporter
from builders.snapshots.snapshot import take_snapshot
from builders.sources import SourceOptions, find_source
from builders.structures.cleaning import Selection
from builders.structures.graphs import neighbor_graphs
from builders.structures.table import StructureTable

if TYPE_CHECKING:
    from pymatgen.core import Structure

CUTOFF = CrystalTransformerConfig.cutoff
"""Angstrom."""

N_CRYSTALS, MAX_SITES = 4_000, 24
LEAST_PER_SECOND, MAX_PACKING_MB, MAX_GROWTH_KB = 4_000.0, 4_000.0, 1.0
ROWS_AT_ONCE = 10_000
PACKED, N_STEPS = (10_000, 109_366, 1_000_000), 20
"""Crystals that are packed, and steps of training after it."""

OURS, PEER = "neighbor_graphs", "pymatgen get_neighbor_list"


def run(request: Request) -> dict[str, Any]:
    """Find the neighbors of small cells, ours and pymatgen in turn, then pack ever more crystals."""
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
        sizes = (40, 80, 120) if request.quick else PACKED
        packed = [_packing_row(whole, n) for n in sizes]
        rows += packed
        goals += _packing_goals(whole.name, packed)
    return {
        "title": f"Neighbors within {CUTOFF:g} angstrom, crystals in a second, and packing",
        "rows": rows,
        "goals": goals,
        "notes": [
            f"Neighbors in cells of at most {MAX_SITES} atoms, both cases in turn, rounds: {n_rounds}.",
            "Where more crystals are packed than the file has, it is repeated under other identifiers.",
            *notes,
        ],
    }


def pack(path: str, n: int) -> None:
    """Do all that a build does with ``n`` crystals of a file, but for most steps of the training.

    They are pulled into a snapshot, cleaned and packed with their neighbors; every batch of an epoch is gathered, and
    the network looks at some of them. A file of fewer crystals is repeated under other identifiers.
    """
    recipe, quiet, selection = crystal_recipe("ct-multi"), Reporter(quiet=True), Selection(limit=n)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        stream = find_source("table")(SourceOptions(_repeated(Path(path), n, work)), selection)
        snapshot = take_snapshot(work / "snapshot", "table", stream, selection, quiet)
        material = prepare(snapshot, recipe, quiet, work=work)
        lessons = assemble(material, recipe, quiet)
        crystals = lessons.task.crystals
        batches = batches_by_size(
            crystals.sizes, material.training_rows,
            batch_size=recipe.training.batch_size, max_pairs=recipe.training.max_pairs, rng=np.random.default_rng(0),
        )  # fmt: skip
        for number, rows in enumerate(batches):
            batch = crystals.batch(rows)
            if number < N_STEPS:
                lessons.model(batch).square().mean().backward()


def _repeated(path: Path, n: int, folder: Path) -> Path:
    """Return a file of at least ``n`` crystals: the given one, or one that repeats it."""
    source = pq.ParquetFile(path)
    times = -(-n // source.metadata.num_rows)
    if times == 1:
        return path
    place = source.schema_arrow.get_field_index("material_id")
    with pq.ParquetWriter(folder / path.name, source.schema_arrow) as writer:
        for again in range(times):
            for rows in source.iter_batches(batch_size=ROWS_AT_ONCE):
                names = pc.binary_join_element_wise(rows.column(place), str(again), "-")
                writer.write_batch(rows.set_column(place, source.schema_arrow.field(place), names))
    return folder / path.name


def _packing_row(file: CrystalFile, n: int) -> dict[str, Any]:
    code = f"from benchmarks.speed.graphs import pack; pack({str(file.path)!r}, {n})"
    usage = process_usage([sys.executable, "-c", code])
    return {
        "data": file.name,
        "case": "packing, a whole process",
        "crystals": n,
        "median_per_s": n / usage.seconds,
        "peak_mb": usage.peak_mb,
    }


def _packing_goals(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the goals on memory: of the most crystals, and of each one beyond the second most."""
    before, last = rows[-2:]
    growth = (last["peak_mb"] - before["peak_mb"]) * 1e3 / (last["crystals"] - before["crystals"])
    return [
        at_most(f"{name}, packing {last['crystals']:,} crystals, peak MB", last["peak_mb"], MAX_PACKING_MB),
        at_most(f"{name}, packing, kB for each further crystal", growth, MAX_GROWTH_KB),
    ]


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
