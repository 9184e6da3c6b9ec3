"""A pull against all that can befall it: kills, full and read-only disks, altered bytes, two at once, readers."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rich.console import Console

from builders.progress import Reporter
from builders.runs.locks import only_one
from builders.snapshots.ledger import Ledger
from builders.snapshots.snapshot import Snapshot, read_snapshot, read_structures, take_snapshot
from builders.sources import SourceOptions, find_source, table
from builders.structures.cleaning import Selection
from builders.structures.rejections import mend_of, rejected_csv
from embeddings.errors import EmbeddingsError, OutputInvalid, SourceError
from embeddings.store.folders import write_bytes
from testing.crystals import write_sample

N, ROWS = 24, 8
QUIET = Reporter(quiet=True)
KILLED = 86
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}


def pull(path: Path, folder: Path, selection: Selection | None = None, reporter: Reporter = QUIET) -> Snapshot:
    table.ROWS_PER_BATCH = ROWS
    selection = selection or Selection()
    stream = find_source("table")(SourceOptions(path), selection)
    return take_snapshot(folder, "table", stream, selection, reporter)


def pull_and_die(path: Path, folder: Path, at: int) -> None:
    """Pull, and die without a word just before the change on the disk of this number."""
    steps = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (is_write or event in CHANGES) and folder.name in str(arguments[0]):
            steps += 1
            if steps == at:
                os._exit(KILLED)

    os.environ["SOURCE_DATE_EPOCH"] = "0"
    sys.addaudithook(hook)
    pull(path, folder)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let time stand still, and batches be small, whatever a test undoes on its way."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    usual, table.ROWS_PER_BATCH = table.ROWS_PER_BATCH, ROWS
    yield
    table.ROWS_PER_BATCH = usual


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "t.parquet", N)


@pytest.fixture
def clean(path: Path, tmp_path: Path) -> Path:
    """A pull that nothing disturbed, of three parts."""
    pull(path, tmp_path / "clean")
    return tmp_path / "clean"


def test_killed_before_any_change_on_the_disk_it_ends_with_the_same_bytes(
    path: Path, clean: Path, tmp_path: Path
) -> None:
    context = get_context("fork")
    n_steps, code = 0, KILLED
    while code == KILLED:
        n_steps += 1
        folder = tmp_path / f"killed-{n_steps}"
        process = context.Process(target=pull_and_die, args=(path, folder, n_steps))
        process.start()
        process.join()
        code = process.exitcode
        pull(path, folder)
        assert content(folder) == content(clean), f"killed at step {n_steps}"
    assert code == 0
    assert n_steps > 12


@pytest.mark.parametrize("name", ["plan.json", "snapshot.json", "ledger.jsonl"])
def test_a_byte_that_changed_is_noticed_and_the_same_command_repairs_it(
    name: str, path: Path, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(clean)
    whole = before[name]
    n_written = Counted(monkeypatch)
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        for altered in (whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], whole[:place]):
            (clean / name).write_bytes(altered)
            if name == "snapshot.json":
                with pytest.raises(SourceError, match=r"complete snapshot.*Give the command of the pull again"):
                    read_snapshot(clean)
            pull(path, clean)
            assert content(clean)["snapshot.json"] == before["snapshot.json"]
            assert read_snapshot(clean).parts.keys() == {f"part-0000{k}.parquet" for k in range(3)}
            (clean / "ledger.jsonl").write_bytes(before["ledger.jsonl"])
    assert content(clean) == before
    assert name == "ledger.jsonl" or n_written.parts == 0


class Counted:
    """Counts the parts that are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from builders.snapshots import snapshot

        self.parts, write = 0, snapshot.write_part

        def counted(*arguments: Any) -> str:
            self.parts += 1
            return write(*arguments)

        monkeypatch.setattr(snapshot, "write_part", counted)


@pytest.mark.parametrize("line", range(3))
def test_only_the_batch_of_an_altered_line_is_fetched_again(
    line: int, path: Path, clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, counted = content(clean), Counted(monkeypatch)
    lines = before["ledger.jsonl"].splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"n_received":8', b'"n_received":9')
    (clean / "ledger.jsonl").write_bytes(b"".join(lines))
    (clean / "snapshot.json").unlink()
    pull(path, clean)
    assert content(clean) == before
    assert counted.parts == 1


def test_lines_that_changed_places_or_came_from_elsewhere_are_not_trusted(
    path: Path, clean: Path, tmp_path: Path
) -> None:
    before = content(clean)
    lines = before["ledger.jsonl"].splitlines(keepends=True)
    (clean / "ledger.jsonl").write_bytes(lines[2] + lines[0] + lines[1])
    pull(path, clean)
    assert content(clean)["snapshot.json"] == before["snapshot.json"]
    foreign = pull(path, tmp_path / "foreign", Selection(max_sites=2)).folder
    shutil.copy(foreign / "ledger.jsonl", clean / "ledger.jsonl")
    (clean / "plan.json").unlink()
    with pytest.raises(SourceError, match="not what the source has now, or the query was different"):
        pull(path, clean)


def test_a_plan_that_is_lost_before_anything_was_pulled_is_no_pull(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "plan.json").write_text('{"mine": 1}')
    with pytest.raises(SourceError, match="something other than a pull"):
        pull(path, folder)
    assert content(folder) == {"plan.json": b'{"mine": 1}'}


def reseal(folder: Path, **changes: Any) -> None:
    from builders.runs.seals import sealed, unsealed

    document = unsealed((folder / "snapshot.json").read_text(), indent=2)
    (folder / "snapshot.json").write_text(sealed(document | changes, indent=2))


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": {"../t.parquet": "0" * 64}},
        {"parts": {"part-00000.parquet": 5}},
        {"parts": 5},
        {"parts": ["part-00000.parquet"]},
        {"origin": {"name": "x", "colour": "red"}},
        {"more": 1},
    ],
)
def test_a_snapshot_that_was_sealed_by_somebody_else_is_refused_by_name(changes: dict[str, Any], clean: Path) -> None:
    reseal(clean, **changes)
    with pytest.raises(SourceError):
        read_snapshot(clean)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 100_000, '{"a":' * 50_000, "\xff", "1" * 5000])
