"""Bringing a snapshot up to date: killed at any step, the old or the new one is there, and the same command ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from builders.progress import Reporter
from builders.snapshots.refresh import refresh_snapshot
from builders.snapshots.snapshot import Snapshot, read_snapshot, take_snapshot
from builders.sources import Batch, Cursor, EarlierRows, Plan, Stream
from builders.sources.origins import Origin
from builders.structures.cleaning import Selection
from embeddings.errors import SourceError
from testing.crystals import arrow_table, cscl, rocksalt

KILLED = 86
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}
CRYSTALS = [cscl(11, 17, 3.6), rocksalt(12, 8, 4.2), cscl(19, 9, 3.3), rocksalt(20, 8, 4.8)]


class Changing(Stream):
    """A database of four crystals in two batches, the second of which is not the same in every version."""

    def __init__(self, version: int, earlier: EarlierRows | None = None) -> None:
        self.version, self._earlier = version, earlier
        self.query = {"database": "changing"}

    def plan(self) -> Plan:
        return Plan(Origin("Changing", database_version=str(self.version)), n_expected=4)

    def moved(self, plan: Plan) -> str | None:
        return None if plan.origin.database_version == str(self.version) else "another version"

    def refreshed(self, earlier: EarlierRows) -> Stream:
        return Changing(self.version, earlier)

    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        for batch in range(start or 0, 2):
            changed = [f"v{self.version if row == 3 else 0}" for row in (2 * batch, 2 * batch + 1)]
            table = arrow_table(CRYSTALS[2 * batch : 2 * batch + 2], last_updated=pa.array(changed, pa.string()))
            ids = pa.array([f"{batch}-{row}" for row in range(2)])
            table = table.set_column(0, "material_id", ids)
            stored = self._earlier.take(list(zip(ids.to_pylist(), changed, strict=True))) if self._earlier else {}
            assert all(row.schema.names == table.schema.names for row in stored.values())
            yield Batch(table, None if batch else 1)


def pull(folder: Path, version: int) -> Snapshot:
    return take_snapshot(folder, "changing", Changing(version), Selection(), Reporter(quiet=True))


def refresh(folder: Path, version: int) -> Snapshot:
    return refresh_snapshot(folder, "changing", Changing(version), Selection(), Reporter(quiet=True))


def refresh_and_die(folder: Path, version: int, at: int) -> None:
    """Refresh, and die without a word just before the change on the disk of this number."""
    steps = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (is_write or event in CHANGES) and str(folder.parent) in str(arguments[0]):
            steps += 1
            if steps == at:
                os._exit(KILLED)

    sys.addaudithook(hook)
    refresh(folder, version)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time stand still."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")


@pytest.mark.slow
@pytest.mark.parametrize("moves_again", [False, True])
def test_killed_before_any_change_on_the_disk(moves_again: bool, tmp_path: Path) -> None:
    last = 3 if moves_again else 2
    pull(tmp_path / "new", last)
    versions, n_steps, code = set[str | None](), 0, KILLED
    while code == KILLED:
        n_steps += 4 if moves_again else 1
        home = tmp_path / str(n_steps)
        pull(home / "s", 1)
        process = get_context("fork").Process(target=refresh_and_die, args=(home / "s", 2, n_steps))
        process.start()
        process.join()
        code = process.exitcode
        versions.add(read_snapshot(home / "s").origin.database_version)
        assert refresh(home / "s", last).origin.database_version == str(last)
        assert content(home / "s") == content(tmp_path / "new"), f"killed at step {n_steps}"
        assert [path.name for path in home.iterdir() if path.is_dir()] == ["s"]
    assert code == 0
    assert versions == {"1", "2"}
    assert n_steps > 15


def test_folders_of_similar_names_are_not_touched(tmp_path: Path) -> None:
    pull(tmp_path / "s", 1)
    for name in ("s.old", "s.refresh", "old", ".s.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
    refresh(tmp_path / "s", 2)
    assert all((tmp_path / name / "mine.txt").exists() for name in ("s.old", "s.refresh", "old", ".s.old"))


def test_what_is_not_ours_at_the_place_of_the_refresh_is_named(tmp_path: Path) -> None:
    pull(tmp_path / "s", 1)
    (tmp_path / ".s.refresh").mkdir()
    (tmp_path / ".s.refresh" / "mine.txt").write_text("mine")
    with pytest.raises(SourceError, match="something other than a pull"):
        refresh(tmp_path / "s", 2)
    assert read_snapshot(tmp_path / "s").origin.database_version == "1"


def test_a_refresh_and_a_pull_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_WAIT_SECONDS", "0")
    pull(tmp_path / "s", 1)
    batches = Changing.batches

    def meanwhile(self: Changing, plan: Plan, start: Cursor) -> Iterator[Batch]:
        with pytest.raises(SourceError, match="Another process"):
            pull(tmp_path / "s", 1)
        yield from batches(self, plan, start)

    monkeypatch.setattr(Changing, "batches", meanwhile)
    assert refresh(tmp_path / "s", 2).origin.database_version == "2"


def test_nothing_to_refresh_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Leave --refresh out"):
        refresh(tmp_path / "s", 1)
