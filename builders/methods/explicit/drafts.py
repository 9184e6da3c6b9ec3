"""What generators of structures give, and how one of your own plugs in.

A generator is anything with ``generate(formula, n)``. One with weights, such as a language model of CIF files, is named
as ``module:factory``; the factory is called with the path of its weights. Nothing is ever downloaded here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from embeddings.errors import InputInvalid, WeightsNotFound

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Draft:
    """A crystal that a formula may have, before anything is checked.

    Attributes:
        lattice: (3, 3) rows a, b, c in angstrom.
        atomic_numbers: (n_atoms,).
        frac_coords: (n_atoms, 3).
        template_id: whose structure it is; empty where a generator made it from nothing.
        template_formula: of that.
        template_row: of that, in its pool; -1 without one.
        distance: mean distance of the elements from those that they replace; NaN without a template.
        weight: how much speaks for it, from 0 to 1.
        volume_scale: volume per atom over that of the template.
    """

    lattice: np.ndarray
    atomic_numbers: np.ndarray
    frac_coords: np.ndarray
    template_id: str = ""
    template_formula: str = ""
    template_row: int = -1
    distance: float = np.nan
    weight: float = np.nan
    volume_scale: float = 1.0


class Generator(Protocol):
    """Makes crystals of a formula, the likeliest first."""

    def generate(self, formula: str, n: int) -> Iterable[Draft | Structure | Atoms]:
        """Return at most n crystals of a canonical reduced formula; none if it knows none."""


def find_generator(name: str, weights: Path | None) -> Generator:
    """Import a generator and give it its weights.

    Args:
        name: ``module:factory``.
        weights: a file or folder; None to call the factory without one.

    Raises:
        InputInvalid: there is no such module or factory, or what it makes is no generator.
        WeightsNotFound: nothing is at `weights`.
    """
    module, _, attribute = name.partition(":")
    if weights is not None and not weights.exists():
        raise WeightsNotFound(f"No weights at {weights}. Nothing is downloaded: give the path of a copy.")
    try:
        factory: Callable[..., Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InputInvalid(f'No generator "{name}" ({error}). Name it as module:factory.') from error
    made = factory(weights) if weights is not None else factory()
    if not hasattr(made, "generate"):
        raise InputInvalid(f'"{name}" makes {type(made).__name__}, which has no generate(formula, n).')
    generator: Generator = made
    return generator


def as_draft(made: Draft | Structure | Atoms) -> Draft:
    """Return what a generator made as a draft.

    Raises:
        InputInvalid: it is not a structure, or one that cannot be used.
    """
    if isinstance(made, Draft):
        return made
    from builders.structures.objects import tabulate

    table = tabulate([made])
    return Draft(table.lattices[0], table.atomic_numbers, table.frac_coords)
