"""Cells in which neighbors can be searched: neither flat nor endless, however the lattice is written."""

from __future__ import annotations

import numpy as np

MAX_EDGE = 1000.0
"""Edges of a cell may be this long (angstrom); the largest in databases have a few hundred."""

MIN_HEIGHT = 0.4
"""Opposite faces of a reduced cell are at least this far apart (angstrom); closer, an atom overlaps its own image."""

PLAIN_HEIGHT = 1.0
"""A cell whose opposite faces are at least this far apart (angstrom) is searched as written."""

MIN_VOLUME = 0.1
"""A smaller cell (cubic angstrom) holds no atom, and rounding would decide its reduction."""

MAX_FRACTION = 1000.0
"""Fractional coordinates lie within this distance of the cell; beyond it, single precision loses their position."""


def volumes(lattices: np.ndarray) -> np.ndarray:
    """Return the volumes of cells, (..., 3, 3) -> (...), cubic angstrom; NaN or infinite on overflow."""
    with np.errstate(all="ignore"):
        return np.abs(np.linalg.det(lattices))


def heights(lattices: np.ndarray) -> np.ndarray:
    """Return the distances between opposite faces of cells, (..., 3, 3) -> (..., 3), angstrom; 0 in a flat cell."""
    a, b, c = np.moveaxis(lattices, -2, 0)
    faces = np.linalg.norm(np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=-2), axis=-1)
    volume = volumes(lattices)[..., None]
    result: np.ndarray = np.divide(volume, faces, out=np.zeros_like(faces), where=faces > 0)
    return result


def search_cells(lattices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells in which to search for neighbors, (n, 3, 3); and which crystals have one, (n,) bool.

    This is the cell itself, unless it is so oblique that it is nearly flat: then it is reduced (Lenstra, Lenstra
    and Lovasz, Math. Ann. 261, 515, 1982): the same lattice, and the same neighbors.
    """
    found = _is_bounded(lattices)
    cells = np.where(found[:, None, None], lattices, 0.0)
    oblique = found & (heights(cells).min(axis=-1) < PLAIN_HEIGHT)
    for row in np.flatnonzero(oblique):
        cells[row] = _reduced(cells[row])
    found[oblique] = heights(cells[oblique]).min(axis=-1) >= MIN_HEIGHT
    return cells, found


def _is_bounded(lattices: np.ndarray) -> np.ndarray:
    finite = (np.abs(lattices) <= MAX_EDGE).all(axis=(1, 2))
    tame = np.where(finite[:, None, None], lattices, 0.0)
    short = (np.linalg.norm(tame, axis=-1) <= MAX_EDGE).all(axis=-1)
    return finite & short & (volumes(tame) >= MIN_VOLUME)


def _reduced(lattice: np.ndarray) -> np.ndarray:
    from pymatgen.core import Lattice

    reduced: np.ndarray = Lattice(lattice).get_lll_reduced_lattice().matrix
    return reduced
