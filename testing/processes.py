"""Python code in separate processes that have the slow imports behind them, so that they start at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess

PRELOADED = [
    "torch._dynamo",
    "pymatgen.io.cif",
    "embeddings.cli",
    "builders.embed.job",
    "builders.embed.parts",
    "builders.featurize",
    "builders.methods.cromel.method",
    "builders.methods.crystal_transformer.method",
    "builders.pipeline",
    "builders.snapshots.snapshot",
    "builders.sources.local_folder",
    "builders.sources.local_parsing",
    "builders.sources.mp",
]


def one_server() -> None:
    """Let the first that needs a server of processes start one that serves all later ones as well."""
    forkserver.set_forkserver_preload(PRELOADED)
    forkserver.set_forkserver_preload = lambda names: None  # the product names what one command needs


def flush_nothing(descriptor: int) -> None:
    """Stand in for `os.fsync`: refuse what is not open, and return at once."""
    os.fstat(descriptor)


def run_forked(code: str, arguments: Sequence[str]) -> None:
    """Run Python code as ``python -c CODE ARGUMENT ...`` would, to its end.

    Raises:
        ChildProcessError: it failed; what it wrote on standard error went to that of this process.
    """
    process = start_forked(code, arguments)
    process.join()
    if process.exitcode:
        raise ChildProcessError(f"{code} {' '.join(arguments)} failed with code {process.exitcode}.")


def start_forked(code: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> BaseProcess:
    """Start Python code as `run_forked` does, in this environment or another one, and return its process."""
    process = get_context("forkserver").Process(target=_run, args=(code, arguments, dict(environment or os.environ)))
    process.start()
    return process


def _run(code: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
