"""Vectors by several encoders under the same heads, tested on crystals of formulas that none of the catalogs knows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.harness import Request
from benchmarks.readouts import peer
from benchmarks.readouts.heads import N_TREES, compared
from benchmarks.readouts.tasks import FILES, Problem, known_crystals, made_up, pose, read_drawn
from builders.learning.devices import limit_threads
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.structures.primitive import cell_columns
from embeddings import load_uae
from embeddings.store.roots import resolve

KIND = "vectors"
N_TRAINING = {"perovskites": 1_000}
"""Case -> crystals that a head learns from; all that the catalogs know where it is not named."""

MOST_TESTED = 1_500


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure all vectors on the crystals of a case.

    Args:
        request: of the harness; quick are 60 crystals that are made up.
        name: of the case.

    Returns:
        ``settings``; ``rows``, the errors of each kind of vectors, property and split; ``summary``, of each kind and
        property the mean and what a paired test against the first kind says; ``notes``.

    Raises:
        InputInvalid: the data are not there.
        CatalogNotFound: a catalog is not there.
    """
    limit_threads()
    started = time.process_time()
    names = list(request.choices.get("catalogs", ("ct-multi",)))
    encoders = [read_crystal_encoder(resolve(one)) for one in names]
    problem, seen = _posed(name, request, encoders, names)
    notes = list(problem.notes)
    found = compared(_all_vectors(request, problem, encoders, notes), problem, seen, case=name, kind=KIND)
    settings = {
        "catalogs": [f"{one.name}@{one.version}" for one in encoders], "n_crystals": len(seen),
        "n_formulas": len(set(problem.formulas)), "n_seen": int(seen.sum()), "n_splits": len(problem.tested),
        "n_tested": int(np.any(problem.tested, axis=0).sum()), "n_trees": N_TREES, "widths": found.pop("widths"),
        "units": problem.units, "cpu_seconds": round(time.process_time() - started),
    }  # fmt: skip
    return {"settings": settings, **found, "notes": notes}


def _posed(
    name: str, request: Request, encoders: Sequence[CrystalEncoder], names: Sequence[str]
) -> tuple[Problem, np.ndarray]:
    """Return the problem of a case, and which of its crystals have formulas that some catalog was trained on."""
    if request.quick:
        problem = made_up()
    elif name in FILES:
        problem = read_drawn(FILES[name], request.data, encoders[0])
    else:
        problem = pose(name, request.data, encoders[0])
    covered = np.all([known_crystals(problem.table, encoder) for encoder in encoders], axis=0)
    problem = taken(problem, np.flatnonzero(covered))
    seen = _seen(problem, names)
    if name in FILES and not request.quick:
        rows = _drawn(seen, N_TRAINING.get(name))
        problem, seen = taken(problem, rows), seen[rows]
        problem = replace(problem, tested=[~seen])
    return problem, seen


def taken(problem: Problem, rows: np.ndarray) -> Problem:
    """Return some crystals of a problem."""
    return replace(
        problem,
        table=problem.table.take(rows),
        formulas=problem.formulas[rows],
        values=problem.values[rows],
        tested=[tested[rows] for tested in problem.tested],
    )


def _seen(problem: Problem, names: Sequence[str]) -> np.ndarray:
    formulas = sorted(set(problem.formulas))
    known = [formula for name in names for formula in load_uae(name).overlap(formulas)]
    return np.isin(problem.formulas, known)


def _drawn(seen: np.ndarray, n_training: int | None) -> np.ndarray:
    """Return rows to learn from, which catalogs may have seen, and rows to test, which none has; drawn at random."""
    rng = np.random.default_rng(0)
    learned, tested = (rng.permutation(np.flatnonzero(some)) for some in (seen, ~seen))
    return np.sort(np.concatenate([learned[:n_training], tested[:MOST_TESTED]]))


def _all_vectors(
    request: Request, problem: Problem, encoders: Sequence[CrystalEncoder], notes: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    table = problem.table
    cells, first = cell_columns(table), None
    labels = _labels(encoders)
    for label, encoder in zip(labels, encoders, strict=True):
        vectors = encoder.encode(table)
        first = vectors if first is None else first
        yield label, vectors
        if encoder.dim == encoder.site_dim:
            yield f"{label}, cell", np.hstack([vectors, cells])
    if request.quick or first is None:
        return
    if not peer.is_there():
        notes.append(f"{peer.PEER}: not measured; it is not installed.")
        return
    theirs = peer.peer_vectors(table)
    yield peer.name(), theirs
    yield f"{peer.name()}, cell", np.hstack([theirs, cells])
    yield f"{labels[0]} and {peer.name()}", np.hstack([first, theirs])


def _labels(encoders: Sequence[CrystalEncoder]) -> list[str]:
    """Return the name of each, with its version where two have one name."""
    names = Counter(encoder.name for encoder in encoders)
    return [one.name if names[one.name] == 1 else f"{one.name}@{one.version}" for one in encoders]
