"""Every readout under the same simple heads, chosen between on training rows alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Request
from benchmarks.readouts import peer
from benchmarks.readouts.heads import N_TREES, compared
from benchmarks.readouts.readouts import READOUTS, Atoms, atoms_of, read_out
from benchmarks.readouts.tables import AGAIN
from benchmarks.readouts.tasks import Problem, made_up, pose
from builders.learning.devices import limit_threads
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from embeddings import load_uae
from embeddings.store.roots import resolve

CATALOG = "ct-multi@3.0.0"
PLAIN = next(iter(READOUTS))
"""What the others are compared with."""

AHEAD = ("mean, cell", "all layers")
"""What came out ahead, and is measured again."""

KIND = "readout"
WITH_PEER = ("aflow",)


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure every readout on the crystals of a case.

    Args:
        request: of the harness; quick are 60 crystals that are made up.
        name: of the case.

    Returns:
        ``settings``; ``rows``, the errors of each readout, property and split; ``summary``, of each readout and
        property the mean, its spread, and what a paired test against the mean over atoms says; ``notes``.

    Raises:
        InputInvalid: the data are not there.
    """
    limit_threads()
    started = time.process_time()
    encoder, catalog = read_crystal_encoder(resolve(CATALOG)), load_uae(CATALOG)
    of, _, again = name.partition("-")
    problem = made_up() if request.quick else pose(of, request.data, encoder, draw=int(bool(again)))
    seen = np.isin(problem.formulas, catalog.overlap(sorted(set(problem.formulas))))
    notes = list(problem.notes)
    features = _all_features(name, request, problem, atoms_of(encoder, problem.table), notes)
    found = compared(features, problem, seen, case=name, kind=KIND)
    settings = {
        "catalog": CATALOG, "n_crystals": len(seen), "n_formulas": len(set(problem.formulas)),
        "n_seen": int(seen.sum()), "n_splits": len(problem.tested), "n_trees": N_TREES, "widths": found.pop("widths"),
        "units": problem.units, "cpu_seconds": round(time.process_time() - started),
    }  # fmt: skip
    return {"settings": settings, **found, "notes": notes}


def _all_features(
    name: str, request: Request, problem: Problem, atoms: Atoms, notes: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    for readout in (PLAIN, *AHEAD) if name.endswith(AGAIN) else READOUTS:
        yield readout, read_out(atoms, readout)
    if name in WITH_PEER and not request.quick:
        if peer.is_there():
            vectors = peer.peer_vectors(problem.table)
            yield peer.name(), vectors
            yield f"{peer.name()}, cell", np.hstack([vectors, atoms.cells])
        else:
            notes.append(f"{peer.PEER}: not measured; it is not installed.")
