"""Look into vectors: what they know of the elements, how alike two catalogs are, which elements belong together.

- :func:`property_values` returns elemental properties as arrays.
- :func:`probe` predicts them from vectors, and :func:`rank` compares tables of vectors that way.
- :func:`compare` tells how alike two catalogs are, and :func:`align` turns the vectors of several runs into one frame.
- :func:`cluster` sorts elements into classes.
- :func:`project` brings vectors to a plane or to space.
- :func:`transferability` tells which vectors suit a set of measurements.
"""

from embeddings.analysis.alignment import align
from embeddings.analysis.clusters import Clustering, cluster
from embeddings.analysis.comparison import Comparison, compare
from embeddings.analysis.probes import ProbeScore, mean_r2, probe, rank
from embeddings.analysis.projection import Projection, project
from embeddings.analysis.properties import PROPERTIES, ElementProperty, property_values
from embeddings.analysis.transfer import Ranking, TransferScore, transferability

__all__ = [
    "PROPERTIES",
    "Clustering",
    "Comparison",
    "ElementProperty",
    "ProbeScore",
    "Projection",
    "Ranking",
    "TransferScore",
    "align",
    "cluster",
    "compare",
    "mean_r2",
    "probe",
    "project",
    "property_values",
    "rank",
    "transferability",
]
