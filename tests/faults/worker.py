"""A process that has imported everything, and forks for each command: a try takes as long as the command alone.

It reads one job a line from standard input and answers with one line; see `Worker` for what a job says.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import forkserver, spawn
from pathlib import Path
from typing import Any

from builders.others import POTENTIALS
from embeddings.analysis.projection import project
from embeddings.explorer import content
from testing.potentials import AnsweringToy
from testing.processes import flush_nothing
from tests.faults.steps import Steps

MODULES = (
    *(
        "builders.methods.crystal_transformer.method",
        "builders.methods.cromel.method",
        "builders.embed.job",
        "builders.perturb.job",
        "builders.methods.explicit.writing",
        "builders.pipeline",
        "builders.progress",
    ),
    *("embeddings.cli.build", "embeddings.cli.embed", "embeddings.cli.explore", "embeddings.cli.perturb"),
    *("embeddings.cli.listing", "embeddings.cli.neighbors", "embeddings.cli.show", "embeddings.cli.verify"),
    *("embeddings.cli.export", "embeddings.cli.featurize", "embeddings.cli.plot", "embeddings.cli.pull"),
    *("embeddings.explorer", "embeddings.export", "embeddings.plots", "embeddings.streaming"),
    "embeddings.cli.cache",
    *("embeddings.cli.registry", "embeddings.registry.fetch", "embeddings.registry.offers", "embeddings.registry.push"),
    *("embeddings.registry.stores.local", "embeddings.registry.zenodo"),
    *("plotly.graph_objects", "sklearn.cluster", "sklearn.decomposition", "pyarrow.csv", "ctypes", "torch._dynamo"),
)
WORKERS = (
    "builders.embed.parts",
    "builders.featurize",
    "builders.sources.local_parsing",
    "builders.sources.local_folder",
)
"""What processes that make parts import; all commands have theirs from one server, which is started once."""

SECONDS = 120
"""A command that takes longer hangs."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: its exit status, or minus the signal that ended it.
        stdout: what it wrote.
        stderr: what it wrote.
        steps: its steps, if it lived to tell.
    """

    code: int
    stdout: str
    stderr: str
    steps: list[str]


class Worker:
    """The other end of the process: runs commands in forks of it."""

    def __init__(self, logs: Path) -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "SOURCE_DATE_EPOCH": "1700000000",
        }
        checkout = Path(__file__).parents[2]
        self._logs = logs
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", str(logs)],
            cwd=checkout, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(
        self,
        root: Path,
        args: list[str],
        *,
        fault: str | None = None,
        at: int = -1,
        meanwhile: list[list[str]] | None = None,
    ) -> tuple[Outcome, list[Outcome]]:
        """Run ``embeddings ARGS`` in a folder, with a fault before its step `at`.

        Args:
            root: the folder; steps are counted below it, and `root/cache` is the cache.
            args: of the command.
            fault: one of `steps.FAULTS`, or None.
            at: number of the step.
            meanwhile: commands that run whole while the process is stopped.

        Returns:
            How the command ended, and the others.
        """
        job = {"root": str(root), "args": args, "fault": fault, "at": at, "meanwhile": meanwhile or []}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        first, *others = (Outcome(**one) for one in json.loads(self._process.stdout.readline()))
        return first, others

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve(logs: Path) -> None:
    """Answer jobs until standard input ends."""
    for module in MODULES:
        import_module(module)
    forkserver.set_forkserver_preload([*WORKERS])
    forkserver.ensure_running()
    content.project = lambda catalog, method, seed: project(catalog, "pca", seed=seed)  # UMAP takes long to compile
    POTENTIALS["answering-toy"] = AnsweringToy
    os.fsync = flush_nothing
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(json.loads(line), logs)) + "\n")
        sys.stdout.flush()


def _run(job: dict[str, Any], logs: Path) -> list[dict[str, Any]]:
    root = Path(job["root"])
    first = _fork(root, job["args"], job["fault"], job["at"], logs / "0")
    status = _wait(first)
    others = []
    for number, args in enumerate(job["meanwhile"], start=1):
        log = logs / str(number)
        others.append(_outcome(_wait(_fork(root, args, None, -1, log)), log))
    if os.WIFSTOPPED(status):
        os.kill(first, signal.SIGCONT)
        status = _wait(first)
    return [_outcome(status, logs / "0"), *others]


def _fork(root: Path, args: list[str], fault: str | None, at: int, log: Path) -> int:
    for ending in (".out", ".err", ".steps"):
        log.with_suffix(ending).write_text("")
    child = os.fork()
    if child == 0:
        _command(root, args, Steps(root, fault, at), log)
    return child


def _command(root: Path, args: list[str], steps: Steps, log: Path) -> None:
    """Be the command, and end the process."""
    code = 70
    try:
        os.chdir(root)
        os.environ["EMBEDDINGS_CACHE"] = str(root / "cache")
        os.environ["EMBEDDINGS_CONFIG"] = str(root / "out" / "settings")
        os.environ["EMBEDDINGS_WAIT_SECONDS"] = "0.1"
        os.environ["EMBEDDINGS_CATALOGS"] = str(root / "out")
        for descriptor, ending in ((0, None), (1, ".out"), (2, ".err")):
            name = os.devnull if ending is None else log.with_suffix(ending)
            os.dup2(os.open(name, os.O_RDWR), descriptor)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        from embeddings.cli import main

        _borrow_forkserver()
        steps.install()
        main.main(args, prog_name="embeddings")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        steps.fault = None
        log.with_suffix(".steps").write_text("\n".join(steps.log))
        os._exit(code)


def _borrow_forkserver() -> None:
    """Let processes that this one starts come from the server of its parent, and import nothing of this module."""
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[attr-defined]
    told = spawn.get_preparation_data
    spawn.get_preparation_data = lambda name: {
        key: value for key, value in told(name).items() if not key.startswith("init_main")
    }


def _wait(child: int) -> int:
    """Wait until a child ends or stops; kill one that hangs."""
    until = time.monotonic() + SECONDS
    while True:
        pid, status = os.waitpid(child, os.WUNTRACED | os.WNOHANG)
        if pid:
            return status
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


def _outcome(status: int, log: Path) -> dict[str, Any]:
    out, err, steps = (log.with_suffix(ending).read_text() for ending in (".out", ".err", ".steps"))
    return {"code": os.waitstatus_to_exitcode(status), "stdout": out, "stderr": err, "steps": steps.splitlines()}


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
