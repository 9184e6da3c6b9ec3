"""CGCNN on the Materials Project: formation energy and band gap from few and from many structures.

Example:
    python -m benchmarks.downstream.cgcnn --catalog ct-multi --n-training 1000 --seeds 0,1,2 -o cgcnn.json

The network is that of `benchmarks.downstream.cgcnn_network` with the sizes of the released code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import numpy as np
from torch import nn

from benchmarks.downstream.backend import AtomFeatures, NearestGraphs
from benchmarks.downstream.cgcnn_network import Cgcnn, CgcnnConfig, GraphBatch
from benchmarks.downstream.comparison import Comparison, command, compare
from benchmarks.downstream.fitting import Budget
from benchmarks.downstream.problem import Sizes
from benchmarks.downstream.tables import PUBLISHED, atom_init, one_hot, published, random_rows
from builders.structures.table import StructureTable

CONFIG = CgcnnConfig()


class CgcnnClient:
    """All crystals with their nearest neighbours."""

    name = "CGCNN"

    def __init__(self, table: StructureTable) -> None:
        """Find the neighbours."""
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


def run(quick: bool, *, target: str = COMPARISON.target, **choices: Any) -> dict[str, Any]:
    """Compare atom features in CGCNN on the Materials Project."""
    return compare(replace(COMPARISON, target=target), quick, **choices)


main = command(run)
main.params.append(click.Option(["--target"], default=COMPARISON.target, show_default=True))


if __name__ == "__main__":
    main()
