"""CGCNN, the crystal graph convolutional network, as a back end that takes any atom features.

Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018), 10.1103/PhysRevLett.120.145301. The layers are the paper's,
eq. 5 with its batch normalization. The product with the concatenated vectors is taken in three parts, so that the two
that belong to atoms are computed once for each atom, not once for each neighbor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class CgcnnConfig:
    """Every size of the network, by default those of the released code.

    Attributes:
        width: of an atom's vector within the network.
        depth: number of convolutions.
        hidden: width of the layer after pooling.
        n_neighbors: nearest neighbors of an atom.
        cutoff: largest distance of a neighbor, angstrom.
        spacing: between the Gaussians that expand a distance, and their width, angstrom.
    """

    width: int = 64
    depth: int = 3
    hidden: int = 128
    n_neighbors: int = 12
    cutoff: float = 8.0
    spacing: float = 0.2


@dataclass(frozen=True)
class GraphBatch:
    """Crystals with ``n`` atoms in all, each with the same number of neighbors.

    Attributes:
        nodes: (n,) int64, row of each atom in the table of atom features.
        neighbors: (n, n_neighbors) int64, position of each neighbor in the batch.
        distances: (n, n_neighbors) float32, angstrom.
        crystals: (n,) int64, crystal of each atom, ascending.
        n_crystals: how many.
    """

    nodes: Tensor
    neighbors: Tensor
    distances: Tensor
    crystals: Tensor
    n_crystals: int


class Convolution(nn.Module):
    """An atom's vector plus what its neighbors send through a gate."""

    def __init__(self, width: int, n_radial: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, 2 * width)
        self.other = nn.Linear(width, 2 * width, bias=False)
        self.radial = nn.Linear(n_radial, 2 * width, bias=False)
        self.edge_norm, self.atom_norm = nn.BatchNorm1d(2 * width), nn.BatchNorm1d(width)

    def forward(self, atoms: Tensor, neighbors: Tensor, radial: Tensor) -> Tensor:
        """Update (n, width) from neighbors (n, k) at radial functions (n * k, n_radial)."""
        n_atoms, k = neighbors.shape
        sent = self.other(atoms).index_select(0, neighbors.flatten())
        edges = torch.addmm(sent, radial, self.radial.weight.t()).view(n_atoms, k, -1) + self.own(atoms)[:, None]
        gate, core = self.edge_norm(edges.flatten(0, 1)).view(n_atoms, k, -1).chunk(2, dim=-1)
        return F.softplus(atoms + self.atom_norm((gate.sigmoid() * F.softplus(core)).sum(1)))


class Cgcnn(nn.Module):
    """Atom features and distances in, one number for the crystal out."""

    centers: Tensor

    def __init__(self, config: CgcnnConfig, features: nn.Module, dim: int) -> None:
        """Build.

        Args:
            config: sizes.
            features: gives a row for each node that a batch may name: elements, or atoms in their context.
            dim: width of the rows.
        """
        super().__init__()
        centers = torch.arange(0, config.cutoff + config.spacing / 2, config.spacing)
        self.config, self.features = config, features
        self.register_buffer("centers", centers)
        self.embed = nn.Linear(dim, config.width)
        self.convolutions = nn.ModuleList(Convolution(config.width, len(centers)) for _ in range(config.depth))
        self.hidden = nn.Linear(config.width, config.hidden)
        self.out = nn.Linear(config.hidden, 1)

    def forward(self, batch: GraphBatch) -> Tensor:
        """Return one standardized value for each crystal, (n_crystals,)."""
        away = (batch.distances.view(-1, 1) - self.centers) / self.config.spacing
        radial = torch.exp(-away.square().clamp(max=40))  # below exp(-40) a number costs time and adds nothing
        atoms = self.embed(self.features(batch.nodes))
        for convolution in self.convolutions:
            atoms = convolution(atoms, batch.neighbors, radial)
        sums = atoms.new_zeros(batch.n_crystals, atoms.shape[1]).index_add_(0, batch.crystals, atoms)
        n_atoms = torch.bincount(batch.crystals, minlength=batch.n_crystals)
        crystals = F.softplus(sums / n_atoms[:, None])
        return self.out(F.softplus(self.hidden(crystals)))[:, 0]
