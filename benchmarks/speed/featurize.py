"""From formulas to composition vectors: rows per second from strings, one process, against peers; and memory."""

from __future__ import annotations

import json
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.data import materials_project_file
from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most, in_turn
from benchmarks.speed.peers import peers_python
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.pooling import featurize_compositions

DIM = 128
FIVE = ("mean", "std", "min", "max", "range")
PEER_SCRIPT = Path(__file__).with_name("featurize_peers.py")

MIN_RATES = {"mean": 500_000, "five": 100_000}
MIN_RATIOS = {
    "ElementEmbeddings, mean": ("mean", 25),
    "ElementEmbeddings, five": ("five", 15),
    "matminer, five": ("five", 500),
}
MAX_PEAK = 1.3
"""Times the output, beside the input."""


def run(request: Request) -> dict[str, Any]:
    """Featurize 200,000 formulas with repeats and as many distinct ones, then let the peers do some of them."""
    n_rows, seconds = (2_000, 1) if request.quick else (200_000, 20)
    name, formulas = _repeated(n_rows, request.data)
    columns = {name: formulas, "generated, distinct": generated(n_rows)}
    rows = [
        row for name, column in columns.items() for row in _own_rows(name, column, n_rounds=1 if request.quick else 7)
    ]
    best = {row["statistics"]: row["rows_per_s"] for row in reversed(rows)}
    peers = _peer_rows(formulas, seconds, peers_python(request))
    absent = "The peers are not installed; name an interpreter that has them with --peers-python."
    return {
        "title": f"From formulas to composition vectors, {DIM} dimensions, {n_rows:,} rows",
        "rows": rows + peers,
        "goals": _own_goals(rows) + _peer_goals(peers, best),
        "notes": ["Best of several rounds; peers have loaded their tables already."] + [absent] * (not peers),
    }


def _repeated(n_rows: int, data: Path) -> tuple[str, list[str]]:
    """Return a name and a column in which formulas repeat as they do in real data."""
    path, random = materials_project_file(data).path, np.random.default_rng(0)
    if not path.is_file():
        distinct = generated(n_rows // 2)
        return "generated, repeats", [distinct[i] for i in random.integers(0, len(distinct), n_rows)]
    import pyarrow.parquet as pq

    formulas = pq.read_table(path, columns=["formula"])["formula"].to_pylist()
    return "Materials Project", [formulas[i] for i in random.integers(0, len(formulas), n_rows)]


def generated(n_rows: int) -> list[str]:
    """Return distinct formulas: prototypes of two to five elements, one in six with brackets, decorated at random."""
    prototypes = ("{}{}3", "{}2{}2O7", "{}{}2(PO4)3", "Li{}3{}{}4", "{}0.25{}0.75{}2O6", "{}5{}3{}{}O12")
    random = np.random.default_rng(1)
    symbols = [s for s in SYMBOLS[:94] if s not in ("Li", "P", "O", "Ac")]  # CrAc3 would be refused as an acetate
    found: dict[str, None] = {}
    while len(found) < n_rows:
        chosen = random.choice(symbols, size=(n_rows, 4)).tolist()
        for prototype, elements in zip(cycle(prototypes), chosen, strict=False):
            if len(set(elements)) == len(elements):
                found[prototype.format(*elements)] = None
    return list(found)[:n_rows]


def _catalog() -> SimpleNamespace:
    """Return random vectors of every element, as a catalog: the values do not affect the speed."""
    vectors = np.random.default_rng(2).normal(size=(N_ELEMENTS, DIM)).astype(np.float32)
    return SimpleNamespace(name="random", atomic_numbers=np.arange(1, N_ELEMENTS + 1), vectors=vectors, dim=DIM)


def _own_rows(name: str, formulas: list[str], n_rounds: int) -> list[dict[str, Any]]:
    """Return our rate and peak memory for one column of formulas."""
    work = {
        label: partial(featurize_compositions, formulas, _catalog(), stats=stats)
        for label, stats in {"mean": ("mean",), "five": FIVE}.items()
    }
    seconds = in_turn({label: partial(seconds_of, task) for label, task in work.items()}, n_rounds + 1)
    return [
        {
            "what": name,
            "statistics": label,
            "features": DIM * (1 if label == "mean" else len(FIVE)),
            "rows_per_s": round(len(formulas) / min(seconds[label][1:])),
            "peak_over_output": _peak(task),
        }
        for label, task in work.items()
    ]


def seconds_of(task: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def _peak(task: Callable[[], np.ndarray]) -> float:
    """Return the peak memory of a task over that of its result."""
    tracemalloc.start()
    result = task()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / result.nbytes


def _peer_rows(formulas: list[str], seconds: float, python: str) -> list[dict[str, Any]]:
    """Return the rates of the peers, measured by the interpreter that has them; none if it has none."""
    command = [python, str(PEER_SCRIPT), str(seconds)]
    result = subprocess.run(command, input=json.dumps(formulas), capture_output=True, text=True, check=False)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def _own_goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    goals = []
    for row in rows:
        what = f"{row['what']}, {row['statistics']}"
        goals.append(at_least(f"{what}, rows/s", row["rows_per_s"], MIN_RATES[row["statistics"]]))
        goals.append(at_most(f"{what}, peak memory beside the input over output", row["peak_over_output"], MAX_PEAK))
    return goals


def _peer_goals(peers: list[dict[str, Any]], own: dict[str, float]) -> list[dict[str, Any]]:
    goals = []
    for peer in peers:
        what = f"{peer['what'].split(' ')[0]}, {peer['statistics']}"
        statistics, ratio = MIN_RATIOS[what]
        name = f"times as fast as {peer['what']}, {peer['statistics']}"
        goals.append(at_least(name, own[statistics] / peer["rows_per_s"], ratio))
    return goals
