"""What it saves to look at one of the atoms that see the same, and what it changes: in encoding, with one thread."""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.data import CrystalFile, crystal_files, sample
from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most, in_turn
from builders.methods.crystal_transformer import encoder as encoders
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.structures import equivalent
from builders.structures.equivalent import TOLERANCE, ReducedGraphs, reduced_neighbors
from builders.structures.table import StructureTable
from embeddings.store.roots import resolve

CATALOG = "ct-multi"
N_CRYSTALS, MAX_SITES = 4_000, 100
ALL, EACH = "all atoms", "one of each set"
TOLERANCES = {
    ALL: TOLERANCE,
    EACH: TOLERANCE,
    "tolerance ten times as wide": 10 * TOLERANCE,
    "ten times narrower": TOLERANCE / 10,
}
"""Case -> within which sums over neighbors are the same."""

LEAST_PER_SECOND, MOST_CHANGE = 1_000.0, 1e-3
"""Crystals encoded in a second, and the largest change of a vector in standard deviations of its column."""


def run(request: Request) -> dict[str, Any]:
    """Encode a sample of each file that is there, with all atoms and with one of each set of equivalent ones."""
    files, notes = crystal_files(request.data)
    encoder = read_crystal_encoder(resolve(CATALOG))
    n_crystals, n_rounds = (40, 1) if request.quick else (N_CRYSTALS, 3)
    with threadpool_limits(1):
        rows = [row for file in files for row in _rows_of(file, encoder, n_crystals, n_rounds)]
    reduced = [row for row in rows if row["case"] == EACH]
    return {
        "title": f"Encoding one atom of each set of equivalent ones, {encoder.name} {encoder.version}, one thread",
        "rows": rows,
        "goals": [
            goal
            for row in reduced
            for goal in (
                at_least(f"{row['data']}, {EACH}, per s", row["median_per_s"], LEAST_PER_SECOND),
                at_most(f"{row['data']}, largest change, standard deviations", row["change"], MOST_CHANGE),
            )
        ],
        "notes": [f"Crystals of at most {MAX_SITES} atoms; all cases in turn, rounds: {n_rounds}.", *notes],
    }


def _rows_of(file: CrystalFile, encoder: CrystalEncoder, n_crystals: int, n_rounds: int) -> list[dict[str, Any]]:
    table = sample(file.path, n_crystals, max_sites=MAX_SITES)
    table = table.take(np.flatnonzero(encoder.covers(table)))
    rounds = {case: None if case == ALL else encoder.model.config.depth for case in TOLERANCES}
    taken = in_turn({case: partial(_encoded, encoder, table, case, rounds[case]) for case in rounds}, n_rounds)
    whole = taken[ALL][0][0]
    seconds = {case: [one for _, one, _ in results] for case, results in taken.items()}
    return [
        {
            "data": file.name,
            "case": case,
            "crystals": len(table),
            "atoms": taken[case][0][2],
            "median_per_s": len(table) / median(seconds[case]),
            "ratio": median(a / b for a, b in zip(seconds[ALL], seconds[case], strict=True)),
            "change": float((np.abs(taken[case][0][0] - whole) / whole.std(axis=0)).max()),
        }
        for case in rounds
    ]


def _encoded(
    encoder: CrystalEncoder, table: StructureTable, case: str, rounds: int | None
) -> tuple[np.ndarray, float, float]:
    """Return the vectors of all crystals, (n, dim), the seconds of processor time that they took, and atoms of each."""
    sizes: list[np.ndarray] = []

    def neighbors(part: StructureTable, cutoff: float, _: int | None) -> ReducedGraphs:
        graphs = reduced_neighbors(part, cutoff, rounds)
        sizes.append(graphs.sizes)
        return graphs

    with (
        patch.object(encoders, "reduced_neighbors", neighbors),
        patch.object(equivalent, "TOLERANCE", TOLERANCES[case]),
    ):
        started = time.process_time()
        vectors = encoder.encode(table)
        seconds = time.process_time() - started
    return vectors, seconds, float(np.concatenate(sizes).mean())
