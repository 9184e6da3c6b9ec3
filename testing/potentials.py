"""A third-party potential that nobody trained, whose vectors can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from builders.others.base import About, Answer, AnsweringPotential, Crystal, Features, Potential, Uncovered
from builders.others.chgnet import ABOUT

LARGE = 500.0
"""Cells beyond this volume (cubic angstrom) leave atoms alone."""

BROKEN = 10
"""Crystals with this element have no finite vector."""

TOY = replace(ABOUT, name="toy-potential", version="1.0.0", title="Toy", dim=3, atomic_numbers=tuple(range(1, 91)))


class Toy(Potential):
    """A site is its atomic number, its volume and 1; a structure the mean over its sites."""

    about: ClassVar[About] = TOY

    def to(self, device: Any) -> None:
        """Compute with NumPy whatever the device."""

    def graph(self, crystal: Crystal) -> Crystal:
        if abs(np.linalg.det(crystal.lattice)) > LARGE:
            raise Uncovered("isolated_atoms")
        return crystal

    def features(self, graphs: Sequence[Crystal]) -> list[Features]:
        return [Features(sites.mean(axis=0), sites) for sites in map(expected_sites, graphs)]


def expected_sites(crystal: Crystal) -> np.ndarray:
    """Return the vectors of the sites of a crystal, (n_atoms, 3)."""
    numbers = np.where(crystal.atomic_numbers == BROKEN, np.nan, crystal.atomic_numbers)
    room = abs(np.linalg.det(crystal.lattice)) / len(numbers)
    return np.column_stack([numbers, np.full(len(numbers), room), np.ones(len(numbers))]).astype(np.float32)


class AnsweringToy(Toy, AnsweringPotential):
    """Also has an energy, that of a pressure alone, and pulls every atom to the origin of the cell."""

    about: ClassVar[About] = replace(TOY, name="answering-toy", title="Answering toy")

    def answers(self, graphs: Sequence[Crystal]) -> list[Answer]:
        return [expected_answer(crystal) for crystal in graphs]


def expected_answer(crystal: Crystal) -> Answer:
    """Return the answer to a crystal: its volume per atom as an energy, and minus its coordinates as forces."""
    sites = expected_sites(crystal)
    return Answer(
        sites[:, 1].mean(), -crystal.frac_coords @ crystal.lattice, np.diag([3.0, 3.0, 6.0]) * sites[:, 0].mean()
    )
