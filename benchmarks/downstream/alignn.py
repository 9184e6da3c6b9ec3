"""A small ALIGNN on formation energies of the Materials Project, with one kind of atom features or another.

The network is the one of the alignn package that needs torch alone, with two layers on the line graph and two on the
graph where the paper has four and four, and a width of 64 where it has 256. Choudhary and DeCost, npj Comput. Mater. 7,
185 (2021), 10.1038/s41524-021-00650-1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.downstream.comparison import Comparison, compare
from benchmarks.downstream.element_tables import atom_init
from benchmarks.downstream.features import AtomFeatures
from benchmarks.downstream.fitting import Budget
from benchmarks.downstream.problem import Sizes
from benchmarks.harness import Request
from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS
from embeddings.errors import MissingExtra

try:
    from alignn.models.alignn_atomwise_pure import ALIGNNAtomWisePure, ALIGNNAtomWisePureConfig
    from alignn.torch_graph_builder import TorchGraph, batch_torch_graph_pairs, build_pure_torch_graph
    from jarvis.core.atoms import Atoms
except ImportError as error:
    raise MissingExtra.of("alignn", "backends") from error

CUTOFF, N_NEIGHBORS = 8.0, 12
"""Neighbors of an atom: the nearest ones, looked for up to this distance (angstrom)."""

ANGLE_CUTOFF = 3.5
"""Bonds shorter than this (angstrom) span angles, as is the client's default."""

Graphs = tuple[TorchGraph, TorchGraph]
"""Atoms and bonds; bonds and angles."""


class Alignn:
    """All crystals as alignn's graphs and line graphs."""

    name = "ALIGNN"

    def __init__(self, table: StructureTable) -> None:
        """Convert the crystals."""
        self.graphs = [_graphs(table, row) for row in range(len(table))]

    def network(self, features: AtomFeatures) -> nn.Module:
        """Return a fresh ALIGNN that takes its atom features from the rows."""
        return AlignnNetwork(features)

    def batch(self, rows: np.ndarray, *, per_site: bool) -> Graphs:
        """Put graphs together; nodes are atomic numbers, or numbers of atoms."""
        graph, line_graph = batch_torch_graph_pairs([self.graphs[row] for row in rows])
        graph.ndata["node"] = graph.ndata["atom" if per_site else "Z"]
        return graph, line_graph


class AlignnNetwork(nn.Module):
    """An unmodified ALIGNN behind a table that its atom features are looked up in."""

    def __init__(self, features: AtomFeatures) -> None:
        super().__init__()
        self.features = features.layer()
        self.alignn = ALIGNNAtomWisePure(
            ALIGNNAtomWisePureConfig(
                name="alignn_atomwise_pure",
                atom_input_features=features.dim,
                alignn_layers=2,
                gcn_layers=2,
                embedding_features=64,
                hidden_features=64,
                gradwise_weight=0,
                lg_on_fly=False,
                three_body_cutoff=ANGLE_CUTOFF,
            )
        )

    def forward(self, batch: Graphs) -> Tensor:
        """Return one value for each crystal."""
        graph, line_graph = batch
        graph.ndata["atom_features"] = self.features(graph.ndata["node"])
        return self.alignn((graph, line_graph, None))["out"].reshape(-1)


def _graphs(table: StructureTable, row: int) -> Graphs:
    atoms = np.arange(table.offsets[row], table.offsets[row + 1])
    elements = [SYMBOLS[z - 1] for z in table.atomic_numbers[atoms]]
    crystal = Atoms(lattice_mat=table.lattices[row], coords=table.frac_coords[atoms], elements=elements)
    graph, line_graph = build_pure_torch_graph(
        crystal,
        two_body_cutoff=CUTOFF,
        three_body_cutoff=ANGLE_CUTOFF,
        max_neighbors=N_NEIGHBORS,
        atom_features="atomic_number",
        use_matscipy_topology=False,
    )
    graph.ndata["atom"] = torch.from_numpy(atoms)
    return graph, line_graph


COMPARISON = Comparison(
    make_client=Alignn,
    tables=lambda: {"atom_init": atom_init()},
    file_name="mp_structures.parquet",
    target="formation_energy_per_atom",
    sizes=Sizes(training=2_000, validation=500, test=2_000),
    budget=Budget(epochs=20, batch_size=32, learning_rates=(1e-3,), spreads=(1.0,)),
    max_sites=12,
)


def run(request: Request, **choices: Any) -> dict[str, Any]:
    """Compare atom features in ALIGNN on small cells of the Materials Project."""
    return compare(COMPARISON, request, **choices)
