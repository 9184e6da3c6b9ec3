"""The nearest of millions by the index beside a file of vectors: beside the exact search in the same run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most
from benchmarks.search.data import multiplied, real_vectors
from embeddings.search.collections import Collection
from embeddings.search.exact import Best
from embeddings.search.index import VectorIndex
from embeddings.search.lists import Lists, n_lists, n_sampled, write_lists

N, N_QUERIES, K = 10_000_000, 100, 10
QUICK = (2_000, 3)
MOST_MS, LEAST_RECALL = 10.0, 0.99

_MADE_AT_ONCE = 1_000_000
_READ_AT_ONCE = 1 << 16


class Rows(Collection):
    """Rows of a file of numbers, mapped to memory; as vectors that `StructureIndex` holds in memory are."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.name = rows, "rows"

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def blocks(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Yield the vectors, block by block."""
        for start in range(0, len(self.rows), _READ_AT_ONCE):
            yield pa.table({}), np.asarray(self.rows[start : start + _READ_AT_ONCE])

    def vectors_at(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of some rows."""
        return np.asarray(self.rows[rows])


def run(request: Request) -> dict[str, Any]:
    """Make an index, and search for the same queries by it and exactly; for a tenth of the rows, too."""
    n, n_queries = QUICK if request.quick else ((request.choices.get("rows") or [N])[0], N_QUERIES)
    real, source = real_vectors(request)
    with tempfile.TemporaryDirectory() as name:
        rows = _written(real, n, Path(name) / "rows.npy")
        queries = multiplied(real, n_queries, seed=2)
        among, place = Rows(rows), Path(name) / "lists"
        sample = np.asarray(rows[:: max(1, n // n_sampled(n))])
        started = time.perf_counter()
        write_lists(place, sample, (vectors for _, vectors in among.blocks()), n, lambda done: None)
        built = time.perf_counter() - started
        index = VectorIndex(among, Lists(place))
        some = np.random.default_rng(3).random(n) < 0.1
        table = [
            _row("all rows", index, queries, _true(rows, queries, None), None),
            _row("a tenth of them", index, queries, _true(rows, queries, some), some),
        ]
        size = place.stat().st_size
    return {
        "title": f"The {K} nearest of {n:,} x {rows.shape[1]}, by an index",
        "rows": table,
        "settings": {"n": n, "n_queries": n_queries, "k": K, "lists": n_lists(n)},
        "goals": [
            at_most("ms a query", table[0]["query_ms"], MOST_MS),
            at_least("recall at 10", table[0]["recall_at_10"], LEAST_RECALL),
        ],
        "notes": [
            f"Vectors: {source}; {n:,} made of them as benchmarks/search/data.py says. Medians of {n_queries} queries.",
            f"Making the index took {built:.0f} s; its file has {size / 1e6:,.0f} MB.",
        ],
    }


def _written(real: np.ndarray, n: int, place: Path) -> np.ndarray:
    rows = np.lib.format.open_memmap(place, "w+", np.float32, (n, real.shape[1]))
    for seed, start in enumerate(range(0, n, _MADE_AT_ONCE)):
        rows[start : start + _MADE_AT_ONCE] = multiplied(real, min(_MADE_AT_ONCE, n - start), seed=1000 + seed)
    return rows


def _row(what: str, index: VectorIndex, queries: np.ndarray, true: list[set[int]], some: Any) -> dict[str, Any]:
    """Return how long a query takes, and how many of the nearest are found."""
    taken, found = [], 0
    for query, nearest in zip(queries, true, strict=True):
        started = time.perf_counter()
        best = index.nearest(query[None], K, some)
        taken.append(time.perf_counter() - started)
        found += len(nearest & set(best.rows.tolist()))
    return {
        "searched": what,
        "rows": index.among.n_rows,
        "recall_at_10": found / (K * len(queries)),
        "query_ms": 1000 * float(np.median(taken)),
        "slowest_ms": 1000 * float(np.quantile(taken, 0.95)),
    }


def _true(rows: np.ndarray, queries: np.ndarray, some: np.ndarray | None) -> list[set[int]]:
    """Return the nearest of each query by cosines in float64."""
    best = [Best(query[None], K) for query in queries]
    for start in range(0, len(rows), _READ_AT_ONCE):
        block = np.asarray(rows[start : start + _READ_AT_ONCE])
        products = block @ queries.T
        if some is not None:
            products[~some[start : start + len(block)]] = -2
        for one, scores in zip(best, products.T, strict=True):
            near = np.flatnonzero(scores >= max(one.floor - 1e-5, np.partition(scores, -K)[-K] - 1e-5, -1))
            one.rank(start + near, block[near])
    return [set(one.rows.tolist()) for one in best]
