"""Vectors that are looked at many times, outside of memory: in a file that lasts as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embeddings.search.collections import Collection


@contextmanager
def mapped_rows(among: Collection, where: str | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the rows that fulfill conditions, and their vectors (n, dim) float32 in a file that is mapped to memory.

    Raises:
        EmbeddingsError: as `embeddings.search.where.expression_of` says.
    """
    dim, parts, start = among.footer.dim, [np.zeros(0, np.int64)], 0
    with TemporaryDirectory(prefix="embeddings-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "vectors"
        with path.open("wb") as file:
            for keys, vectors in among.blocks():
                places = among.allowed(keys, where)
                file.write(np.ascontiguousarray(vectors[places], dtype=np.float32).data)
                parts.append(start + places)
                start += len(keys)
        rows = np.concatenate(parts)
        mapped = np.memmap(path, np.float32, "r", shape=(len(rows), dim)) if len(rows) else np.zeros((0, dim), "f4")
        yield rows, mapped
