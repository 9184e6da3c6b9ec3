"""How long `embeddings bench` takes from start to verdict for small and large tables, as a user runs it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.bench.problem import measured_set, quick_set
from benchmarks.harness import Request
from benchmarks.measure import at_most
from embeddings.bench.measurements import Measurements

TABLES = (("steels", 300, 60.0), ("log_kvrh", 5_000, 600.0))
"""Set, rows that are drawn from it, and the seconds within which the verdict is to be there."""


def run(request: Request) -> dict[str, Any]:
    """Time whole processes, with the budget that is the default of the command.

    Raises:
        InputInvalid: the data are not there.
        ChildProcessError: the command failed.
    """
    rows, goals = [], []
    for name, n_rows, limit in (("steels", 30, 60.0),) if request.quick else TABLES:
        data = quick_set(name) if request.quick else measured_set(request.data, name)
        drawn = data.take(np.sort(np.random.default_rng(0).permutation(len(data))[:n_rows]))
        seconds, report = _timed(drawn, ("starter",) if request.quick else request.choices["catalogs"] or ())
        rows.append(
            {
                "table": f"{n_rows:,} rows of {name}",
                "seconds": round(seconds, 1),
                "folds": report["n_folds_done"],
                "cut by the budget": "yes" if report["was_cut"] else "no",
            }
        )
        goals.append(at_most(f"{n_rows:,} rows of {name}, seconds", rows[-1]["seconds"], limit))
    settings = {"catalogs": list(request.choices["catalogs"] or ())}
    return {"settings": settings, "rows": rows, "summary": rows, "goals": goals, "notes": ["The default budget."]}


def _timed(data: Measurements, catalogs: tuple[str, ...]) -> tuple[float, dict[str, Any]]:
    """Return the seconds from start to end of the command, and what it reports."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("formula", "value"), *zip(data.spelled, data.values, strict=True)])
        command = [sys.executable, "-m", "embeddings", "bench", str(path), "--target", "value", "--json"]
        command += [part for name in catalogs for part in ("--catalog", name)]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode:
        raise ChildProcessError(f"embeddings bench failed with code {done.returncode}: {done.stderr.strip()}")
    return seconds, json.loads(done.stdout)
