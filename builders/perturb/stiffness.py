"""How stiff a crystal is, from what a potential says of its copies: finite differences, each of one copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from builders.others.base import Answer, Crystal
from builders.perturb.answers import deviator, pressure, rms_force

UNITS = {"bulk_stiffness": "GPa", "shear_stiffness": "GPa", "force_constant": "eV/angstrom^2"}
"""Column -> unit."""

LEAST_CHANGE = 0.02
"""Copies whose volume or shape changes by less than this tell rounding, and no stiffness."""


class Copy(NamedTuple):
    """A copy of a crystal with its answer.

    Attributes:
        move: how it was made.
        crystal: the copy.
        rms_displacement: of its atoms, angstrom.
        answer: of the potential.
    """

    move: str
    crystal: Crystal
    rms_displacement: float
    answer: Answer


def stiffness(crystal: Crystal, at_rest: Answer, copies: Sequence[Copy]) -> dict[str, float]:
    """Return how stiff a crystal is, NaN where no copy tells; of several copies, the median.

    Atoms go with the cell in strained and scaled copies, so that these are stiffnesses of clamped ions, of one random
    direction each: rough relatives of the moduli.

    Args:
        crystal: at rest.
        at_rest: its answer.
        copies: of the crystal.

    Returns:
        ``bulk_stiffness``, by how much the pressure falls with the logarithm of the volume, GPa; ``shear_stiffness``, a
        third of the von Mises stress over the von Mises strain, GPa; and ``force_constant``, the force on a shaken atom
        over its displacement, both as root mean squares, eV/angstrom^2. Stress and force are those that the move adds:
        few crystals are at rest for a potential that did not relax them.
    """
    found: dict[str, list[float]] = {name: [] for name in UNITS}
    for copy in copies:
        strain = np.linalg.solve(crystal.lattice, copy.crystal.lattice) - np.eye(3)
        growth, shape = float(np.log(np.linalg.det(np.eye(3) + strain))), _size(deviator(strain)) / 1.5
        added = Answer(*(after - before for after, before in zip(copy.answer, at_rest, strict=True)))
        if copy.move == "scaled" and abs(growth) >= LEAST_CHANGE:
            found["bulk_stiffness"].append(-pressure(added) / growth)
        if copy.move == "strained" and shape >= LEAST_CHANGE:
            found["shear_stiffness"].append(_size(deviator(added.stress)) / shape / 3)
        if copy.move == "shaken":
            found["force_constant"].append(rms_force(added) / copy.rms_displacement)
    return {name: round(float(np.median(values)), 4) if values else float("nan") for name, values in found.items()}


def _size(deviatoric: np.ndarray) -> float:
    """Return von Mises's invariant of a tensor without a trace."""
    return float(np.sqrt(1.5 * (deviatoric**2).sum()))
