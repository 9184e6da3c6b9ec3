"""Composition vectors: the vectors of the elements of a formula, pooled by their fractions.

- :mod:`embeddings.pooling.statistics` says what ``mean``, ``std`` and the others are.
- :mod:`embeddings.pooling.missing` says what happens to an element that the catalog does not cover.
- :mod:`embeddings.pooling.features` makes the table: formulas by features.
"""

from embeddings.pooling.features import feature_names, featurize_compositions, pool
from embeddings.pooling.missing import POLICIES, stand_ins
from embeddings.pooling.statistics import STATISTICS

__all__ = ["POLICIES", "STATISTICS", "feature_names", "featurize_compositions", "pool", "stand_ins"]
