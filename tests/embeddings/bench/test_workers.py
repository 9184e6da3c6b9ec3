"""Fits side by side: their order is kept, what fails ends the rest, and how many run at a time changes no digit."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")

from embeddings.bench import workers
from embeddings.bench.workers import n_workers, side_by_side
from testing.planted import formulas, learnable, quick

NAME: ContextVar[str] = ContextVar("NAME", default="none")
WAIT = 10.0


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time, on any machine."""
    monkeypatch.setattr(workers, "n_workers", lambda: 2)


def after(event: threading.Event, made: Any) -> Any:
    event.wait(WAIT)
    return made


def test_results_come_in_the_order_of_the_tasks() -> None:
    last = threading.Event()

    def end() -> str:
        last.set()
        return "last"

    assert list(side_by_side([partial(after, last, "first"), end])) == ["first", "last"]


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_drops_what_has_not_begun(monkeypatch: pytest.MonkeyPatch, n: int, error: type) -> None:
    monkeypatch.setattr(workers, "n_workers", lambda: n)
    begun: list[int] = []

    def fail() -> int:
        raise error("bad")

    def slow(k: int) -> int:
        begun.append(k)
        time.sleep(0.05)
        return k

    with pytest.raises(error, match="bad"):
        list(side_by_side([fail, *(partial(slow, k) for k in range(50))]))
    assert len(begun) < 25


def test_ctrl_c_between_two_results_drops_what_has_not_begun() -> None:
    begun: list[int] = []

    def slow(k: int) -> int:
        begun.append(k)
        time.sleep(0.05)
        return k

    def consume() -> None:
        for _ in side_by_side([partial(slow, k) for k in range(50)]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    n_begun = len(begun)
    assert n_begun < 25
    time.sleep(0.15)
    assert len(begun) == n_begun


def test_a_task_sees_the_context_and_leaves_it_as_it_was() -> None:
    token = NAME.set("outer")

    def rename(name: str) -> str:
        seen = NAME.get()
        NAME.set(name)
        return seen

    try:
        assert list(side_by_side([partial(rename, name) for name in "abcd"])) == ["outer"] * 4
        assert NAME.get() == "outer"
    finally:
        NAME.reset(token)


def noisy() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        time.sleep(0.01)
        warnings.warn("of a library", stacklevel=1)


def fail() -> None:
    raise ValueError


@pytest.mark.parametrize("tasks", [[noisy] * 4, [noisy, fail, noisy]])
def test_filters_of_warnings_come_back(tasks: list[Callable[[], None]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        if fail in tasks:
            with pytest.raises(ValueError):  # noqa: PT011
                list(side_by_side(tasks))
        else:
            list(side_by_side(tasks))
        assert warnings.filters == before


@pytest.mark.parametrize(("said", "n"), [("1", 1), ("0", 64), ("", 64), ("three", 64), ("1000", 64)])
def test_as_many_run_as_there_are_cores_or_as_is_allowed(monkeypatch: pytest.MonkeyPatch, said: str, n: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert n_workers() == n


def test_how_many_run_at_a_time_changes_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    for n in (1, 2):
        monkeypatch.setattr(workers, "n_workers", lambda n=n: n)
        report = quick(learnable(formulas(40)), n=40, n_folds=2, heads=("ridge", "neighbors")).to_dict()
        said.append(json.dumps(report | {"seconds": 0.0}))
    assert said[0] == said[1]
