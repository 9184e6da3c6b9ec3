"""A potential of others as an encoder: it takes what the encoder of a catalog takes, and gives what that gives.

``embeddings embed`` asks `PotentialEncoder.attempt`, which leaves out what cannot be encoded; whoever asks for a vector
of every crystal is told why there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from builders.others.asking import asked, crystals_of, is_finite
from builders.others.base import Features, Potential
from builders.others.manifest import manifest_of
from builders.structures.encodable import encodable
from builders.structures.encoding import EncodesCrystals
from builders.structures.table import StructureTable
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid

if TYPE_CHECKING:
    from builders.structures.encodable import Structures

BATCH_SIZE, BATCH_SITES = 32, 1000
"""Crystals that a network sees at once, and their sites."""

NOT_FINITE = "vectors_not_finite"
"""Reason for leaving out a crystal for which a potential gives NaN or infinity."""


@dataclass(frozen=True)
class Encoded:
    """What came of some crystals.

    Attributes:
        table: those that have vectors.
        vectors: of structures (n, dim), or of their sites (n_atoms, dim), float32.
        left_out: reason -> identifiers of the others.
        distances: (n,) float32, of the structures to the training crystals; None where the encoder does not tell.
    """

    table: StructureTable
    vectors: np.ndarray
    left_out: dict[str, list[str]]
    distances: np.ndarray | None = None


class PotentialEncoder(EncodesCrystals):
    """Crystals in, vectors out.

    Attributes:
        manifest: of the potential.
        atomic_numbers: (n_elements,) those that it was trained on, ascending.
        max_sites: crystals of more atoms are left out.
    """

    training: None = None
    """Where training crystals lie: what `CrystalEncoder.training` may tell, potentials of others do not."""

    def __init__(self, potential: Potential) -> None:
        self.potential, self.manifest = potential, manifest_of(potential.about)
        self.atomic_numbers = np.array(potential.about.atomic_numbers)

    def __repr__(self) -> str:
        return f'PotentialEncoder("{self.name}@{self.version}", dim={self.dim})'

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.potential.about.dim

    @property
    def site_dim(self) -> int:
        """Width of the vector of an atom."""
        return self.potential.about.dim

    @property
    def sha256(self) -> str:
        """Hash of the file of weights."""
        return self.potential.about.weights.sha256

    def to(self, device: torch.device | str) -> PotentialEncoder:
        """Move the network to a device and return the encoder."""
        self.potential.to(torch.device(device))
        return self

    def encode(self, structures: Structures) -> np.ndarray:
        """Return one vector for each crystal, (n, dim) float32.

        Args:
            structures: a table, or pymatgen structures and ASE atoms.

        Raises:
            ElementNotCovered: the potential was not trained on some element; `covers` tells the crystals apart.
            InputInvalid: something is not a structure, or cannot be encoded; the message says why.
        """
        return self._whole(structures, sites=False).vectors

    def encode_sites(self, structures: Structures) -> tuple[np.ndarray, np.ndarray]:
        """Return one vector for each atom in its context.

        Args:
            structures: a table, or pymatgen structures and ASE atoms.

        Returns:
            (n_atoms, site_dim) float32, crystal after crystal and atom after atom as given; and (n + 1,) int64 offsets:
            crystal ``i`` owns rows ``offsets[i]:offsets[i + 1]``.

        Raises:
            EmbeddingsError: as `encode` says.
        """
        made = self._whole(structures, sites=True)
        return made.vectors, made.table.offsets

    def _whole(self, structures: Structures, *, sites: bool) -> Encoded:
        """Encode all of some crystals, or none."""
        table = encodable(structures, self)
        made = self.attempt(table, sites=sites)
        if made.left_out:
            reasons = (f"{len(names)} {reason}, such as {names[0]}" for reason, names in made.left_out.items())
            raise InputInvalid(
                f"{len(table) - len(made.table)} of {counted(len(table), 'structure')} cannot be encoded by {self!r}: "
                f"{'; '.join(reasons)}. Leave them out."
            )
        return made

    def attempt(self, table: StructureTable, *, sites: bool) -> Encoded:
        """Encode what can be encoded, and say why the rest cannot.

        Args:
            table: crystals of elements that the potential covers.
            sites: give a vector for each atom, not for each crystal.

        Raises:
            InputInvalid: the memory does not suffice.
        """
        rows, vectors, left_out = list[int](), list[np.ndarray](), dict[str, list[str]]()
        features = torch.no_grad()(self.potential.features)
        crystals = crystals_of(table)
        made = asked(self.potential, crystals, features, most=BATCH_SIZE, most_sites=BATCH_SITES)
        for row, one in enumerate(made):
            if isinstance(one, Features) and is_finite(one):
                rows.append(row)
                vectors.append(one.sites if sites else one.structure[None])
            else:
                reason = one if isinstance(one, str) else NOT_FINITE
                left_out.setdefault(reason, []).append(str(table.material_ids[row]))
        whole = np.concatenate([np.zeros((0, self.dim), np.float32), *vectors])
        return Encoded(table.take(np.array(rows, dtype=np.int64)) if left_out else table, whole, left_out)
