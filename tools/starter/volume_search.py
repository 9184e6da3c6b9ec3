"""From a guessed volume to an equation of state, with few energies.

Volumes lie on a geometric grid about the guess. A coarse walk downhill brackets the minimum; seven neighbouring
volumes about it, re-centred until the lowest is in the middle, give the fit. A search is a generator that asks
for volumes and is sent their energies, so that many crystals can share one batch.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from tools.starter.cells import Cell, Prototype
from tools.starter.decorate import ANIONIC, CATIONIC, Symbols, radius
from tools.starter.equation_of_state import EquationOfState, fit_birch_murnaghan

STEP = 1.03
_COARSE, _HALF_WIDTH, _MAX_RECENTRINGS = 4, 3, 3
_LOWEST, _HIGHEST = -24, 48  # half to four times the guess
_SMALLEST_SPHERE = 1.0  # A
_CLOSE_PACKED = 4 * 2**0.5  # volume per sphere / radius^3

Search = Generator[list[float], list[float], "EquationOfState | str"]
_Walk = Generator[list[float], list[float], int | None]


def guess_volume(prototype: Prototype, cell: Cell, symbols: Symbols) -> float:
    """Guess a volume per atom from atomic radii.

    Ionic prototypes: the nearest cation and anion touch. Others: close-packed spheres.

    Args:
        prototype: the structure type.
        cell: its primitive cell at one cubic angstrom per atom.
        symbols: one element per label.

    Returns:
        A^3/atom.
    """
    radii = [radius(symbol) for symbol in symbols]
    cations = [i for i, role in enumerate(prototype.roles) if role in CATIONIC]
    anions = [i for i, role in enumerate(prototype.roles) if role in ANIONIC]
    if not anions:
        return float(np.mean([_CLOSE_PACKED * max(radii[label], _SMALLEST_SPHERE) ** 3 for label in cell.labels]))
    pairs = [(i, j, cell.contacts[min(i, j), max(i, j)]) for i in cations for j in anions]
    return max((radii[i] + radii[j]) / contact for i, j, contact in pairs) ** 3


def _ask(indices: list[int], start: float, known: dict[int, float]) -> Generator[list[float], list[float], None]:
    """Ask for the energies at those grid indices that are not known yet."""
    missing = [k for k in indices if k not in known]
    if missing:
        known.update(zip(missing, (yield [start * STEP**k for k in missing]), strict=True))


def _bracket(start: float, known: dict[int, float]) -> _Walk:
    """Walk downhill in coarse steps until the lowest volume lies inside; return its index, or None if far away."""
    indices = [-_COARSE, 0, _COARSE]
    while indices[0] >= _LOWEST and indices[-1] <= _HIGHEST:
        yield from _ask(indices, start, known)
        lowest = min(indices, key=known.__getitem__)
        if indices[0] < lowest < indices[-1]:
            return lowest
        indices = [indices[0] - _COARSE, *indices] if lowest == indices[0] else [*indices, indices[-1] + _COARSE]
    return None


def search_minimum(start: float) -> Search:
    """Search for the energy minimum and fit the equation of state there.

    Args:
        start: first guess of the volume, A^3/atom.

    Yields:
        Volumes per atom whose energies per atom are wanted; send them back as a list.

    Returns:
        The equation of state per atom, or the reason why there is none.
    """
    known: dict[int, float] = {}
    centre = yield from _bracket(start, known)
    if centre is None:
        return "no minimum"
    for _ in range(_MAX_RECENTRINGS):
        window = list(range(centre - _HALF_WIDTH, centre + _HALF_WIDTH + 1))
        yield from _ask(window, start, known)
        lowest = min(window, key=known.__getitem__)
        if abs(lowest - centre) <= 1:
            return _fit(start, {k: known[k] for k in window})
        centre = lowest
    return "no minimum"


def _fit(start: float, energies: dict[int, float]) -> EquationOfState | str:
    """Fit the window; the minimum must lie inside it."""
    if not np.isfinite(list(energies.values())).all():
        return "isolated atoms"
    volumes = start * STEP ** np.array(list(energies), dtype=float)
    curve = fit_birch_murnaghan(volumes, np.array(list(energies.values())))
    if curve is None or not volumes[0] < curve.volume < volumes[-1]:
        return "no minimum"
    return curve
