"""What a potential of others is here: crystals in, what it knows of them before its readout out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from embeddings.store.manifest import Citation, Licence

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file of weights in an installed package.

    Attributes:
        package: that is imported.
        requirement: what to install, with the version that is known to carry the weights.
        extra: of this library, that has what is needed beside it.
        path: of the file, within the package.
        sha256: of the file; any other is refused before it is opened.
    """

    package: str
    requirement: str
    extra: str = "build"
    path: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of a potential without loading it.

    Attributes:
        name: kebab-case, of the vectors.
        version: semantic version of the weights.
        title: what its makers call it.
        weights: where they are.
        dim: width of a vector.
        atomic_numbers: of the elements that it was trained on, ascending.
        of_sites: what the vector of a site is, a sentence.
        of_structures: what the vector of a structure is, a sentence.
        training: what it was trained on, in words.
        targets: target of the training -> unit.
        limits: what its vectors should not be used for, a sentence each.
        licence: of the weights.
        citation: of its makers.
        created: UTC time of the weights.
    """

    name: str
    version: str
    title: str
    weights: Weights
    dim: int
    atomic_numbers: tuple[int, ...]
    of_sites: str
    of_structures: str
    training: str
    targets: dict[str, str]
    limits: tuple[str, ...]
    licence: Licence
    citation: Citation
    created: str


class Crystal(NamedTuple):
    """A periodic crystal.

    Attributes:
        atomic_numbers: (n_atoms,).
        lattice: (3, 3) rows a, b, c in angstrom.
        frac_coords: (n_atoms, 3).
    """

    atomic_numbers: np.ndarray
    lattice: np.ndarray
    frac_coords: np.ndarray


class Features(NamedTuple):
    """What a potential gives for a crystal.

    Attributes:
        structure: (dim,) float32.
        sites: (n_atoms, dim) float32, in the order of the atoms.
    """

    structure: np.ndarray
    sites: np.ndarray


class Answer(NamedTuple):
    """What a potential was made for: what it says of a crystal.

    Attributes:
        energy_per_atom: () eV/atom, on the scale of the potential.
        forces: (n_atoms, 3) eV/angstrom, in the order of the atoms.
        stress: (3, 3) GPa, positive where the crystal is stretched and pulls.
    """

    energy_per_atom: np.ndarray
    forces: np.ndarray
    stress: np.ndarray


class Uncovered(Exception):
    """A crystal that a potential cannot take; its only argument is the reason, as it is counted."""


class Potential(ABC):
    """A potential whose weights are loaded, onto the CPU at first."""

    about: ClassVar[About]

    @abstractmethod
    def to(self, device: torch.device) -> None:
        """Move the network."""

    @abstractmethod
    def graph(self, crystal: Crystal) -> Any:
        """Return a crystal as the network takes it. This is the slow part, and needs no GPU.

        Raises:
            Uncovered: the network cannot take it.
        """

    @abstractmethod
    def features(self, graphs: Sequence[Any]) -> list[Features]:
        """Return what the network gives for each of at least one graph, all at once."""


class AnsweringPotential(Potential):
    """A potential that is also asked for energies, forces and stresses."""

    @abstractmethod
    def answers(self, graphs: Sequence[Any]) -> list[Answer]:
        """Return what the network says of each of at least one graph, all at once."""
