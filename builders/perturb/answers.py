"""What a potential says of crystals, as numbers that do not change when a crystal is turned or written otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from builders.others.asking import asked, is_finite
from builders.others.base import Answer, AnsweringPotential, Crystal

UNITS = {
    "distortion_energy_per_atom": "eV/atom",
    "rms_force": "eV/angstrom",
    "pressure": "GPa",
    "von_mises_stress": "GPa",
    "volume_change": "1",
    "rms_displacement": "angstrom",
}
"""Column -> unit: four that the potential says, and two of the move."""

DIGITS = {"distortion_energy_per_atom": 5, "rms_force": 4, "pressure": 3, "von_mises_stress": 3}
"""Column -> decimals that are kept; a potential that computes in single precision tells no more."""

BATCH_SIZE, BATCH_SITES = 16, 160
"""Crystals that a potential is asked about at once, and their sites. Larger batches are not faster on a CPU."""

NOT_FINITE = "answer_not_finite"
"""Reason for leaving out a crystal for which a potential gives NaN or infinity."""

TOO_FAR = "forces_too_large"
"""Reason for leaving out a crystal that is farther from rest than any potential was trained for."""

MAX_FORCE = 50.0
"""Root mean square forces beyond this (eV/angstrom) come from atoms on top of each other."""


def ask(potential: AnsweringPotential, crystals: Sequence[Crystal]) -> list[Answer | str]:
    """Return what a potential says of each crystal, or the reason why it says nothing of use.

    Raises:
        InputInvalid: the memory does not suffice.
    """
    made = asked(potential, crystals, potential.answers, most=BATCH_SIZE, most_sites=BATCH_SITES)
    return [one if isinstance(one, str) else _fit_or_why_not(one) for one in made]


def _fit_or_why_not(answer: Answer) -> Answer | str:
    if not is_finite(answer):
        return NOT_FINITE
    return TOO_FAR if rms_force(answer) > MAX_FORCE else answer


def numbers_of(answer: Answer, at_rest: Answer) -> dict[str, float]:
    """Return what a potential says of a copy, rounded to what its numbers are worth: by symmetry, forces are zero.

    Args:
        answer: of the copy.
        at_rest: of the crystal.
    """
    numbers = {
        "distortion_energy_per_atom": float(answer.energy_per_atom) - float(at_rest.energy_per_atom),
        "rms_force": rms_force(answer),
        "pressure": pressure(answer),
        "von_mises_stress": float(np.sqrt(1.5 * (deviator(answer.stress) ** 2).sum())),
    }
    return {name: round(value, DIGITS[name]) for name, value in numbers.items()}


def rms_force(answer: Answer) -> float:
    """Return the root mean square force on an atom, eV/angstrom."""
    return float(np.sqrt((answer.forces.astype(np.float64) ** 2).sum(axis=1).mean()))


def pressure(answer: Answer) -> float:
    """Return the pressure that a crystal exerts, GPa."""
    return -float(np.trace(answer.stress.astype(np.float64))) / 3


def deviator(tensor: np.ndarray) -> np.ndarray:
    """Return the symmetric part of a (3, 3) tensor without its trace: how far a stress is from a pressure."""
    symmetric = (tensor.astype(np.float64) + tensor.T) / 2
    return symmetric - np.trace(symmetric) / 3 * np.eye(3)
