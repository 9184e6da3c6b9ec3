"""Pulling: documents in a second from a service on this machine, and the memory that it takes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.harness import Request
from benchmarks.measure import at_most, process_usage
from testing.servers.summary import SummaryServer, summary_server
from testing.servers.summary_documents import repeated, summary_documents

SIZES = (2_500, 10_000)
N_DIFFERENT = 500
"""Documents that are made; the others are the same under other identifiers."""

MAX_PEAK_MB, MAX_GROWTH = 500.0, 1.15


def run(request: Request) -> dict[str, Any]:
    """Pull two sizes of a database in processes of their own."""
    sizes = (60, 120) if request.quick else SIZES
    with summary_server(repeated(summary_documents(min(max(sizes), N_DIFFERENT)), max(sizes))) as server:
        rows = [_pull_row(server, size) for size in sizes]
    seconds = max(rows[1]["seconds"] - rows[0]["seconds"], 1e-3)
    return {
        "title": "Documents pulled in a second, and the memory that it takes",
        "rows": rows,
        "goals": [
            at_most(f"pull of {sizes[1]:,} documents, peak MB", rows[1]["peak_mb"], MAX_PEAK_MB),
            at_most("growth of the peak from the smaller pull", rows[1]["peak_mb"] / rows[0]["peak_mb"], MAX_GROWTH),
        ],
        "notes": [
            "Pulls are whole processes, the import of the client included; the service runs in another one.",
            f"The {sizes[1] - sizes[0]:,} documents beyond the smaller pull took {seconds:.1f} s.",
        ],
    }


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
