"""A potential of others as an encoder: it takes what the encoder of a catalog takes, and gives what that gives."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from builders.learning.devices import deterministic
from builders.methods.crystal_transformer.encoder import memory_named
from builders.others.base import Crystal, Features, Potential, Uncovered
from builders.others.manifest import manifest_of
from builders.structures.cleaning import MAX_SITES
from builders.structures.counts import made_of
from builders.structures.table import StructureTable, spans
from embeddings.store.manifest import Versioned

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


class PotentialEncoder(Versioned):
    """Crystals in, vectors out.

    Attributes:
        manifest: of the potential.
        atomic_numbers: (n_elements,) those that it was trained on, ascending.
        max_sites: crystals of more atoms are left out.
    """

    max_sites: int = MAX_SITES
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

    def to(self, device: torch.device) -> PotentialEncoder:
        """Move the network to a device and return the encoder."""
        self.potential.to(device)
        return self

    def covers(self, table: StructureTable) -> np.ndarray:
        """Return which crystals consist of elements that the potential was trained on, (n,) bool."""
        return made_of(table, self.atomic_numbers)

    def attempt(self, table: StructureTable, *, sites: bool) -> Encoded:
        """Encode what can be encoded, and say why the rest cannot.

        Args:
            table: crystals of elements that the potential covers.
            sites: give a vector for each atom, not for each crystal.

        Raises:
            InputInvalid: the memory does not suffice.
        """
        rows, vectors, left_out = list[int](), list[np.ndarray](), dict[str, list[str]]()
        for row, made in self._each(table):
            if isinstance(made, Features):
                rows.append(row)
                vectors.append(made.sites if sites else made.structure[None])
            else:
                left_out.setdefault(made, []).append(str(table.material_ids[row]))
        whole = np.concatenate([np.zeros((0, self.dim), np.float32), *vectors])
        return Encoded(table.take(np.array(rows, dtype=np.int64)) if left_out else table, whole, left_out)

    def _each(self, table: StructureTable) -> Iterator[tuple[int, Features | str]]:
        """Yield the features of every crystal by its row, or the reason why it has none."""
        for start, stop in spans(table.n_sites, most=BATCH_SIZE, most_sites=BATCH_SITES):
            made: dict[int, Features | str] = {}
            graphs = {}
            for row in range(start, stop):
                try:
                    graphs[row] = self.potential.graph(_crystal(table, row))
                except Uncovered as error:
                    made[row] = str(error)
            if graphs:
                with memory_named(table.n_sites[start:stop]):
                    found = _computed(self.potential, list(graphs.values()))
                made |= {row: one if _is_finite(one) else NOT_FINITE for row, one in zip(graphs, found, strict=True)}
            yield from sorted(made.items())


@torch.no_grad()
def _computed(potential: Potential, graphs: list[object]) -> list[Features]:
    with deterministic(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what has no deterministic form
        return potential.features(graphs)


def _is_finite(features: Features) -> bool:
    return all(bool(np.isfinite(values).all()) for values in features)


def _crystal(table: StructureTable, row: int) -> Crystal:
    atoms = slice(table.offsets[row], table.offsets[row + 1])
    return Crystal(table.atomic_numbers[atoms], table.lattices[row], table.frac_coords[atoms])
