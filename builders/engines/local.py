"""Workers as processes of this machine, each at the other end of a pipe; one that dies takes nothing else with it."""

from __future__ import annotations

from contextlib import suppress
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from builders.engines.base import Job, Lost, Ready, Task, failure_of
from builders.engines.pool import Event

SECONDS_TO_END = 10.0
_SIGKILL = 9


class LocalPool:
    """Processes that are started from scratch: no lock, thread or GPU of this process is inherited."""

    def __init__(self, job: Job, size: int) -> None:
        self.size, self._job, self._context = size, job, clean_context(type(job).__module__)
        self._workers: dict[int, tuple[BaseProcess, Connection]] = {}

    def start(self, seat: int) -> None:
        """Start a process on a seat."""
        here, there = self._context.Pipe()
        process: Any = self._context.Process(target=_serve, args=(there, self._job), daemon=True)  # type: ignore[attr-defined]
        process.start()
        there.close()  # so that the pipe ends with the process
        self._workers[seat] = process, here

    def give(self, seat: int, task: Task) -> None:
        """Send a task; if the process died meanwhile, `wait` tells."""
        with suppress(OSError):
            self._workers[seat][1].send(task)

    def wait(self) -> tuple[int, Event]:
        """Wait for the next message of any process, or its death."""
        seats = {connection: seat for seat, (_, connection) in self._workers.items()}
        connection: Any = wait(list(seats))[0]
        try:
            return seats[connection], connection.recv()
        except (EOFError, OSError):
            return seats[connection], Lost(self._ended(seats[connection]))

    def close(self) -> None:
        """End all processes."""
        for process, connection in self._workers.values():
            connection.close()
            process.terminate()
        for process, _ in self._workers.values():
            process.join(SECONDS_TO_END)
            process.kill()
        self._workers.clear()

    def _ended(self, seat: int) -> str:
        """Return how the process of a seat ended."""
        process, connection = self._workers.pop(seat)
        connection.close()
        process.join(SECONDS_TO_END)
        code = process.exitcode
        if code is not None and code < 0:
            memory = ", as the system does when memory runs out" if code == -_SIGKILL else ""
            return f"a worker was ended by signal {-code}{memory}"
        return f"a worker ended with code {code}"


def clean_context(preload: str) -> BaseContext:
    """Return how to start processes: with the slow imports of a module done where the system can, else from scratch."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


def _serve(connection: Connection, job: Job) -> None:
    """Be a worker until the driver is gone."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the driver's to handle
    try:
        try:
            make = job.start()
            connection.send(Ready())
            while True:
                connection.send(make(connection.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            connection.send(failure_of(error))
    except OSError:
        return
