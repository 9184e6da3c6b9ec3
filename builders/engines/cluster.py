"""Workers as actors of a Ray cluster: Ray gives them a place and carries messages; the ledger says what is done."""

from __future__ import annotations

import importlib
import os
import socket
from contextlib import suppress
from typing import Any

from packaging.version import Version

from builders.engines.base import Failure, Job, Lost, Maker, Part, Ready, Task, failure_of
from builders.engines.pool import Event
from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.errors import EngineError, InputInvalid, MissingExtra
from embeddings.installation import install_hint

LEAST_VERSION = "2.49"
"""The first with ``ray symmetric-run``."""

SECONDS_TO_ANSWER = 5.0
"""For a connection to the address of a cluster."""

SECONDS_TO_START = 300.0
"""For the first worker, where none works; a cluster that grows on demand needs minutes."""


class RayPool:
    """Actors, each on one processor and as many GPUs as asked for, spread over the nodes."""

    def __init__(self, job: Job, size: int | None, *, address: str | None, gpus_per_worker: int) -> None:
        self._ray = import_ray()
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            _connect(self._ray, address)
        self.size = size or _room(self._ray, gpus_per_worker)
        options = {"num_cpus": 1, "num_gpus": gpus_per_worker, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        self._actor = self._ray.remote(_Worker).options(**options)
        self._job = self._ray.put(job)
        self._actors: dict[int, Any] = {}
        self._expected: dict[Any, int] = {}
        self._begun: set[int] = set()  # seats whose actor has a place

    def start(self, seat: int) -> None:
        """Ask for an actor; it is ready when the cluster had room for it and it has started its job."""
        self._actors[seat] = self._actor.remote()
        self._expected[self._actors[seat].start.remote(self._job)] = seat

    def give(self, seat: int, task: Task) -> None:
        """Send a task; if the actor died meanwhile, `wait` tells."""
        self._expected[self._actors[seat].make.remote(task)] = seat

    def wait(self) -> tuple[int, Event]:
        """Wait for the next answer of any actor, or its death.

        Raises:
            EngineError: no actor gets a place on the cluster.
        """
        answers, _ = self._ray.wait(list(self._expected), num_returns=1, timeout=SECONDS_TO_START)
        while not answers:
            self._check_begun()
            answers, _ = self._ray.wait(list(self._expected), num_returns=1, timeout=SECONDS_TO_START)
        seat = self._expected.pop(answers[0])
        try:
            event: Event = self._ray.get(answers[0])
            self._begun.add(seat)
        except self._ray.exceptions.RayError as error:
            self._begun.discard(seat)
            with suppress(Exception):
                self._ray.kill(self._actors.pop(seat))  # it may live, and only its answer be lost
            event = Lost(f"an actor was lost ({shortened(' '.join(str(error).split()), 300)})")
        return seat, event

    def close(self) -> None:
        """End all actors, and leave the cluster."""
        for actor in self._actors.values():
            with suppress(Exception):
                self._ray.kill(actor)
        self._actors.clear()
        if self._is_ours:
            self._ray.shutdown()

    def _check_begun(self) -> None:
        """Refuse to wait on where no actor has a place."""
        if self._begun:
            return
        there = self._ray.cluster_resources()
        room = f"{counted(int(there.get('CPU', 0)), 'processor')} and {counted(int(there.get('GPU', 0)), 'GPU')}"
        raise EngineError(
            f"No worker could start on the cluster within {SECONDS_TO_START:g} s; it has {room}, and other work may "
            "use them. Ask for fewer --workers or --gpus-per-worker, or wait until there is room."
        )


class _Worker:
    """An actor: the same as a process of `builders.engines.local`, but that errors are answers."""

    def __init__(self) -> None:
        self._make: Maker | None = None

    def start(self, job: Job) -> Ready | Failure:
        """Open the job."""
        try:
            self._make = job.start()
            return Ready()
        except Exception as error:
            return failure_of(error)

    def make(self, task: Task) -> Part | Failure:
        """Make a part."""
        try:
            if self._make is None:
                raise EngineError("A worker was given a task before its job.")
            return self._make(task)
        except Exception as error:
            return failure_of(error)


def import_ray() -> Any:
    """Return the package ray, of a version that this engine was made for.

    Raises:
        MissingExtra: it is not installed.
        EngineError: it is too old.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody unless the user wants it
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtra.of("ray", "cluster") from error
    if Version(ray.__version__) < Version(LEAST_VERSION):
        raise EngineError(
            f"Ray {ray.__version__} is installed, and {LEAST_VERSION} or newer is needed: {install_hint('cluster')}"
        )
    return ray


def _connect(ray: Any, address: str | None) -> None:
    """Join a cluster as its driver.

    Raises:
        EngineError: there is none at the address, or it runs another version of Ray or Python.
        InputInvalid: the address is not one.
    """
    if address is not None and address != "auto":
        _check_answers(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", include_dashboard=_dashboard(address))
    except (ConnectionError, RuntimeError, ValueError, OSError, AssertionError) as error:
        where = "that runs on this machine" if address in (None, "auto") else f"at {address} to join from here"
        reason = shortened(" ".join(str(error).split()), 300)
        raise EngineError(
            f"There is no Ray cluster {where}: {reason} Start one with ray start --head, and give this command on one "
            "of its nodes."
        ) from error


def _dashboard(address: str | None) -> bool | None:
    """Return that a cluster which begins here needs none, or that one which is there already has what it has."""
    return None if address or os.environ.get("RAY_ADDRESS") else False


def _check_answers(address: str) -> None:
    """Refuse an address where nothing listens, long before Ray would."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536 or "/" in address:
        raise InputInvalid(
            f'"{address}" is not the address of a Ray cluster: auto, or HOST:PORT such as 10.0.0.1:6379.'
        )
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise EngineError(
            f"Nothing answers at {address}: {error.strerror or error}. Is it the address that ray start --head printed?"
        ) from error


def _room(ray: Any, gpus_per_worker: int) -> int:
    """Return how many workers all nodes have room for, at least one."""
    there = ray.cluster_resources()
    room = there.get("CPU", 1)
    if gpus_per_worker:
        room = min(room, there.get("GPU", 0) // gpus_per_worker)
    return max(1, int(room))
