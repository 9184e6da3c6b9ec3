"""Ways from the vectors of a crystal's atoms to one vector of the crystal; none depends on the choice of the cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from builders.methods.crystal_transformer.batches import PackedCrystals, batches_by_size
from builders.methods.crystal_transformer.encoder import BATCH_SIZE, MAX_PAIRS, CrystalEncoder
from builders.structures.graphs import neighbor_graphs
from builders.structures.primitive import cell_columns
from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS
from embeddings.formula.canonical import ELECTRONEGATIVITY

_RANK = np.array([0.0, *(ELECTRONEGATIVITY[symbol] for symbol in SYMBOLS)])
_RANK = np.where(np.isfinite(_RANK), _RANK, 0.0) + 1e-6 * np.arange(len(_RANK))
"""Pauling's electronegativity by atomic number, zero where none is known; no two elements are equal."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """The vectors of all atoms of some crystals.

    Attributes:
        layers: (depth, n_atoms, dim) float32, after each layer of the network; the last are the site vectors.
        offsets: (n + 1,) crystal ``i`` owns atoms ``offsets[i]:offsets[i + 1]``.
        atomic_numbers: (n_atoms,).
        cells: (n, 3) see `builders.structures.primitive.cell_columns`.
    """

    layers: np.ndarray
    offsets: np.ndarray
    atomic_numbers: np.ndarray
    cells: np.ndarray

    @property
    def sites(self) -> np.ndarray:
        """(n_atoms, dim) float64, as the encoder gives them."""
        return self.layers[-1].astype(np.float64)

    @cached_property
    def mean(self) -> np.ndarray:
        """(n, dim) what a structure vector is."""
        return self.mean_of(self.sites)

    @cached_property
    def spread(self) -> np.ndarray:
        """(n, dim) standard deviation over atoms."""
        return np.sqrt(self.mean_of(self._away**2))

    @cached_property
    def third(self) -> np.ndarray:
        """(n, dim) cubic root of the third cumulant over atoms."""
        return np.cbrt(self.mean_of(self._away**3))

    @property
    def least(self) -> np.ndarray:
        """(n, dim) minimum over atoms."""
        return np.minimum.reduceat(self.sites, self.offsets[:-1])

    @property
    def most(self) -> np.ndarray:
        """(n, dim) maximum over atoms."""
        return np.maximum.reduceat(self.sites, self.offsets[:-1])

    @property
    def groups(self) -> np.ndarray:
        """(n, 2 dim) the mean of the atoms of the most electronegative element, and that of the others.

        Where there is one element alone, its mean twice.
        """
        rank = _RANK[self.atomic_numbers]
        is_first = rank == np.repeat(np.maximum.reduceat(rank, self.offsets[:-1]), self._n_sites)
        first, rest = (self._mean_where(mask) for mask in (is_first, ~is_first))
        return np.hstack([first, np.where(np.isnan(rest), first, rest)])

    def layer(self, k: int) -> np.ndarray:
        """(n, dim) mean over atoms after the first ``k`` layers."""
        return self.mean_of(self.layers[k - 1].astype(np.float64))

    def mean_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the mean over the atoms of each crystal: (n_atoms, dim) -> (n, dim)."""
        return np.add.reduceat(rows, self.offsets[:-1]) / self._n_sites[:, None]

    @property
    def _n_sites(self) -> np.ndarray:
        return np.diff(self.offsets)

    @property
    def _away(self) -> np.ndarray:
        return self.sites - np.repeat(self.mean, self._n_sites, axis=0)

    def _mean_where(self, mask: np.ndarray) -> np.ndarray:
        """Return the mean over some of the atoms, NaN where a crystal has none of them."""
        share = self.mean_of(mask[:, None].astype(np.float64))
        return self.mean_of(self.sites * mask[:, None]) / np.where(share > 0, share, np.nan)


@torch.inference_mode()
def atoms_of(encoder: CrystalEncoder, table: StructureTable) -> Atoms:
    """Return the vectors of all atoms after each layer; after the last one, as the encoder gives them."""
    model = encoder.model
    crystals = PackedCrystals(table, neighbor_graphs(table, model.config.cutoff), np.zeros((len(table), 0)))
    layers = np.empty((len(model.layers), len(table.atomic_numbers), model.config.width), dtype=np.float32)
    seen: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda module, given, made: seen.append(made)) for layer in _modules(model)]
    try:
        for rows in batches_by_size(table.n_sites, np.arange(len(table)), batch_size=BATCH_SIZE, max_pairs=MAX_PAIRS):
            seen.clear()
            batch = crystals.batch(rows)
            last = encoder.turned(model.encode_atoms(batch))
            for k, tokens in enumerate([*seen[:-1], last]):
                layers[k, table.atoms_of(rows)] = tokens[batch.mask].numpy()
    finally:
        for hook in hooks:
            hook.remove()
    return Atoms(layers, table.offsets, table.atomic_numbers, cell_columns(table))


def _modules(model: nn.Module) -> list[nn.Module]:
    return list(cast(nn.ModuleList, model.layers))


def _layers(atoms: Atoms) -> list[np.ndarray]:
    return [atoms.layer(k) for k in range(1, len(atoms.layers))]


READOUTS: dict[str, Callable[[Atoms], list[np.ndarray]]] = {
    "mean": lambda atoms: [atoms.mean],
    "mean, cell": lambda atoms: [atoms.mean, atoms.cells],
    "mean, spread": lambda atoms: [atoms.mean, atoms.spread],
    "mean, spread, third": lambda atoms: [atoms.mean, atoms.spread, atoms.third],
    "mean, min, max": lambda atoms: [atoms.mean, atoms.least, atoms.most],
    "mean, groups": lambda atoms: [atoms.mean, atoms.groups],
    "layer 1": lambda atoms: [atoms.layer(1)],
    "layer 2": lambda atoms: [atoms.layer(2)],
    "all layers": lambda atoms: [atoms.mean, *_layers(atoms)],
    "all layers, spread": lambda atoms: [atoms.mean, *_layers(atoms), atoms.spread],
}
"""Name -> parts of the vector, side by side; the first is what the others are compared with."""


def read_out(atoms: Atoms, name: str) -> np.ndarray:
    """Return one vector for each crystal, (n, dim) float32."""
    return np.hstack(READOUTS[name](atoms)).astype(np.float32)
