"""Things made ahead of whoever takes them, in threads: for work in NumPy, in C or in files, which lets others run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

MOST_THREADS = 8
"""Beyond these, threads of Python wait for each other."""


def threads_there() -> int:
    """Return how many threads to work in: OMP_NUM_THREADS, or one for each processor up to `MOST_THREADS`."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return int(stated) if stated.isdecimal() and int(stated) else min(MOST_THREADS, os.cpu_count() or 1)


def ahead(items: Iterable[Given], make: Callable[[Given], Made], *, threads: int) -> Iterator[Made]:
    """Yield what is made of each item, in their order; twice as many as there are threads are made ahead.

    An error is raised where what it stands for would have come. A loop that is left early leaves no thread behind.

    Args:
        items: to make something of.
        make: does so.
        threads: to work in; with one, everything is made when it is asked for.
    """
    if threads <= 1:
        yield from map(make, items)
        return
    waiting = deque[Future[Made]]()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(make, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
