"""Measuring: whole processes, cases taken in turn, goals, and a record of the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
"""The checkout; measured processes run there."""

PACKAGES = (
    "materials-embeddings", "numpy", "pyarrow", "torch", "vesin", "pymatgen", "scikit-learn", "scipy", "lightgbm",
)  # fmt: skip
"""Packages whose versions affect the results."""

_WATCHER = """
import json, os, sys, time
started = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - started
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps([seconds, usage.ru_maxrss, os.waitstatus_to_exitcode(status), cpu]))
"""


@dataclass(frozen=True)
class Usage:
    """What a process took from start to end.

    Attributes:
        seconds: wall time.
        peak_mb: peak resident memory, in 10^6 bytes.
        cpu_s: of the processor, with all that it started and waited for.
    """

    seconds: float
    peak_mb: float
    cpu_s: float = 0.0


def process_usage(command: Sequence[str]) -> Usage:
    """Run a command to its end and return what it took.

    A small process in between starts the command: the system charges a new process with the memory of the one that
    started it, which may be hundreds of megabytes here.

    Raises:
        ChildProcessError: the command failed; with its code and what it wrote on standard error.
    """
    watcher = [sys.executable, "-I", "-S", "-c", _WATCHER, *command]
    result = subprocess.run(watcher, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, peak, code, cpu_s = json.loads(result.stdout)
    if code:
        raise ChildProcessError(f"{' '.join(command)} failed with code {code}: {result.stderr.strip()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(seconds, peak * unit / 1e6, cpu_s)


def in_turn(cases: Mapping[str, Callable[[], T]], n: int) -> dict[str, list[T]]:
    """Call all cases in turn, ``n`` rounds in all, so that a busy moment of the machine hits all of them alike."""
    results: dict[str, list[T]] = {name: [] for name in cases}
    for _ in range(n):
        for name, case in cases.items():
            results[name].append(case())
    return results


def at_most(what: str, measured: float, limit: float) -> dict[str, Any]:
    """Return a goal: ``limit`` or less."""
    return {"what": what, "measured": measured, "at_most": limit, "met": measured <= limit}


def at_least(what: str, measured: float, limit: float) -> dict[str, Any]:
    """Return a goal: ``limit`` or more."""
    return {"what": what, "measured": measured, "at_least": limit, "met": measured >= limit}


def environment() -> dict[str, Any]:
    """Return what the results depend on: processor, cores, load at this moment, system and versions."""
    return {
        "cpu": _cpu(),
        "n_cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
