"""MEGNet as matgl ships it, on the formation energies of cubic perovskites, with one kind of atom features or another.

MEGNet: Chen et al., Chem. Mater. 31, 3564 (2019), 10.1021/acs.chemmater.9b01294. Crystals: Castelli et al., Energy
Environ. Sci. 5, 9034 (2012), 10.1039/C2EE22341D.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.downstream.comparison import Comparison, compare, with_few_unseen
from benchmarks.downstream.element_tables import PUBLISHED, one_hot, published, random_rows
from benchmarks.downstream.features import AtomFeatures
from benchmarks.downstream.fitting import Budget
from benchmarks.downstream.problem import Sizes
from benchmarks.harness import Request
from builders.structures.table import StructureTable
from embeddings.elements import SYMBOLS
from embeddings.errors import MissingExtra

try:
    from matgl.ext.pymatgen import Structure2Graph
    from matgl.models import MEGNet
    from pymatgen.core import Lattice, Structure
    from torch_geometric.data import Batch, Data
except ImportError as error:
    raise MissingExtra.of("matgl", "backends") from error

CUTOFF = 4.0
"""Angstrom, MEGNet's default."""


class Megnet:
    """All crystals as matgl's graphs."""

    name = "MEGNet"

    def __init__(self, table: StructureTable) -> None:
        """Convert the crystals."""
        converter = Structure2Graph(element_types=SYMBOLS, cutoff=CUTOFF)
        self.graphs = [_graph(converter, table, row) for row in range(len(table))]

    def network(self, features: AtomFeatures) -> nn.Module:
        """Return a fresh MEGNet that looks its nodes up in the features."""
        return MegnetNetwork(features)

    def batch(self, rows: np.ndarray, *, per_site: bool) -> Batch:
        """Put graphs together; nodes are atomic numbers, or numbers of atoms."""
        batch = Batch.from_data_list([self.graphs[row] for row in rows])
        batch.node_type = batch.atom if per_site else batch.atomic_number
        return batch


class MegnetNetwork(nn.Module):
    """An unmodified MEGNet whose table of elements is replaced by rows of our choice."""

    def __init__(self, features: AtomFeatures) -> None:
        super().__init__()
        self.megnet = MEGNet(dim_node_embedding=features.dim, element_types=SYMBOLS, cutoff=CUTOFF)
        self.megnet.embedding.layer_node_embedding = features.layer()

    def forward(self, batch: Batch) -> Tensor:
        """Return one value for each crystal."""
        return self.megnet(batch, state_attr=torch.zeros(batch.num_graphs, 2)).reshape(-1)


def _graph(converter: Structure2Graph, table: StructureTable, row: int) -> Data:
    atoms = np.arange(table.offsets[row], table.offsets[row + 1])
    numbers = table.atomic_numbers[atoms]
    structure = Structure(Lattice(table.lattices[row]), numbers.tolist(), table.frac_coords[atoms])
    graph, lattice, _ = converter.get_graph(structure)
    graph.pos = graph.frac_coords @ lattice[0]
    graph.pbc_offshift = graph.pbc_offset @ lattice[0]
    graph.atom = torch.from_numpy(atoms)
    graph.atomic_number = torch.from_numpy(numbers.astype(np.int64))
    return graph


COMPARISON = Comparison(
    make_client=Megnet,
    tables=lambda: {"random": random_rows(), "one-hot": one_hot(), **{name: published(name) for name in PUBLISHED}},
    file_name="cmr_perovskites.parquet",
    target="formation_energy_per_cell",
    sizes=Sizes(training=1_000, validation=500, test=2_000),
    budget=Budget(epochs=60, batch_size=32, learning_rates=(5e-3,), spreads=(0.1, 1.0, 3.0)),
    learned_dim=16,
)
"""MEGNet's own table is 16 wide by default."""


def run(request: Request, *, few_unseen: bool = False, **choices: Any) -> dict[str, Any]:
    """Compare atom features in MEGNet on cubic perovskites; `few_unseen` tests on fewer, see `with_few_unseen`."""
    return compare(with_few_unseen(COMPARISON) if few_unseen else COMPARISON, request, **choices)
