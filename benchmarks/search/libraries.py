"""Libraries that keep an index for approximate search, side by side: build time, memory, recall, time of a query.

Each is measured in a process of its own, on the same vectors, and asked for `FETCHED` rows, which are ranked again by
the vectors themselves: so an index that keeps fewer bytes for a number loses little recall by that.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Request
from benchmarks.measure import ROOT
from benchmarks.search.data import multiplied, real_vectors, true_nearest

SIZES, N_QUERIES, K, FETCHED, N_THREADS = (100_000, 1_000_000), 200, 10, 40, 2
QUICK = (300, 5)
MADE_AT_ONCE = 1_000_000

Search = Callable[[np.ndarray], np.ndarray]
Contestant = Callable[[np.ndarray, Path], Iterator[tuple[str, Search]]]
"""Builds an index from rows, in a folder that it may use; yields the name of each setting, and what searches."""


def usearch_f16(rows: np.ndarray, folder: Path) -> Iterator[tuple[str, Search]]:
    """HNSW of usearch, half precision."""
    from usearch.index import Index

    index = Index(ndim=rows.shape[1], metric="cos", dtype="f16", connectivity=16, expansion_add=128)
    for start in range(0, len(rows), MADE_AT_ONCE):
        block = rows[start : start + MADE_AT_ONCE]
        index.add(np.arange(start, start + len(block)), block, threads=N_THREADS)
    index.save(str(folder / "index"))
    for width in (64, 128, 256):
        index.expansion_search = width
        yield f"expansion {width}", lambda query: index.search(query, FETCHED, threads=1).keys.astype(np.int64)


def faiss_hnsw(rows: np.ndarray, folder: Path) -> Iterator[tuple[str, Search]]:
    """HNSW of faiss, half precision."""
    import faiss

    faiss.omp_set_num_threads(N_THREADS)
    index = faiss.IndexHNSWSQ(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 128
    yield from _faiss(index, rows, folder, "efSearch", (64, 128, 256))


def faiss_f16(rows: np.ndarray, folder: Path) -> Iterator[tuple[str, Search]]:
    """Inverted lists of faiss, half precision, as this library uses them."""
    yield from _faiss_lists(rows, folder, "QT_fp16")


def faiss_i8(rows: np.ndarray, folder: Path) -> Iterator[tuple[str, Search]]:
    """Inverted lists of faiss, one byte for a number."""
    yield from _faiss_lists(rows, folder, "QT_8bit")


def _faiss_lists(rows: np.ndarray, folder: Path, kind: str) -> Iterator[tuple[str, Search]]:
    import faiss

    from embeddings.search.lists import n_lists

    faiss.omp_set_num_threads(N_THREADS)
    coarse, dim = faiss.IndexFlatIP(rows.shape[1]), rows.shape[1]
    stored = getattr(faiss.ScalarQuantizer, kind)
    index = faiss.IndexIVFScalarQuantizer(coarse, dim, n_lists(len(rows)), stored, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, 64
    yield from _faiss(index, rows, folder, "nprobe", (4, 8, 16, 32))


def _faiss(
    index: Any, rows: np.ndarray, folder: Path, setting: str, values: tuple[int, ...]
) -> Iterator[tuple[str, Search]]:
    import faiss

    index.train(np.ascontiguousarray(rows[:: max(1, len(rows) // 300_000)]))
    for start in range(0, len(rows), MADE_AT_ONCE):
        index.add(np.ascontiguousarray(rows[start : start + MADE_AT_ONCE]))
    faiss.write_index(index, str(folder / "index"))
    faiss.omp_set_num_threads(1)
    for value in values:
        faiss.ParameterSpace().set_index_parameter(index, setting, value)
        yield f"{setting} {value}", lambda query: index.search(query[None], FETCHED)[1][0]


def lancedb_ivf(rows: np.ndarray, folder: Path) -> Iterator[tuple[str, Search]]:
    """Inverted lists of LanceDB with HNSW in each, one byte for a number."""
    import lancedb
    import pyarrow as pa

    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(rows).ravel()), rows.shape[1])
    data = pa.table({"row": pa.array(np.arange(len(rows))), "vector": vectors})
    table = lancedb.connect(str(folder / "index")).create_table("vectors", data)
    table.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_HNSW_SQ")
    for n_probes in (8, 32):

        def search(query: np.ndarray, n_probes: int = n_probes) -> np.ndarray:
            asked = table.search(query).distance_type("cosine").nprobes(n_probes).limit(FETCHED)
            return asked.select(["row"]).to_arrow()["row"].to_numpy()

        yield f"nprobes {n_probes}", search


CONTESTANTS: dict[str, tuple[str, Contestant]] = {
    "faiss, lists of float16": ("faiss-cpu", faiss_f16),
    "faiss, lists of int8": ("faiss-cpu", faiss_i8),
    "faiss, HNSW of float16": ("faiss-cpu", faiss_hnsw),
    "usearch, HNSW of float16": ("usearch", usearch_f16),
    "LanceDB, lists of HNSW of int8": ("lancedb", lancedb_ivf),
}
"""Name -> the package that it needs, and what measures it."""


def run(request: Request) -> dict[str, Any]:
    """Measure every library that is installed, at each size, each in a process of its own."""
    sizes, n_queries = ((QUICK[0],), QUICK[1]) if request.quick else (request.choices.get("rows") or SIZES, N_QUERIES)
    contestants = request.choices.get("library") or tuple(CONTESTANTS)
    real, source = real_vectors(request)
    kept = [] if request.known is None else _others(request.known["rows"], contestants, sizes)
    found: dict[str, Any] = {
        "rows": kept,
        "goals": [],
        "settings": {"n_queries": n_queries, "k": K, "fetched": FETCHED, "threads": N_THREADS},
        "notes": [
            f"Vectors: {source}; more made of them as benchmarks/search/data.py says, {n_queries} others searched for.",
            f"Built by {N_THREADS} threads, searched by one. The {K} nearest of {FETCHED} fetched rows, ranked again "
            "by their vectors; the truth is exact. Memory is that of the index, without the vectors.",
            *(["Some rows are of earlier runs."] if kept else []),
        ],
    }
    for n in sizes:
        with tempfile.TemporaryDirectory() as name:
            _write(real, n, n_queries, Path(name))
            for contestant in contestants:
                rows = _measured(contestant, Path(name))
                missing = f"{CONTESTANTS[contestant][0]} is not installed."
                found["notes"] += [missing] if rows is None and missing not in found["notes"] else []
                found["rows"] += rows or []
                found["rows"].sort(key=lambda row: row["rows"])
                request.keep(found)
    return found


def _others(rows: list[dict[str, Any]], contestants: Sequence[str], sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Return the rows of an earlier run that are not measured again."""
    return [
        row
        for row in rows
        if row["rows"] not in sizes or not any(row["library"].startswith(f"{name} (") for name in contestants)
    ]


