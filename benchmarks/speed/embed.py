"""From structures to vectors of structures and sites: structures in a second, memory, and what a lookup costs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.data import CrystalFile, crystal_files
from benchmarks.harness import Request
from benchmarks.measure import Usage, at_least, at_most, process_usage
from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from embeddings import load_catalog
from embeddings.elements import SYMBOLS
from testing.encoders import write_encoder_catalog

LEVELS = ("structure", "site")
N_FEW = 10_000
"""Structures of the smaller run: the larger one may hardly take more memory."""

LEAST_PER_SECOND, MAX_PEAK_MB, MAX_GROWTH = 250.0, 1_500.0, 1.25
MAX_LOOKUP_SECONDS, MAX_LOOKUP_MB = 3.0, 500.0


def run(request: Request) -> dict[str, Any]:
    """Encode a part of the largest file that is there, then all of it, with an untrained network of the usual size."""
    files, notes = crystal_files(request.data)
    file, rows = files[-1], []
    n_all = pq.read_metadata(file.path).num_rows
    sizes = (20, 60) if request.quick else (min(N_FEW, n_all // 2), n_all)
    with tempfile.TemporaryDirectory() as name:
        catalog = write_encoder_catalog(Path(name), CrystalTransformerConfig(), covered=SYMBOLS)
        for level in LEVELS:
            for n in sizes:
                rows.append(_row(file, level, n, Path(name) / f"{level}-{n}.parquet", catalog))
        rows.append(_lookup_row(file, Path(name) / f"site-{sizes[-1]}.parquet"))
    return {
        "title": "Vectors of structures and of their sites, from a Parquet file to a Parquet file",
        "rows": rows,
        "goals": _goals(rows),
        "notes": ["Whole processes, each with an empty cache, so that the pull into a snapshot is part of it.", *notes],
    }


def _row(file: CrystalFile, level: str, n: int, out: Path, catalog: Path) -> dict[str, Any]:
    arguments = ["--source", "table", "--path", str(file.path), "--limit", str(n), "-o", str(out), "--quiet"]
    with tempfile.TemporaryDirectory() as cache:
        usage = _usage(["embed", "--catalog", str(catalog), "--level", level, *arguments], cache)
    return _figures(file, f"{level} vectors", n, usage) | {
        "per_s": n / usage.seconds,
        "file_mb": out.stat().st_size / 1e6,
    }


def _lookup_row(file: CrystalFile, path: Path) -> dict[str, Any]:
    """Load a file of site vectors and look up one structure, in a separate process."""
    catalog = load_catalog(path)
    code = f"from embeddings import load_catalog; load_catalog({str(path)!r})[{list(catalog)[-1]!r}]"
    return _figures(file, "load sites, look one up", len(catalog), process_usage([sys.executable, "-c", code]))


def _figures(file: CrystalFile, case: str, n: int, usage: Usage) -> dict[str, Any]:
    return {"data": file.name, "case": case, "structures": n, "seconds": usage.seconds, "peak_mb": usage.peak_mb}


def _usage(arguments: list[str], cache: str) -> Usage:
    code = f"import os; os.environ['EMBEDDINGS_CACHE'] = {cache!r}; from embeddings.cli import main; main()"
    return process_usage([sys.executable, "-c", code, *arguments])


def _goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    *runs, lookup = rows
    goals = []
    for level, few, everything in zip(LEVELS, runs[::2], runs[1::2], strict=True):
        growth = everything["peak_mb"] / few["peak_mb"]
        goals += [
            at_least(f"{level} vectors, structures per s", everything["per_s"], LEAST_PER_SECOND),
            at_most(f"{level} vectors, peak MB", everything["peak_mb"], MAX_PEAK_MB),
            at_most(f"{level} vectors, growth of the peak from the smaller run", growth, MAX_GROWTH),
        ]
    return [
        *goals,
        at_most("one lookup of sites, s", lookup["seconds"], MAX_LOOKUP_SECONDS),
        at_most("one lookup of sites, peak MB", lookup["peak_mb"], MAX_LOOKUP_MB),
    ]
