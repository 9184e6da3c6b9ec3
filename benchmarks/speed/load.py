"""From a name to vectors: wall time and memory of a whole process, against doing nothing and against peers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import Request
from benchmarks.measure import Usage, at_most, in_turn, process_usage
from benchmarks.speed.peers import peers_python
from embeddings import list_catalogs, load_uae
from embeddings.store.roots import resolve

CATALOGS = ("starter", "ct-multi")
"""The catalogs to load; the second one if it is there."""

PEERS = {
    "ElementEmbeddings": "from elementembeddings.core import Embedding; Embedding.load_data('magpie')",
    "matminer": "from matminer.utils.data import MagpieData; MagpieData()",
}
"""Distribution -> code that loads one of its embeddings."""

MAX_SECONDS, MAX_MB = 0.25, 80.0


def run(request: Request) -> dict[str, Any]:
    """Load catalogs and peers, each in a fresh process, hashes verified; the first round warms the disk cache.

    Raises:
        CatalogNotFound: there is no catalog "starter".
    """
    load_uae(CATALOGS[0])
    python = peers_python(request)
    versions = {peer: _version(python, peer) for peer in PEERS}
    with tempfile.TemporaryDirectory() as folder:
        cases = _own_cases(Path(folder)) | {
            peer: [python, "-c", code] for peer, code in PEERS.items() if versions[peer]
        }
        n_rounds = 1 if request.quick else 11
        usages = in_turn({name: partial(process_usage, command) for name, command in cases.items()}, n_rounds + 1)
    rows = [_row(name, taken[1:], versions.get(name)) for name, taken in usages.items()]
    rows += [{"case": peer, "version": "not installed"} for peer in PEERS if not versions[peer]]
    return {
        "title": "From a name to vectors, a whole process",
        "rows": rows,
        "goals": _goals(rows[: len(cases)]),
        "notes": [f"All cases in turn, rounds: {n_rounds}, after one that warms the disk cache."],
    }


def _own_cases(folder: Path) -> dict[str, list[str]]:
    """Return our commands, and those that show the least it can take; files that they need go to the folder."""
    here = load_uae(CATALOGS[0])
    npz, parquet = folder / "vectors.npz", resolve(CATALOGS[0]) / "vectors.parquet"
    np.savez(npz, atomic_numbers=here.atomic_numbers, vectors=here.vectors)
    codes = {
        "python, nothing more": "pass",
        "numpy + npz": f"import numpy; numpy.load({str(npz)!r})['vectors']",
        "pyarrow.parquet + read": f"import pyarrow.parquet as pq; pq.read_table({str(parquet)!r})",
    }
    names = [name for name in CATALOGS if name in list_catalogs()]
    codes |= {_case(name): f"from embeddings import load_uae; load_uae({name!r})" for name in names}
    return {name: [sys.executable, "-c", code] for name, code in codes.items()}


def _case(catalog: str) -> str:
    return f'load_uae("{catalog}")'


def _row(name: str, usages: list[Usage], version: str | None) -> dict[str, Any]:
    seconds = [usage.seconds for usage in usages]
    return {
        "case": name,
        "version": version,
        "median_s": median(seconds),
        "best_s": min(seconds),
        "peak_mb": max(usage.peak_mb for usage in usages),
    }


def _goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    goals = []
    for row in rows:
        if row["case"] in map(_case, CATALOGS):
            goals.append(at_most(f"{row['case']}, median s", row["median_s"], MAX_SECONDS))
            goals.append(at_most(f"{row['case']}, peak MB", row["peak_mb"], MAX_MB))
    return goals


def _version(python: str, package: str) -> str | None:
    """Return the version of a distribution that an interpreter sees, or None."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
