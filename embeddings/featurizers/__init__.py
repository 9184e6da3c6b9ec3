"""Vectors of compositions and of structures inside the frameworks that people already use, one module each.

- :mod:`embeddings.featurizers.sklearn` for pipelines, column transformers and grid searches.
- :mod:`embeddings.featurizers.matminer` for data frames of compositions and structures.
- :mod:`embeddings.featurizers.torch` for tensors: pooled ones, and sets of elements.

Each needs its framework installed, and none is imported here.
"""
