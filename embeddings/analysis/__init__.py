"""Looking into vectors: what they know of the elements, how alike two catalogs are, which elements belong together.

- :mod:`embeddings.analysis.properties` has elemental properties as arrays.
- :mod:`embeddings.analysis.probe` predicts them from vectors.
- :mod:`embeddings.analysis.compare` says how alike two catalogs are.
- :mod:`embeddings.analysis.align` turns the vectors of several runs into one frame.
- :mod:`embeddings.analysis.cluster` sorts elements into classes.
- :mod:`embeddings.analysis.projection` brings vectors to a plane or to space.
- :mod:`embeddings.analysis.transferability` says which vectors suit a set of measurements.
"""

from embeddings.analysis.align import align
from embeddings.analysis.cluster import Clustering, cluster
from embeddings.analysis.compare import Comparison, compare
from embeddings.analysis.probe import ProbeScore, mean_r2, probe, rank
from embeddings.analysis.projection import Projection, project
from embeddings.analysis.properties import PROPERTIES, ElementProperty, property_values
from embeddings.analysis.transferability import Ranking, TransferScore, transferability

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
