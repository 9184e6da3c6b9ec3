"""From decorations to raw results, chunk by chunk, each chunk one file on disk.

A chunk's file is named after the crystals in it, written beside its final name and then renamed: a run that was
killed takes up where it stopped, and another choice of crystals never meets its results. After a change of the method,
delete the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from embeddings.store.folders import write_text
from tools.starter.cells import Prototype, primitive_cell
from tools.starter.decorate import Decoration
from tools.starter.equation_of_state import EquationOfState
from tools.starter.potential import energies, magnetic_moments
from tools.starter.prototypes import PROTOTYPES
from tools.starter.volume_search import Search, guess_volume, search_minimum

CHUNK_SIZE = 48
_BY_NAME = {prototype.name: prototype for prototype in PROTOTYPES}


def prototype_of(decoration: Decoration) -> Prototype:
    """Return the prototype that a decoration decorates."""
    return _BY_NAME[decoration.prototype]


def site_symbols(decoration: Decoration) -> list[str]:
    """Return the element of each site of the primitive cell."""
    return [decoration.symbols[label] for label in primitive_cell(prototype_of(decoration)).labels]


def structure_at(decoration: Decoration, volume: float) -> Any:
    """Build the primitive cell of a decoration.

    Args:
        decoration: what to build.
        volume: A^3/atom.

    Returns:
        A ``pymatgen.core.Structure``.
    """
    from pymatgen.core import Structure

    cell = primitive_cell(prototype_of(decoration))
    return Structure(cell.lattice * volume ** (1 / 3), site_symbols(decoration), cell.frac_coords)


def _start(decoration: Decoration) -> Search:
    prototype = prototype_of(decoration)
    return search_minimum(guess_volume(prototype, primitive_cell(prototype), decoration.symbols))


def _answer(wanted: dict[Decoration, list[float]]) -> dict[Decoration, list[float]]:
    """Compute all wanted energies in one go."""
    structures = [structure_at(decoration, v) for decoration, volumes in wanted.items() for v in volumes]
    found = iter(energies(structures))
    return {decoration: [next(found) for _ in volumes] for decoration, volumes in wanted.items()}


def search_all(decorations: Sequence[Decoration]) -> dict[Decoration, EquationOfState | str]:
    """Run the volume searches of many crystals side by side.

    Args:
        decorations: the crystals.

    Returns:
        The equation of state of each, per atom, or the reason why there is none.
    """
    searches = {decoration: _start(decoration) for decoration in decorations}
    wanted = {decoration: next(search) for decoration, search in searches.items()}
    outcomes: dict[Decoration, EquationOfState | str] = {}
    while wanted:
        answers = _answer(wanted)
        wanted = {}
        for decoration, answer in answers.items():
            try:
                wanted[decoration] = searches[decoration].send(answer)
            except StopIteration as stop:
                outcomes[decoration] = stop.value
    return outcomes


def compute_chunk(decorations: Sequence[Decoration]) -> list[dict[str, Any]]:
    """Compute a chunk of crystals.

    Args:
        decorations: the crystals.

    Returns:
        One JSON-ready row per crystal: its id, and either ``dropped`` (the reason) or ``energy`` (eV/atom),
        ``volume`` (A^3/atom), ``bulk_modulus`` (GPa), ``bulk_modulus_derivative``, ``residual`` (eV/atom) and
        ``magnetic_moment`` (mu_B/atom).
    """
    outcomes = search_all(decorations)
    curves = {d: curve for d, curve in outcomes.items() if isinstance(curve, EquationOfState)}
    moments = magnetic_moments([structure_at(d, curve.volume) for d, curve in curves.items()])
    rows = {d: vars(curve) | {"magnetic_moment": m} for (d, curve), m in zip(curves.items(), moments, strict=True)}
    return [{"material_id": d.material_id} | rows.get(d, {"dropped": outcomes[d]}) for d in decorations]


def _part_path(folder: Path, chunk: Sequence[Decoration]) -> Path:
    digest = sha256("\n".join(decoration.material_id for decoration in chunk).encode()).hexdigest()
    return folder / f"{digest[:16]}.json"


def _write_part(task: tuple[Path, Sequence[Decoration]]) -> Path:
    path, chunk = task
    write_text(path, json.dumps(compute_chunk(chunk)))
    return path


def _read_part(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def chunked(decorations: Sequence[Decoration]) -> list[Sequence[Decoration]]:
    """Cut the decorations into chunks of at most ``CHUNK_SIZE``."""
    return [decorations[i : i + CHUNK_SIZE] for i in range(0, len(decorations), CHUNK_SIZE)]


def compute_all(decorations: Sequence[Decoration], folder: Path, *, workers: int = 1) -> Iterator[list[dict[str, Any]]]:
    """Compute every chunk that is not on disk yet, and yield the rows of all.

    Args:
        decorations: the crystals, in a stable order.
        folder: where the parts lie; made if need be.
        workers: how many processes, one thread each.

    Yields:
        The rows of one chunk, in no particular order of chunks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [(_part_path(folder, chunk), chunk) for chunk in chunked(decorations)]
    missing = [task for task in tasks if not task[0].exists()]
    yield from (_read_part(path) for path, _ in tasks if path.exists())
    yield from map(_read_part, _run(missing, workers))


def _run(tasks: list[tuple[Path, Sequence[Decoration]]], workers: int) -> Iterator[Path]:
    if workers == 1 or len(tasks) < 2:
        yield from map(_write_part, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_write_part, tasks)
