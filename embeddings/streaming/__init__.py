"""Files of any size: a table with a column of formulas in, the same table with features out, in constant memory.

- :mod:`embeddings.streaming.readers` yields the rows of tables of any kind in batches.
- :mod:`embeddings.streaming.writers` writes batches to Parquet or CSV.
- :mod:`embeddings.streaming.job` puts the features in between.
"""

from embeddings.streaming.job import FileSummary, featurize_file

__all__ = ["FileSummary", "featurize_file"]