def _write(real: np.ndarray, n: int, n_queries: int, folder: Path) -> None:
    """Write rows, queries and the truth, a block at a time."""
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (n, real.shape[1]))
    for seed, start in enumerate(range(0, n, MADE_AT_ONCE)):
        rows[start : start + MADE_AT_ONCE] = multiplied(real, min(MADE_AT_ONCE, n - start), seed=1000 + seed)
    queries = multiplied(real, n_queries, seed=2)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", true_nearest(rows, queries, K))


def _measured(contestant: str, folder: Path) -> list[dict[str, Any]] | None:
    """Return the rows of one library; None if it is not installed."""
    command = [sys.executable, "-m", "benchmarks.search.libraries", contestant, str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(N_THREADS), "RAYON_NUM_THREADS": str(N_THREADS)}
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    if "ModuleNotFoundError" in result.stderr:
        return None
    if result.returncode:
        raise ChildProcessError(f"{contestant} failed ({result.returncode}): {result.stderr[-2000:]}")
    rows: list[dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
    return rows


def measure(contestant: str, folder: Path) -> list[dict[str, Any]]:
    """Return a row for each setting of a library; runs in its own process."""
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    queries, truth = (np.load(folder / f"{name}.npy") for name in ("queries", "truth"))
    package, contest = CONTESTANTS[contestant]
    own = folder / contestant
    own.mkdir()
    before, started, found = _anonymous_mb(), (time.perf_counter(), time.process_time()), []
    built: tuple[float, float] | None = None
    grown = 0.0
    for setting, search in contest(rows, own):
        built = built or (time.perf_counter() - started[0], time.process_time() - started[1])
        grown = grown or _anonymous_mb() - before
        taken, right = _searched(rows, queries, truth, search)
        found.append(
            {
                "library": f"{contestant} ({package} {metadata.version(package)})",
                "setting": setting,
                "rows": len(rows),
                "build_s": round(built[0], 1),
                "build_cpu_s": round(built[1], 1),
                "memory_mb": round(grown),
                "file_mb": round(_size(own) / 1e6),
                "recall_at_10": round(right / truth.size, 4),
                "query_ms": round(1000 * float(np.median(taken)), 3),
                "slowest_ms": round(1000 * float(np.quantile(taken, 0.95)), 3),
            }
        )
    return found


def _searched(rows: np.ndarray, queries: np.ndarray, truth: np.ndarray, search: Search) -> tuple[list[float], int]:
    """Return the seconds of each query, and how many of the nearest were found."""
    taken, right = [], 0
    for query, true in zip(queries, truth, strict=True):
        since = time.perf_counter()
        fetched = search(query)
        fetched = fetched[fetched >= 0]
        nearest = fetched[np.argsort(rows[fetched] @ query)[-K:]]
        taken.append(time.perf_counter() - since)
        right += len(np.intersect1d(nearest, true))
    return taken, right


def _anonymous_mb() -> float:
    """Return the memory of this process without the files that are mapped to it; the most there was, elsewhere."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(lines["RssAnon"].split()[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
