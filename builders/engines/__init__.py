"""Engines make the parts of a large result: in this process, in several, or on a Ray cluster.

A driver cuts its work into tasks and gives them to `run_tasks`; finished parts come back in any order, each checked
against its hash. The driver alone writes and keeps the ledger, so that the bytes of a result do not depend on the
engine, and a killed worker, node or driver loses no part that the ledger has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, get_args

from builders.engines.base import Job, Part, Task
from builders.engines.pool import Pool, dispatch
from embeddings.errors import InputInvalid

EngineName = Literal["local", "ray"]

AHEAD = 4
"""Tasks for each worker that may be done before an older one is, where their order counts."""


@dataclass(frozen=True)
class Engine:
    """Who makes the parts.

    Attributes:
        name: ``"local"`` for processes of this machine, ``"ray"`` for actors of a Ray cluster.
        workers: how many; None for one on this machine, and for all that a cluster has room for.
        address: of a cluster, ``"auto"`` or ``"HOST:PORT"``; None for a running one of this machine, or one made now.
        gpus_per_worker: GPUs that each worker on a cluster has to itself.
    """

    name: EngineName = "local"
    workers: int | None = None
    address: str | None = None
    gpus_per_worker: int = 0

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            InputInvalid: there is no such engine, or it does not take an option.
        """
        if self.name not in get_args(EngineName):
            raise InputInvalid(f'No engine "{self.name}". Known: {", ".join(get_args(EngineName))}.')
        if self.workers is not None and self.workers < 1:
            raise InputInvalid(f"{self.workers} workers are too few. Give at least 1.")
        if self.name == "local" and (self.address is not None or self.gpus_per_worker):
            raise InputInvalid("--address and --gpus-per-worker go with --engine ray.")

    def device_of(self, asked: str) -> str:
        """Return where its workers compute: as asked, and on a cluster ``"auto"`` is what each worker was given."""
        if self.name != "ray" or asked != "auto":
            return asked
        return "cuda" if self.gpus_per_worker else "cpu"

    @property
    def has_workers(self) -> bool:
        """Whether other processes make the parts, and not this one."""
        return self.name != "local" or self.workers not in (None, 1)


def check_engine(engine: Engine) -> None:
    """Find out before any work is done whether an engine is installed.

    Raises:
        MissingExtra: it is not.
        EngineError: it is too old.
    """
    if engine.name == "ray":
        from builders.engines.cluster import import_ray

        import_ray()


def run_tasks(engine: Engine, job: Job, tasks: Iterable[Task]) -> Iterator[Part]:
    """Yield the part of every task, in any order.

    Args:
        engine: who makes them.
        job: what workers need to know once.
        tasks: each with a number of its own; no more of them are taken than there are workers, and one.

    Raises:
        EngineError: workers cannot be started or reached, differ from this process, or die on one task again and again.
        MissingExtra: the engine is not installed.
        EmbeddingsError: what a worker raised.
    """
    if not engine.has_workers:
        make = job.start()
        return (make(task) for task in tasks)
    return _in_pool(engine, job, tasks, in_order=False)


def run_in_order(engine: Engine, job: Job, tasks: Iterable[Task]) -> Iterator[Part]:
    """Yield the part of every task in the order of the tasks, as `run_tasks` makes them.

    Few parts wait for an earlier one: no task is begun that is far ahead of the oldest one under way.

    Args:
        engine: who makes them.
        job: what workers need to know once.
        tasks: with the numbers 0, 1, 2 and so on.

    Raises:
        EmbeddingsError: as for `run_tasks`.
    """
    if not engine.has_workers:
        yield from run_tasks(engine, job, tasks)
        return
    early: dict[int, Part] = {}
    following = 0
    for part in _in_pool(engine, job, tasks, in_order=True):
        early[part.number] = part
        while following in early:
            yield early.pop(following)
            following += 1


def _in_pool(engine: Engine, job: Job, tasks: Iterable[Task], *, in_order: bool) -> Iterator[Part]:
    with closing(_pool(engine, job)) as pool:
        yield from dispatch(pool, tasks, most_ahead=AHEAD * pool.size if in_order else None)


def _pool(engine: Engine, job: Job) -> Pool:
    if engine.name == "ray":
        from builders.engines.cluster import RayPool

        return RayPool(job, engine.workers, address=engine.address, gpus_per_worker=engine.gpus_per_worker)
    from builders.engines.local import LocalPool

    return LocalPool(job, engine.workers or 1)
