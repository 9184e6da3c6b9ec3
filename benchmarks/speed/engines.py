"""Who makes the parts of an embedding: one process, two, and a Ray cluster; the start of workers apart."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.data import CrystalFile, crystal_files
from benchmarks.harness import Request, row_with
from benchmarks.measure import at_least
from builders.embed.parts import Encoding, encoding_of
from builders.engines.base import Ready, Task
from builders.engines.local import LocalPool
from builders.engines.pool import Event, Pool, dispatch
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from builders.parts.ledger import PartLedger
from builders.parts.pieces import pieces
from builders.progress import Reporter
from builders.snapshots.intake import Intake
from builders.snapshots.snapshot import Snapshot
from builders.sources import SourceOptions
from builders.structures.cleaning import MAX_SITES, Selection
from embeddings.elements import SYMBOLS
from testing.encoders import write_encoder_catalog

N_STRUCTURES, N_QUICK = 20_000, 60
LEAST_RATIO = {"local": 1.8, "ray": 1.7}


def run(request: Request) -> dict[str, Any]:
    """Encode the same structures with one worker and with two, of each engine that is installed."""
    files, notes = crystal_files(request.data)
    engines = ["local", *(["ray"] if find_spec("ray") else [])]
    if "ray" not in engines:
        notes = [*notes, "Ray: not measured, it is not installed (the extra cluster)."]
    with tempfile.TemporaryDirectory() as name:
        prepared = _prepare(files[-1], N_QUICK if request.quick else N_STRUCTURES, Path(name))
        rows = [_row(prepared, engine, workers) for engine in engines for workers in (1, 2)]
    ratios = {engine: _per_s(rows, engine, 2) / _per_s(rows, engine, 1) for engine in engines}
    return {
        "title": "Vectors of structures, by who makes them",
        "rows": rows,
        "goals": [at_least(f"{name}, two workers beside one", ratios[name], LEAST_RATIO[name]) for name in engines],
        "notes": [
            "From the moment when all workers are ready; start_s is what it took until then.",
            "driver_us is what the process that leads them computes for each structure: reading, checking, writing "
            "parts; joining them at the end is not among it.",
            *notes,
        ],
    }


@dataclass(frozen=True)
class _Prepared:
    """What every engine is given: the same pieces of the same snapshot."""

    data: str
    snapshot: Snapshot
    encoding: Encoding
    folder: Path

    def tasks(self) -> Iterator[Task]:
        for number, piece in enumerate(pieces(self.snapshot)):
            yield Task(number, piece.label, piece)


def _prepare(file: CrystalFile, n: int, folder: Path) -> _Prepared:
    catalog = write_encoder_catalog(folder, CrystalTransformerConfig(), covered=SYMBOLS)
    intake = Intake(source="table", options=SourceOptions(path=file.path), selection=Selection(limit=n), work=folder)
    snapshot = intake.obtain(Reporter(quiet=True))
    encoding = encoding_of(catalog, "structure", max_sites=MAX_SITES, device="cpu")
    return _Prepared(file.name, snapshot, encoding, folder)


def _row(prepared: _Prepared, engine: str, workers: int) -> dict[str, Any]:
    folder = prepared.folder / f"{engine}-{workers}"
    folder.mkdir()
    ledger, started = PartLedger(folder), time.perf_counter()
    pool = _Together(_pool(engine, prepared.encoding, workers))
    try:
        before = time.process_time()
        for part in dispatch(pool, prepared.tasks()):
            ledger.commit(part)
        seconds, computed = time.perf_counter() - pool.began, time.process_time() - before
    finally:
        pool.close()
    n, n_bytes = prepared.snapshot.n_kept, sum(path.stat().st_size for path in folder.glob("part-*"))
    return {
        "data": prepared.data, "engine": engine, "workers": workers, "structures": n,
        "start_s": pool.began - started, "seconds": seconds, "per_s": n / seconds,
        "driver_us": computed / n * 1e6, "bytes_each": n_bytes / n,
    }  # fmt: skip


def _pool(engine: str, encoding: Encoding, workers: int) -> Pool:
    if engine == "local":
        return LocalPool(encoding, workers)
    from builders.engines.cluster import RayPool

    return RayPool(encoding, workers, address=None, gpus_per_worker=0)


class _Together:
    """A pool whose workers all begin when the last of them is ready."""

    def __init__(self, pool: Pool) -> None:
        self.size, self.began, self._pool = pool.size, 0.0, pool
        self.start, self.give, self.close = pool.start, pool.give, pool.close
        self._ready = self._all_ready()

    def _all_ready(self) -> Iterator[tuple[int, Event]]:
        first = [self._pool.wait() for _ in range(self.size)]
        if not all(isinstance(event, Ready) for _, event in first):
            raise RuntimeError(f"A worker did not begin: {first}.")
        self.began = time.perf_counter()
        yield from first

    def wait(self) -> tuple[int, Event]:
        """Wait for the next event, the first time for all workers."""
        return next(self._ready, None) or self._pool.wait()


def _per_s(rows: list[dict[str, Any]], engine: str, workers: int) -> float:
    return float(row_with(rows, engine=engine, workers=workers)["per_s"])
