"""Python code in a separate process that has the slow imports behind it, so that it starts at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess

PRELOADED = [
    "torch._dynamo",
    "pymatgen.core",
    "mp_api.client.routes.materials.summary",
    "embeddings.cli",
    "builders.embed.job",
    "builders.sources.mp",
]


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
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()
    process = context.Process(target=_run, args=(code, arguments, dict(environment or os.environ)))
    process.start()
    return process


def _run(code: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
