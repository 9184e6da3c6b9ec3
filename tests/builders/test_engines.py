"""Parts come from any engine, in any order, each once, whatever happens to workers."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from builders import engines
from builders.engines import AHEAD, Engine, check_engine, run_in_order, run_tasks
from builders.engines.base import Part, Task
from builders.engines.local import clean_context
from builders.engines.pool import dispatch
from embeddings.errors import EngineError, InputInvalid, MissingExtra
from testing.engines import ALWAYS, Doubling, FakePool, doubling_tasks


def contents(parts: Iterator[Part]) -> dict[int, bytes]:
    found = list(parts)
    assert len({part.number for part in found}) == len(found)
    return {part.number: part.content for part in found}


def expected(n: int) -> dict[int, bytes]:
    return {number: str(2 * number).encode() for number in range(n)}


@pytest.mark.parametrize("seed", range(5))
def test_every_part_comes_once_in_any_order(seed: int, tmp_path: Path) -> None:
    taken = []

    def watched() -> Iterator[Task]:
        for task in doubling_tasks(30):
            taken.append(task.number)
            yield task

    pool = FakePool(Doubling(tmp_path), 4, seed)
    parts = dispatch(pool, watched())
    first = next(parts)
    assert len(taken) <= 1 + 4 + 1  # what is out, and one at hand: memory does not grow with the work
    assert contents(iter([first, *parts])) == expected(30)
    assert pool.most_at_once <= 4


@pytest.mark.parametrize("seed", range(3))
def test_parts_come_in_order_and_few_wait_for_another(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, pool = [], FakePool(Doubling(tmp_path), 3, seed)
    give = pool.give
    monkeypatch.setattr(pool, "give", lambda seat, task: (given.append(task.number), give(seat, task)))
    monkeypatch.setattr(engines, "_pool", lambda engine, job: pool)
    for number, part in enumerate(run_in_order(Engine(workers=3), Doubling(tmp_path), doubling_tasks(50))):
        assert (part.number, part.content) == (number, str(2 * number).encode())
        assert max(given) <= number + 1 + 3 * AHEAD
    assert sorted(given) == list(range(50)) == list(range(number + 1))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_lost_or_garbled_is_made_again(seed: int, tmp_path: Path) -> None:
    tries = Counter[int]()

    def loses(task: Task) -> bool:
        tries[task.number] += 1
        return task.number % 3 == 0 and tries[task.number] < 3

    job = Doubling(tmp_path, garbled=((1, 2), (5, 1)))
    assert contents(dispatch(FakePool(job, 3, seed, loses=loses), doubling_tasks(10))) == expected(10)
    assert [job.begun(number) for number in (0, 1, 2, 5)] == [1, 3, 1, 2]


def test_a_part_that_is_garbled_again_and_again_is_named(tmp_path: Path) -> None:
    job = Doubling(tmp_path, garbled=((2, ALWAYS),))
    with pytest.raises(EngineError, match=r"Part 2 \(number 2\) was lost 3 times: what arrived is not what .* made"):
        list(dispatch(FakePool(job, 2, 0), doubling_tasks(4)))


def test_no_task_is_no_work(tmp_path: Path) -> None:
    assert list(dispatch(FakePool(Doubling(tmp_path), 2, 0), [])) == []


def test_processes_make_what_one_makes(tmp_path: Path) -> None:
    job = Doubling(tmp_path, deaths=((1, 1), (4, 2)))
    parts = list(run_tasks(Engine(workers=2), job, doubling_tasks(8)))
    assert contents(iter(parts)) == expected(8) == contents(run_tasks(Engine(), Doubling(tmp_path), doubling_tasks(8)))
    assert len({part.facts for part in parts}) > 1
    assert [job.begun(number) for number in (0, 1, 4)] == [2, 3, 4]  # once more by this process


def test_a_task_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    job = Doubling(tmp_path, deaths=((1, ALWAYS),))
    with pytest.raises(
        EngineError, match=r"Part 1 \(number 1\) was lost 3 times: a worker was ended by signal 9, .*mem"
    ):
        list(run_tasks(Engine(workers=2), job, doubling_tasks(3)))
    assert job.begun(1) == 3


def test_workers_that_cannot_begin_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="3 workers were lost before they could begin"):
        list(run_tasks(Engine(workers=2), Doubling(tmp_path, opens=False), doubling_tasks(3)))


def test_what_a_worker_raises_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="Task 1 is refused") as caught:
        list(run_tasks(Engine(workers=2), Doubling(tmp_path, refused=1), doubling_tasks(3)))
    assert "in make" in "".join(caught.value.__notes__)


def test_a_worker_with_other_things_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        EngineError, match="The worker on a worker would write different bytes: version 1 there, 2 here"
    ):
        list(run_tasks(Engine(workers=2), Doubling(tmp_path, version="2"), doubling_tasks(3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "spark"}, "No engine"),
        ({"workers": 0}, "Give at least 1"),
        ({"address": "auto"}, "--engine ray"),
        ({"gpus_per_worker": 1}, "--engine ray"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        Engine(**options)  # type: ignore[arg-type]


def fake_ray(version: str) -> SimpleNamespace:
    return SimpleNamespace(__version__=version, is_initialized=lambda: False)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"ray is not installed\. .*cluster"):
        check_engine(Engine("ray"))
    check_engine(Engine())


def test_an_old_ray_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", fake_ray("2.9.3"))
    with pytest.raises(EngineError, match=r"Ray 2\.9\.3 is installed, and 2\.49 or newer is needed"):
        check_engine(Engine("ray"))


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("127.0.0.1:9", EngineError, "Nothing answers at 127.0.0.1:9: Connection refused"),
        ("no.such.host.invalid:6379", EngineError, "Nothing answers at no.such.host.invalid:6379"),
        ("nonsense", InputInvalid, '"nonsense" is not the address of a Ray cluster: auto, or HOST:PORT'),
        ("ray://127.0.0.1:10001", InputInvalid, "is not the address"),
        ("127.0.0.1:99999", InputInvalid, "is not the address"),
    ],
)
def test_an_address_that_is_wrong_is_named_at_once(
    address: str, error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", fake_ray("2.60.0"))
    with pytest.raises(error, match=message):
        list(run_tasks(Engine("ray", address=address), Doubling(tmp_path), doubling_tasks(2)))


def test_systems_without_a_fork_server_start_processes_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.engines.local.get_all_start_methods", lambda: ["spawn"])
    assert clean_context("builders.sources.local").get_start_method() == "spawn"
