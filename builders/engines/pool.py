"""Who works on what: tasks go to workers that are free, and again to another one where a worker or its part is lost."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from builders.engines.base import Failure, Lost, Part, Ready, Task
from embeddings.display.numbers import counted
from embeddings.errors import EngineError

MOST_TRIES = 3
"""Workers that may be lost over one task, and workers in a row that may be lost before their first one."""

Event = Ready | Part | Lost | Failure


class Pool(Protocol):
    """Workers on numbered seats, each with one task at a time.

    Attributes:
        size: number of seats.
    """

    size: int

    def start(self, seat: int) -> None:
        """Begin to start a worker on a seat; `wait` tells when it is ready."""

    def give(self, seat: int, task: Task) -> None:
        """Give a worker that is ready its task."""

    def wait(self) -> tuple[int, Event]:
        """Wait for the next event on any seat.

        Raises:
            EngineError: nothing can happen any more.
        """

    def close(self) -> None:
        """End all workers."""


def dispatch(pool: Pool, tasks: Iterable[Task], *, most_ahead: int | None = None) -> Iterator[Part]:
    """Yield the part of every task, in the order in which they arrive.

    Args:
        pool: of workers.
        tasks: each with a number of its own.
        most_ahead: how far the number of a task that is given out may be beyond that of the oldest one that is not
            done; None for any. Numbers ascend then.

    Raises:
        EngineError: workers are lost again and again.
        EmbeddingsError: what a worker raised.
    """
    free, busy = deque[int](), dict[int, Task]()
    waiting, losses = _Waiting(tasks, busy, most_ahead), _Losses()
    for seat in range(pool.size):
        pool.start(seat)
    while True:
        while free and (task := waiting.take()) is not None:
            busy[seat := free.popleft()] = task
            pool.give(seat, task)
        is_more = waiting.ahead()
        if not busy and not is_more:
            return
        seat, event = pool.wait()
        if isinstance(event, Failure):
            raise event.error
        if isinstance(event, Ready):
            losses.begun()
            free.append(seat)
            continue
        task = busy.pop(seat, None)
        if isinstance(event, Part) and task is not None and event.number == task.number and event.is_intact:
            free.append(seat)
            if (following := waiting.take()) is not None:  # before the part is looked at, or the worker idles
                busy[seat := free.popleft()] = following
                pool.give(seat, following)
            yield event
            continue
        why = event.why if isinstance(event, Lost) else "what arrived is not what the worker made"
        losses.add(task, why)
        if task is not None:
            waiting.put_back(task)
        if isinstance(event, Lost):
            pool.start(seat)
        else:
            free.append(seat)


class _Waiting:
    """The tasks that nobody works on, one of them at hand before it is asked for."""

    def __init__(self, tasks: Iterable[Task], busy: Mapping[int, Task], most_ahead: int | None) -> None:
        self._tasks, self._first, self._busy, self._most_ahead = iter(tasks), deque[Task](), busy, most_ahead

    def ahead(self) -> bool:
        """Have a task at hand, and return whether there is one."""
        if not self._first and (task := next(self._tasks, None)) is not None:
            self._first.append(task)
        return bool(self._first)

    def take(self) -> Task | None:
        """Return the next task; None after the last, or where it has to wait for an older one."""
        return self._first.popleft() if self.ahead() and not self._is_early(self._first[0]) else None

    def _is_early(self, task: Task) -> bool:
        if self._most_ahead is None or not self._busy:
            return False
        return task.number - min(other.number for other in self._busy.values()) > self._most_ahead

    def put_back(self, task: Task) -> None:
        """Return a task that was lost; it is the next."""
        self._first.appendleft(task)


class _Losses:
    """Counts what is lost, and gives up on a task that takes worker after worker with it."""

    def __init__(self) -> None:
        self._of_task: dict[int, list[str]] = defaultdict(list)
        self._before_first: list[str] = []

    def begun(self) -> None:
        """Note that workers can be started."""
        self._before_first.clear()

    def add(self, task: Task | None, why: str) -> None:
        """Count a loss; `task` is None for a worker that had none yet."""
        reasons = self._before_first if task is None else self._of_task[task.number]
        reasons.append(why)
        if len(reasons) < MOST_TRIES:
            return
        if task is None:
            raise EngineError(f"{counted(len(reasons), 'worker', 'was')} lost before they could begin: {why}.")
        raise EngineError(
            f"Part {task.number} ({task.label}) was lost {counted(len(reasons), 'time')}: "
            f"{'; '.join(dict.fromkeys(reasons))}. Finished parts are kept. Leave these out, take fewer workers or "
            "give them more memory, and repeat the command."
        )