def test_texts_that_are_no_snapshot_are_refused_by_name(text: str, clean: Path) -> None:
    (clean / "snapshot.json").write_bytes(text.encode("latin1"))
    with pytest.raises(SourceError, match="not a complete snapshot"):
        read_snapshot(clean)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk be full from the write of this number on."""
    fsync = os.fsync

    def fill(after: int) -> None:
        left = [after]

        def flush(descriptor: int) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", flush)

    return fill


def test_a_full_disk_is_named_and_nothing_is_lost(
    full_disk: Callable[[int], None], path: Path, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_named = 0
    for after in range(40):
        folder = tmp_path / f"full-{after}"
        with monkeypatch.context():
            full_disk(after)
            if is_pulled(path, folder):
                break
        n_named += 1
        monkeypatch.undo()
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
        table.ROWS_PER_BATCH = ROWS
        pull(path, folder)
        assert content(folder) == content(clean)
    assert n_named > 8


def is_pulled(path: Path, folder: Path) -> bool:
    """Pull; False if the disk is full, and it says so."""
    try:
        pull(path, folder)
    except OutputInvalid as error:
        if "No space left" in str(error):
            return False
        raise
    return True


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_a_read_only_folder_is_named(path: Path, tmp_path: Path) -> None:
    (tmp_path / "ro").mkdir()
    (tmp_path / "ro").chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputInvalid, match="cannot be written"):
        pull(path, tmp_path / "ro" / "s")


@pytest.mark.parametrize("refusal", [OSError(30, "Read-only file system"), PermissionError(13, "Permission denied")])
def test_where_there_can_be_no_lock_there_is_a_named_error(
    refusal: OSError, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise refusal

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(OutputInvalid, match=str(refusal.strerror)):
        pull(path, tmp_path / "s")


def test_a_file_in_the_way_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingsError):
        pull(path, path / "s")
    with pytest.raises(EmbeddingsError):
        pull(path, path)
    assert pull(path, tmp_path / "s").n_received == N


def test_of_two_pulls_at_once_the_second_waits_and_takes_what_the_first_pulled(
    path: Path, clean: Path, tmp_path: Path
) -> None:
    folder, heard = tmp_path / "s", io.StringIO()
    second = Thread(
        target=pull, args=(path, folder), kwargs={"reporter": Reporter(console=Console(file=heard, width=1000))}
    )
    with only_one(folder, SourceError, "pulling into this folder", QUIET):
        second.start()
        while "Waiting up to 600 s" not in heard.getvalue():
            assert second.is_alive()
            time.sleep(0.01)
    second.join()
    assert f"Another process is pulling into this folder ({folder})." in heard.getvalue()
    assert content(folder) == content(clean)


def test_a_pull_waits_no_longer_than_is_said_and_the_first_is_whole(
    path: Path, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    monkeypatch.setenv("EMBEDDINGS_WAIT_SECONDS", "0.1")
    with (
        only_one(folder, SourceError, "pulling into this folder", QUIET),
        pytest.raises(SourceError, match="EMBEDDINGS_WAIT_SECONDS"),
    ):
        pull(path, folder)
    pull(path, folder)
    assert content(folder) == content(clean)


def test_a_reader_sees_what_it_opened_or_a_named_error(path: Path, clean: Path, tmp_path: Path) -> None:
    snapshot = read_snapshot(clean)
    other = pull(path, tmp_path / "other", Selection(max_sites=2)).folder
    for name in ("part-00000.parquet", "part-00001.parquet"):
        shutil.copy(other / name, clean / name)
    with pytest.raises(SourceError, match="altered"):
        read_structures(snapshot)


@pytest.fixture
def readers(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Read the snapshot after every file that a pull writes; keep what was said."""
    said = list[str]()

    def written(target: Path, text: bytes) -> None:
        write_bytes(target, text)
        try:
            read_snapshot(tmp_path / "s")
            said.append("whole")
        except SourceError as error:
            said.append(str(error))

    monkeypatch.setattr("embeddings.store.folders.write_bytes", written)
    return said


def test_a_reader_during_a_pull_is_told_that_it_is_not_finished(path: Path, readers: list[str], tmp_path: Path) -> None:
    pull(path, tmp_path / "s")
    assert readers[-1] == "whole"
    assert all("not finished" in text for text in readers[:-1])
    assert len(readers) >= 2


def test_a_ledger_that_only_a_reader_opens_is_not_rewritten(clean: Path) -> None:
    torn = (clean / "ledger.jsonl").read_bytes()[:-5]
    (clean / "ledger.jsonl").write_bytes(torn)
    assert len(Ledger(clean).entries) == 2
    assert (clean / "ledger.jsonl").read_bytes() == torn


def test_faults_are_listed_with_place_and_mend_and_no_line_is_broken(tmp_path: Path) -> None:
    text = rejected_csv([["a\nb\x1b.cif", "block 2", "unreadable", 'says "no", twice'], ["\udcff.cif", "", "new", ""]])
    assert text.splitlines() == [
        "item,place,reason,detail,mend",
        'a\\nb\\x1b.cif,block 2,unreadable,"says ""no"", twice",' + mend_of("unreadable"),
        "\\udcff.cif,,new,,",
    ]
    assert json.dumps(text)
