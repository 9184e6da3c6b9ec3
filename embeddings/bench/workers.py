"""Independent fits side by side: one thread each, as many at a time as there are cores.

Threads do, because the libraries of the heads let go of Python while they compute. Results come in the order of the
tasks, whatever their number.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from embeddings.errors import MissingExtra

try:
    from threadpoolctl import threadpool_limits
except ImportError as error:
    raise MissingExtra.of("scikit-learn", "bench") from error

Made = TypeVar("Made")


def n_workers() -> int:
    """Return how many tasks run at a time: the cores of this process, at most ``OMP_NUM_THREADS``."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(n_cores, int(allowed)) if allowed.isdecimal() and int(allowed) else n_cores


def side_by_side(tasks: Sequence[Callable[[], Made]]) -> Iterator[Made]:
    """Yield what each task returns, in their order; where one fails or is interrupted, those not begun are dropped."""
    if (n := min(n_workers(), len(tasks))) < 2:
        yield from (task() for task in tasks)
        return
    # what a library warns of in one thread must not change the filters of another: here they are the same for all
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        pool = ThreadPoolExecutor(n, thread_name_prefix="bench")
        try:
            futures = [pool.submit(copy_context().run, task) for task in tasks]
            yield from (future.result() for future in futures)
        finally:
            pool.shutdown(cancel_futures=True)
