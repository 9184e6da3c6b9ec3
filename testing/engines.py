"""Jobs that die, fail or garble what they make, and a pool without processes that hands things back in any order."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from builders.engines.base import Failure, Job, Lost, Maker, Part, Ready, Task, check_same, sha256_of
from builders.engines.pool import Event
from embeddings.errors import InputInvalid

ALWAYS = 1_000_000


@dataclass(frozen=True)
class Doubling:
    """Each task is a number, and its part the text of twice that.

    Attributes:
        folder: where workers leave marks of what they did.
        deaths: number of a task -> how many workers it kills.
        garbled: number of a task -> how often its part is altered on the way.
        refused: number of a task that raises.
        version: of the driver; workers have version 1.
        opens: whether a worker survives its start.
        seconds: that a part takes.
    """

    folder: Path
    deaths: tuple[tuple[int, int], ...] = ()
    garbled: tuple[tuple[int, int], ...] = ()
    refused: int | None = None
    version: str = "1"
    opens: bool = True
    seconds: float = 0.0

    def start(self) -> Maker:
        """Count a start, and return what makes parts."""
        if not self.opens:
            os.kill(os.getpid(), signal.SIGKILL)
        check_same({"version": self.version}, {"version": "1"}, "a worker")
        (self.folder / f"opened-{os.getpid()}").touch()
        return self.make

    def make(self, task: Task) -> Part:
        """Make a part, or do what is planned for it."""
        n_before = len(list(self.folder.glob(f"began-{task.number}-*")))
        (self.folder / f"began-{task.number}-{n_before}").touch()
        if n_before < dict(self.deaths).get(task.number, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if task.number == self.refused:
            raise InputInvalid(f"Task {task.number} is refused.")
        time.sleep(self.seconds)
        content = str(2 * task.content).encode()
        part = Part(task.number, content, sha256_of(content), facts=os.getpid())
        return replace(part, content=b"noise") if n_before < dict(self.garbled).get(task.number, 0) else part

    def begun(self, number: int) -> int:
        """Return how often a task was begun."""
        return len(list(self.folder.glob(f"began-{number}-*")))


def doubling_tasks(n: int) -> list[Task]:
    """Return n tasks of `Doubling`."""
    return [Task(number, f"number {number}", number) for number in range(n)]


class FakePool:
    """Seats in this process, whose events come in an order drawn at random.

    Attributes:
        size: number of seats.
        most_at_once: tasks that were out at a time, at most.
    """

    def __init__(self, job: Job, size: int, seed: int, *, loses: Callable[[Task], bool] = lambda task: False) -> None:
        self.size, self.most_at_once = size, 0
        self._make, self._loses, self._rng = job.start(), loses, np.random.default_rng(seed)
        self._events = deque[tuple[int, Event]]()

    def start(self, seat: int) -> None:
        """Be ready, sooner or later."""
        self._events.append((seat, Ready()))

    def give(self, seat: int, task: Task) -> None:
        """Make the part at once, and keep it for later."""
        try:
            event: Event = Lost("gone") if self._loses(task) else self._make(task)
        except InputInvalid as error:
            event = Failure(error)
        self._events.append((seat, event))
        self.most_at_once = max(self.most_at_once, len(self._events))

    def wait(self) -> tuple[int, Event]:
        """Return any of the events."""
        self._events.rotate(int(self._rng.integers(len(self._events))))
        return self._events.popleft()

    def close(self) -> None:
        """Forget what was made."""
        self._events.clear()
