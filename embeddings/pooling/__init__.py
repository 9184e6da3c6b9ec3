"""Composition vectors: the vectors of the elements of a formula, pooled by their fractions.

- :mod:`embeddings.pooling.statistics` says what ``mean``, ``std`` and the others are.
- :mod:`embeddings.pooling.coverage` says what happens to an element that the catalog does not cover.
- :mod:`embeddings.pooling.features` pools element fractions.
- :mod:`embeddings.pooling.table` makes the table: formulas by features.
"""

from embeddings.pooling.coverage import POLICIES, stand_ins
from embeddings.pooling.features import pool
from embeddings.pooling.statistics import DEFAULT_STATS, STATISTICS
from embeddings.pooling.table import feature_names, featurize

__all__ = [
    "DEFAULT_STATS",
    "POLICIES",
    "STATISTICS",
    "feature_names",
    "featurize",
    "featurize_compositions",
    "pool",
    "stand_ins",
]

featurize_compositions = featurize
"""The same function under its long name."""
