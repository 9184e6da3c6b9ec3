"""Pulling: documents in a second from a service on this machine, the memory it takes, and CIF files in a second."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import at_least, at_most, process_usage
from builders.progress import Reporter
from builders.snapshots.snapshot import take_snapshot
from builders.sources import SourceOptions, find_source
from builders.structures.cleaning import Selection
from testing.crystals import sample_crystals
from testing.servers.summary import SummaryServer, summary_server
from testing.servers.summary_documents import summary_documents

SIZES = (2_500, 10_000)
N_DIFFERENT = 500
"""Documents that are made; the others are the same under other identifiers."""

N_CIFS = 2_000
MAX_PEAK_MB, MAX_GROWTH = 500.0, 1.15


def run(quick: bool) -> dict[str, Any]:
    """Pull two sizes of a database in processes of their own, then parse CIF files with one process and with two."""
    sizes, n_cifs = ((60, 120), 30) if quick else (SIZES, N_CIFS)
    with summary_server(_documents(max(sizes))) as server:
        rows = [_pull_row(server, size) for size in sizes]
    seconds = max(rows[1]["seconds"] - rows[0]["seconds"], 1e-3)
    files = [_cif_row(n_cifs, n_jobs) for n_jobs in (1, 2)]
    return {
        "title": "Documents pulled and CIF files parsed in a second, and the memory that a pull takes",
        "rows": rows + files,
        "goals": [
            at_most(f"pull of {sizes[1]:,} documents, peak MB", rows[1]["peak_mb"], MAX_PEAK_MB),
            at_most("growth of the peak from the smaller pull", rows[1]["peak_mb"] / rows[0]["peak_mb"], MAX_GROWTH),
            at_least("CIF files, two processes over one", files[1]["per_s"] / files[0]["per_s"], 1.2),
        ],
        "notes": [
            "Pulls are whole processes, the import of the client included; the service runs in another one.",
            f"The {sizes[1] - sizes[0]:,} documents beyond the smaller pull took {seconds:.1f} s.",
        ],
    }


def _documents(n: int) -> list[dict[str, Any]]:
    made = summary_documents(min(n, N_DIFFERENT))
    return [made[k % len(made)] | {"material_id": f"mp-{k + 1}"} for k in range(n)]


def _pull_row(server: SummaryServer, size: int) -> dict[str, Any]:
    arguments = ["pull", "--source", "mp", "--limit", str(size), "--quiet", "--out"]
    everything, server.documents = server.documents, server.documents[:size]
    with tempfile.TemporaryDirectory() as folder, _environment(server.address):
        code = "from embeddings.cli import main; main()"
        usage = process_usage([sys.executable, "-c", code, *arguments, f"{folder}/snapshot"])
    server.documents = everything
    return {
        "case": "mp, a whole process",
        "items": size,
        "seconds": usage.seconds,
        "per_s": size / usage.seconds,
        "peak_mb": usage.peak_mb,
    }


@contextmanager
def _environment(address: str) -> Iterator[None]:
    """Point the client at a service by environment variables, for the length of a block."""
    before = dict(os.environ)
    os.environ |= {"MP_API_ENDPOINT": address, "MP_API_KEY": "0" * 32, "NO_PROXY": "127.0.0.1"}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _cif_row(n: int, n_jobs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cifs"
        _write_cifs(folder, n)
        stream = find_source("local")(SourceOptions(folder, n_jobs=n_jobs), Selection())
        started = time.perf_counter()
        take_snapshot(Path(name) / "snapshot", "local", stream, Selection(), Reporter(quiet=True))
        seconds = time.perf_counter() - started
    return {"case": f"CIF files, --jobs {n_jobs}", "items": n, "seconds": seconds, "per_s": n / seconds}


def _write_cifs(folder: Path, n: int) -> None:
    from pymatgen.core import Structure

    folder.mkdir()
    for k, (lattice, numbers, coords) in enumerate(sample_crystals(n)[0]):
        Structure(lattice, numbers.tolist(), coords).to(filename=str(folder / f"{k:05d}.cif"))
