"""The nearest of a million vectors, exactly: beside a plain product of NumPy in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most
from benchmarks.search.data import multiplied, real_vectors
from embeddings.search.exact import Best
from embeddings.search.folded import Folded

N, N_QUERIES, K = 1_000_000, 20, 10
QUICK = (2_000, 3)
MOST_MS, LEAST_RATIO = 20.0, 2.0

PLAIN = "plain product of NumPy and argpartition"
"""In float32, so that it may take one row for another whose cosine is the same but for rounding."""

_AT_ONCE = 4096
_SURELY = 100
"""Rows by a product in float32 that surely hold the nearest."""


def run(request: Request) -> dict[str, Any]:
    """Search for the same queries in turn: a plain product with a partial sort, block by block, and with heads."""
    n, n_queries = QUICK if request.quick else (N, N_QUERIES)
    real, source = real_vectors(request)
    rows, queries = multiplied(real, n, seed=1), multiplied(real, n_queries, seed=2)
    started = time.perf_counter()
    folded = Folded.of(rows)
    made = time.perf_counter() - started
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        PLAIN: lambda query: _plain(rows, query),
        "block by block, as the command does": lambda query: _scanned(rows, query),
        "heads first, as vectors.nearest does": lambda query: folded.nearest(query[None], K).rows,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for query in queries:
        true = _true(rows, query)
        for name, way in ways.items():
            taken, found = _timed(way, query)
            seconds[name].append(taken)
            if name != PLAIN and set(found.tolist()) != true:
                raise ValueError(f"{name} missed one of the nearest.")
    table = [{"way": name, "rows": n, "query_ms": 1000 * float(np.median(taken))} for name, taken in seconds.items()]
    plain, heads = table[0]["query_ms"], table[2]["query_ms"]
    return {
        "title": f"The {K} nearest of {n:,} x {rows.shape[1]}, exactly",
        "rows": table,
        "settings": {"n": n, "n_queries": n_queries, "k": K},
        "goals": [
            at_most("heads first, ms a query", heads, MOST_MS),
            at_least("heads first, times as fast as a plain product", plain / heads, LEAST_RATIO),
        ],
        "notes": [
            f"Vectors: {source}; {n:,} made of them as benchmarks/search/data.py says. Medians of {n_queries} queries, "
            "all ways in turn. The second and the third found exactly the nearest, by cosines in float64.",
            f"The head holds {folded.heads.shape[1]} of {rows.shape[1]} numbers; making it took {made:.1f} s.",
        ],
    }


def _timed(way: Callable[[np.ndarray], np.ndarray], query: np.ndarray) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    found = way(query)
    return time.perf_counter() - started, found


def _plain(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    return np.argpartition(rows @ query, -K)[-K:]


def _true(rows: np.ndarray, query: np.ndarray) -> set[int]:
    """Return the nearest by their cosines in float64."""
    near = np.sort(np.argpartition(rows @ query, -_SURELY)[-_SURELY:])
    best = Best(query[None], K)
    best.rank(near, rows[near])
    return set(best.rows.tolist())


def _scanned(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    best = Best(query[None], K)
    for start in range(0, len(rows), _AT_ONCE):
        block = rows[start : start + _AT_ONCE]
        best.see(np.arange(start, start + len(block)), block)
    return best.rows
