"""How a copy of a crystal is moved: strained, scaled, shaken, or all of it. No move changes its formula."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import numpy as np

from builders.others.base import Crystal
from builders.structures.cells import volumes
from embeddings.errors import InputInvalid

SMALLEST_SHAKE = 0.01
"""Atoms are moved by at least this much (angstrom, root mean square)."""


@dataclass(frozen=True)
class Bounds:
    """How far moves go.

    Attributes:
        strain: each component of the symmetric strain lies within plus and minus this.
        scaling: the volume changes by at most this share.
        shake: the root mean square displacement of the atoms is at most this, angstrom.
    """

    strain: float = 0.05
    scaling: float = 0.1
    shake: float = 0.3

    def __post_init__(self) -> None:
        """Refuse moves after which a crystal would be no crystal.

        Raises:
            InputInvalid: names the bound.
        """
        most = {"strain": (0.0, 0.3), "scaling": (0.0, 0.5), "shake": (SMALLEST_SHAKE, 2.0)}
        for field in fields(self):
            low, high = most[field.name]
            if not low < getattr(self, field.name) <= high:
                raise InputInvalid(f"{field.name} is {getattr(self, field.name)}; it has to be in ({low:g}, {high:g}].")

    def to_dict(self) -> dict[str, float]:
        """Return the bounds as plain JSON values."""
        return asdict(self)


class Moved(NamedTuple):
    """A copy of a crystal, and how far it is from the crystal.

    Attributes:
        crystal: the copy.
        volume_change: of the cell, as a share.
        rms_displacement: of the atoms, beyond that of the cell, angstrom.
    """

    crystal: Crystal
    volume_change: float
    rms_displacement: float


Move = Callable[[Crystal, Bounds, np.random.Generator], Crystal]


def strained(crystal: Crystal, bounds: Bounds, rng: np.random.Generator) -> Crystal:
    """Return a copy with a random symmetric strain; the atoms go with the cell."""
    drawn = rng.uniform(-bounds.strain, bounds.strain, 6)
    strain = drawn[[0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(3, 3)
    return crystal._replace(lattice=crystal.lattice @ (np.eye(3) + strain))


def scaled(crystal: Crystal, bounds: Bounds, rng: np.random.Generator) -> Crystal:
    """Return a copy of another volume and the same shape."""
    factor = 1 + rng.uniform(-bounds.scaling, bounds.scaling)
    return crystal._replace(lattice=crystal.lattice * factor ** (1 / 3))


def shaken(crystal: Crystal, bounds: Bounds, rng: np.random.Generator) -> Crystal:
    """Return a copy with every atom moved at random; how far is drawn between the bounds, on a logarithmic scale."""
    amplitude = np.exp(rng.uniform(np.log(SMALLEST_SHAKE), np.log(bounds.shake)))
    moves = rng.normal(size=crystal.frac_coords.shape)
    if len(moves) < 2:
        return crystal
    moves -= moves.mean(axis=0)  # the crystal as a whole stays where it is
    moves *= amplitude / _rms(moves)
    return crystal._replace(frac_coords=crystal.frac_coords + moves @ np.linalg.inv(crystal.lattice))


def combined(crystal: Crystal, bounds: Bounds, rng: np.random.Generator) -> Crystal:
    """Return a copy that is scaled, strained and shaken."""
    return shaken(strained(scaled(crystal, bounds, rng), bounds, rng), bounds, rng)


MOVES: dict[str, Move] = {"strained": strained, "scaled": scaled, "shaken": shaken, "combined": combined}
"""Every move by name; the copies of a crystal go through them in turn."""

FOR_ONE_ATOM = {"shaken": "strained"}
"""An atom that is alone in its cell cannot be shaken against others."""


def moved(
    crystal: Crystal, material_id: str, number: int, *, moves: tuple[str, ...], bounds: Bounds, seed: int
) -> tuple[str, Moved]:
    """Return a copy of a crystal: always the same one, whatever else is copied.

    Args:
        crystal: any.
        material_id: of the crystal.
        number: of the copy, from 1 on.
        moves: names out of `MOVES` that the copies of a crystal go through in turn.
        bounds: how far they go.
        seed: draws the copy, together with the identifier and the number.

    Returns:
        The name of the move; and the copy.
    """
    name = moves[(number - 1) % len(moves)]
    if len(crystal.atomic_numbers) == 1:
        name = FOR_ONE_ATOM.get(name, name)
    key = hashlib.sha256(f"{seed} {number} {material_id}".encode()).digest()
    copy = MOVES[name](crystal, bounds, np.random.default_rng(int.from_bytes(key[:16])))
    apart = (copy.frac_coords - crystal.frac_coords) @ copy.lattice
    return name, Moved(copy, float(volumes(copy.lattice) / volumes(crystal.lattice) - 1), _rms(apart))


def _rms(vectors: np.ndarray) -> float:
    """Return the root mean square length of (n, 3) vectors."""
    return float(np.sqrt((vectors**2).sum(axis=1).mean()))
