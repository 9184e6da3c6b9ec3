"""Vectors in inverted lists, which faiss keeps: a search looks at the few lists that are nearest, not at all rows.

Each row belongs to the list whose middle it is nearest to, and two bytes stand for each of its numbers. Jegou, Douze
and Schmid, IEEE Trans. Pattern Anal. Mach. Intell. 33, 117 (2011); Douze et al., arXiv:2401.08281 (2024).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from embeddings.errors import CatalogCorrupt, OutputInvalid, needs
from embeddings.search.exact import directions, unit_rows

BEGINNING = b"IwSq"
"""The first bytes of a file that `write_lists` made."""

N_PROBES = 16
"""Lists that a search looks at."""

_SAMPLE_OF_LIST = 64
_ROUNDS = 10


def n_lists(n_rows: int) -> int:
    """Return into how many lists so many rows go: about the square root, so that each step costs alike."""
    return 1 << round(math.log2(max(1, n_rows)) / 2)


def n_sampled(n_rows: int) -> int:
    """Return how many of the rows the middles of the lists are learned from."""
    return min(n_rows, _SAMPLE_OF_LIST * n_lists(n_rows))


def write_lists(
    path: Path, sample: np.ndarray, blocks: Iterable[np.ndarray], n_rows: int, advance: Callable[[int], None]
) -> None:
    """Put rows into lists, and write them; memory holds the lists, two bytes for each number.

    Args:
        path: of the file.
        sample: (n_sampled, dim) rows that the lists are learned from, spread over all.
        blocks: all rows in their order, block by block.
        n_rows: how many there are.
        advance: called with the number of rows done since.

    Raises:
        MissingExtra: faiss is not installed.
        OutputInvalid: the file cannot be written.
    """
    faiss = import_faiss()
    coarse, kind = faiss.IndexFlatIP(sample.shape[1]), faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexIVFScalarQuantizer(coarse, sample.shape[1], n_lists(n_rows), kind, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = _ROUNDS, 1, _SAMPLE_OF_LIST
    index.train(np.ascontiguousarray(unit_rows(sample)))
    for block in blocks:
        index.add(np.ascontiguousarray(unit_rows(block)))
        advance(len(block))
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise OutputInvalid(f"{path.parent} has no space for an index, or is not writable.") from error


class Lists:
    """Rows in lists, in a file that is mapped to memory.

    Args:
        path: a file that `write_lists` made, found unchanged: faiss trusts what it reads.

    Raises:
        MissingExtra: faiss is not installed.
        CatalogCorrupt: faiss cannot read the file.
    """

    def __init__(self, path: Path) -> None:
        self._faiss: Any = import_faiss()
        try:
            self._index = self._faiss.read_index(str(path), self._faiss.IO_FLAG_MMAP)
        except RuntimeError as error:
            raise CatalogCorrupt(f"{path} cannot be read by faiss: {error}") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def nearest(self, queries: np.ndarray, n: int, allowed: np.ndarray | None = None) -> np.ndarray:
        """Return about n rows that are nearest to any of some queries, (n_found,) int64 ascending.

        Args:
            queries: (n_queries, dim).
            n: how many for each query.
            allowed: (n_rows,) bool, which rows count; all if None. The fewer they are, the more lists are looked at.
        """
        n = min(n, len(self))
        share = 1.0 if allowed is None else float(allowed.mean())
        n_probes = min(self._index.nlist, math.ceil(N_PROBES / share)) if share else 1
        points = directions(queries).astype(np.float32)
        found = self._search(points, n, n_probes, allowed)
        least = min(n, len(self) if allowed is None else int(allowed.sum()))
        if n_probes < self._index.nlist and ((found >= 0).sum(axis=1) < least).any():
            found = self._search(points, n, self._index.nlist, allowed)
        rows = np.unique(found)
        return rows[rows >= 0].astype(np.int64)

    def _search(self, points: np.ndarray, n: int, n_probes: int, allowed: np.ndarray | None) -> np.ndarray:
        options = {"nprobe": n_probes}
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            options["sel"] = self._faiss.IDSelectorBitmap(bits)
        found: np.ndarray = self._index.search(points, n, params=self._faiss.SearchParametersIVF(**options))[1]
        return found


def import_faiss() -> ModuleType:
    """Return the module faiss.

    Raises:
        MissingExtra: it is not installed.
    """
    with needs("faiss-cpu", "search"):
        import faiss
    module: ModuleType = faiss
    return module
