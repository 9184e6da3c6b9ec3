"""Vectors that are looked at many times, outside of memory: in a file that lasts as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from embeddings.search.collections import Collection
from embeddings.store.scratch import mapped_blocks, scratch_folder


@contextmanager
def mapped_rows(among: Collection, where: str | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the rows that fulfill conditions, and their vectors (n, dim) float32 in a file that is mapped to memory.

    Raises:
        EmbeddingsError: as `embeddings.search.where.expression_of` says.
        OutputInvalid: the folder for temporary files has no room.
    """
    parts = [np.zeros(0, np.int64)]

    def chosen() -> Iterator[np.ndarray]:
        start = 0
        for keys, vectors in among.blocks():
            places = among.allowed(keys, where)
            parts.append(start + places)
            start += len(keys)
            yield vectors[places]

    with scratch_folder() as folder:
        mapped = mapped_blocks(folder / "vectors", chosen(), among.footer.dim)
        yield np.concatenate(parts), mapped
