"""CGCNN on the Materials Project: formation energy and band gap from few and from many structures.

The network is that of `benchmarks.downstream.cgcnn_network` with the sizes of the released code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from benchmarks.downstream.cgcnn_network import Cgcnn, CgcnnConfig, GraphBatch
from benchmarks.downstream.comparison import Comparison, compare
from benchmarks.downstream.element_tables import PUBLISHED, atom_init, one_hot, published, random_rows
from benchmarks.downstream.features import AtomFeatures
from benchmarks.downstream.fitting import Budget
from benchmarks.downstream.nearest import NearestGraphs
from benchmarks.downstream.problem import Sizes
from benchmarks.harness import Request
from builders.structures.table import StructureTable

CONFIG = CgcnnConfig()


class CgcnnClient:
    """All crystals with their nearest neighbors."""

    name = "CGCNN"

    def __init__(self, table: StructureTable) -> None:
        """Find the neighbors."""
        self.graphs = NearestGraphs(table, CONFIG)

    def network(self, features: AtomFeatures) -> nn.Module:
        """Return a fresh CGCNN that takes its atom features from the rows."""
        return Cgcnn(CONFIG, features.layer(), features.dim)

    def batch(self, rows: np.ndarray, *, per_site: bool) -> GraphBatch:
        """Put graphs together; nodes are atomic numbers, or numbers of atoms."""
        return self.graphs.batch(rows, per_site=per_site)


COMPARISON = Comparison(
    make_client=CgcnnClient,
    tables=lambda: {
        "atom_init": atom_init(),
        "random": random_rows(),
        "one-hot": one_hot(),
        **{name: published(name) for name in PUBLISHED},
    },
    file_name="mp_structures.parquet",
    target="formation_energy_per_atom",
    sizes=Sizes(training=1_000, validation=500, test=4_000),
    budget=Budget(epochs=60, batch_size=64),
    max_sites=24,
)


def run(request: Request, *, target: str = COMPARISON.target, **choices: Any) -> dict[str, Any]:
    """Compare atom features in CGCNN on the Materials Project."""
    return compare(replace(COMPARISON, target=target), request, **choices)
