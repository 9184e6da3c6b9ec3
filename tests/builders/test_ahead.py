"""What is made ahead in threads is what would be made one after the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from builders.runs.ahead import MOST_THREADS, ahead, threads_there
from embeddings.errors import InputInvalid


def made(n: int) -> int:
    if n == 30:
        raise InputInvalid("thirty")
    return n * n


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("n", [0, 1, 9, 25])
def test_everything_comes_in_order(n: int, threads: int) -> None:
    assert list(ahead(range(n), made, threads=threads)) == [k * k for k in range(n)]


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_comes_where_it_belongs(threads: int) -> None:
    values = ahead(range(50), made, threads=threads)
    assert [next(values) for _ in range(30)] == [k * k for k in range(30)]
    with pytest.raises(InputInvalid, match="thirty"):
        next(values)


def test_a_loop_that_is_left_early_leaves_no_thread_and_no_work_behind() -> None:
    before, taken = threading.active_count(), []

    def items() -> Iterator[int]:
        for k in range(31, 10_000):
            taken.append(k)
            yield k

    values = ahead(items(), made, threads=2)
    assert next(values) == 31**2
    values.close()
    assert threading.active_count() == before
    assert len(taken) < 10


@pytest.mark.parametrize(("stated", "expected"), [("3", 3), ("1", 1), ("", None), ("many", None), ("0", None)])
def test_threads_are_as_many_as_the_user_says(
    stated: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", stated)
    assert threads_there() == (expected or min(MOST_THREADS, os.cpu_count() or 1))
