"""Relaxation by a potential, bounded: what explodes or does not come to rest is dropped, and counted."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from builders.methods.explicit.drafts import Draft
from embeddings.errors import InputInvalid, MissingExtra, did_you_mean

if TYPE_CHECKING:
    from ase import Atoms

MAX_CHANGE = 2.0
"""A cell whose volume grows or shrinks by more than this factor has exploded."""

MAX_FORCE = 200.0
"""Forces beyond this (eV/angstrom) come from atoms on top of each other."""


@dataclass(frozen=True)
class Limits:
    """How far a relaxation may go.

    Attributes:
        force: at rest, no force and no stress is above this (eV/angstrom).
        steps: of the optimizer.
        seconds: of one crystal.
    """

    force: float = 0.1
    steps: int = 300
    seconds: float = 120.0


class Unrelaxed(Exception):
    """A relaxation that came to no end; its only argument is the reason, as it is counted."""


def relax(draft: Draft, calculator: Any, limits: Limits) -> tuple[Draft, float]:
    """Move the atoms and the cell of a crystal until it is at rest (FIRE on a Frechet cell).

    Args:
        draft: any crystal.
        calculator: of ASE, with energies, forces and stresses.
        limits: how far it may go.

    Returns:
        The relaxed crystal, and its energy, eV/atom.

    Raises:
        Unrelaxed: it exploded, did not end within the limits, or the calculator failed.
        MissingExtra: ASE is not installed.
    """
    try:
        from ase import Atoms
        from ase.filters import FrechetCellFilter
        from ase.optimize import FIRE
    except ImportError as error:
        raise MissingExtra.of("ase", "sources") from error
    atoms = Atoms(draft.atomic_numbers, cell=draft.lattice, scaled_positions=draft.frac_coords, pbc=True)
    atoms.calc = calculator
    with _failures_named():
        _walk(atoms, FIRE(FrechetCellFilter(atoms), logfile=None), limits)
        energy = float(atoms.get_potential_energy()) / len(atoms)
    moved = replace(draft, lattice=np.asarray(atoms.cell.array), frac_coords=atoms.get_scaled_positions())
    return moved, energy


def _walk(atoms: Atoms, optimizer: Any, limits: Limits) -> None:
    started, volume = time.monotonic(), atoms.get_volume()
    for is_at_rest in optimizer.irun(fmax=limits.force, steps=limits.steps):
        forces = np.abs(atoms.get_forces()).max()
        change = atoms.get_volume() / volume
        if not (forces <= MAX_FORCE and 1 / MAX_CHANGE <= change <= MAX_CHANGE):
            raise Unrelaxed("relaxation_exploded")
        if is_at_rest:
            return
        if time.monotonic() - started > limits.seconds:
            raise Unrelaxed("relaxation_took_too_long")
    raise Unrelaxed("relaxation_unfinished")


@contextlib.contextmanager
def _failures_named() -> Iterator[None]:
    """Turn whatever a calculator or an optimizer raises on an impossible crystal into `Unrelaxed`."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except (Unrelaxed, MemoryError):
        raise
    except Exception as error:  # potentials fail in any way
        raise Unrelaxed("relaxation_failed") from error


def find_potential(name: str) -> Any:
    """Return the ASE calculator of a potential by name.

    Raises:
        InputInvalid: there is none of this name.
        MissingExtra: its package is not installed.
    """
    if name not in POTENTIALS:
        raise InputInvalid(
            f'No potential "{name}".{did_you_mean(name, POTENTIALS)} There are: {", ".join(POTENTIALS)}.'
        )
    return POTENTIALS[name]()


def _chgnet() -> Any:
    """CHGNet, as `builders.others.chgnet` reads it."""
    from builders.others.chgnet import ABOUT, read_model
    from builders.others.packages import imported

    model = read_model()
    with imported(ABOUT.weights):
        from chgnet.model.dynamics import CHGNetCalculator

        return CHGNetCalculator(model, use_device="cpu")


POTENTIALS: dict[str, Callable[[], Any]] = {"chgnet": _chgnet}
"""Potentials by name."""
