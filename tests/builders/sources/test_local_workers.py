"""Files parsed by the workers of an engine: the same bytes, whatever happens to a worker or the driver."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import engines
from builders.engines import Engine
from builders.engines.base import Job, Part, Task
from builders.snapshots.snapshot import Snapshot
from builders.sources import SourceOptions, local, local_parsing
from builders.structures.rejections import Unusable
from embeddings.errors import EngineError, MissingExtra
from testing.engines import FakePool

Pull = Callable[..., Snapshot]

POSCAR = "{k}\n1\n4 0 0\n0 4 0\n0 0 {c}\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seventeen files, two of them unreadable; batches of 2."""
    monkeypatch.setattr(local, "ITEMS_PER_BATCH", 2)
    (tmp_path / "data").mkdir()
    for k in range(17):
        text = "nothing" if k in (3, 16) else POSCAR.format(k=k, c=4 + k / 10)
        (tmp_path / "data" / f"{k:02d}.vasp").write_text(text)
    return tmp_path / "data"


def content(snapshot: Snapshot) -> dict[str, bytes]:
    """Everything but times."""
    names = [*snapshot.parts, "rejected.csv"]
    return {name: (snapshot.folder / name).read_bytes() for name in names}


def in_any_order(monkeypatch: pytest.MonkeyPatch, seed: int, loses: Callable[[Task], bool]) -> None:
    """Let every pool of workers be one in this process that hands parts back in any order."""
    monkeypatch.setattr(engines, "_pool", lambda engine, job: FakePool(job, engine.workers, seed, loses=loses))
    monkeypatch.setattr(local, "check_engine", lambda engine: None)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["local", "ray"])
def test_the_bytes_are_those_of_one_process_in_any_order(
    seed: int, name: Any, folder: Path, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, lost = pull("local", tmp_path / "whole", SourceOptions(folder)), set[int]()

    def loses(task: Task) -> bool:
        is_first = task.number not in lost
        lost.add(task.number)
        return is_first and task.number % 3 == 0

    in_any_order(monkeypatch, seed, loses)
    many = pull("local", tmp_path / "many", SourceOptions(folder, engine=Engine(name, workers=3)))
    assert content(many) == content(whole)
    assert (len(many.parts), many.rejected) == (8, {"unreadable": 2})


def test_workers_of_a_cluster_read_no_file(
    folder: Path, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(job: Job) -> Any:
        make = job.start()

        def made(task: Task) -> Part:
            hidden = folder.rename(folder.with_name("hidden"))
            try:
                return make(task)
            finally:
                hidden.rename(folder)

        return made

    whole = pull("local", tmp_path / "whole", SourceOptions(folder))

    class Elsewhere(FakePool):
        def __init__(self, job: Job, size: int, seed: int) -> None:
            super().__init__(job, size, seed)
            self._make = gone(job)

    monkeypatch.setattr(engines, "_pool", lambda engine, job: Elsewhere(job, 2, 0))
    monkeypatch.setattr(local, "check_engine", lambda engine: None)
    assert content(pull("local", tmp_path / "s", SourceOptions(folder, engine=Engine("ray")))) == content(whole)


def test_a_killed_worker_loses_nothing(
    folder: Path, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, mark = pull("local", tmp_path / "whole", SourceOptions(folder)), tmp_path / "killed"
    opened = local.open_local

    def deadly(path: Path) -> Any:
        file = opened(path)
        return type(file)(**vars(file) | {"parse": dying_once(mark)})

    monkeypatch.setattr(local, "open_local", deadly)
    again = pull("local", tmp_path / "again", SourceOptions(folder, engine=Engine(workers=2)))
    assert mark.exists()
    assert content(again) == content(whole)


class dying_once:
    """A parser that can be pickled, and parses as ever; but the first to come to one file is killed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __call__(self, name: str, listed: Any, disorder: str) -> Any:
        from builders.sources.local_folder import parse_file

        if name == "07.vasp" and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return parse_file(name, listed, disorder)


def test_a_stopped_driver_goes_on_with_what_the_ledger_has(
    folder: Path, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pull("local", tmp_path / "whole", SourceOptions(folder))
    make, made = local_parsing.Parsing.make, list[int]()

    def stopped(job: Any, task: Task) -> Part:
        made.append(len(task.content))
        if len(made) == 5:
            raise KeyboardInterrupt
        return make(job, task)

    monkeypatch.setattr(local_parsing.Parsing, "make", stopped)
    with pytest.raises(KeyboardInterrupt):
        pull("local", tmp_path / "s", SourceOptions(folder))
    in_any_order(monkeypatch, 0, lambda task: False)
    assert content(pull("local", tmp_path / "s", SourceOptions(folder, engine=Engine(workers=2)))) == content(whole)
    assert len(made) == 5 + 9 - 3  # three batches were in the ledger


def test_a_worker_with_other_code_is_refused(
    folder: Path, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: Iterator[str] = iter(["here", "there"])
    monkeypatch.setattr(local, "code_of_sources", lambda: next(codes))
    with pytest.raises(EngineError, match=r"would write different bytes: code .* there, here here"):
        pull("local", tmp_path / "s", SourceOptions(folder, engine=Engine(workers=2)))
    monkeypatch.undo()
    assert len(pull("local", tmp_path / "s", SourceOptions(folder)).parts) == 1


def test_without_ray_nothing_is_begun(
    folder: Path, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match="cluster"):
        pull("local", tmp_path / "s", SourceOptions(folder, engine=Engine("ray")))
    assert not (tmp_path / "s").exists()


def test_a_file_that_cannot_be_read_is_the_same_fault_where_it_is_carried(folder: Path) -> None:
    from builders.sources.local_folder import carried

    (folder / "large.vasp").write_bytes(b" " * 5_000_001)
    file = local.open_local(folder)
    listed = dict(file.items())["large.vasp"]
    with pytest.raises(Unusable, match="5,000,001 bytes"):
        carried(listed)
