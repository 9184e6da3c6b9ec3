"""Writing whole or not at all: temporaries of the dead and of the living, refusals, and folders that take a place."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.store import folders, temporaries
from embeddings.store.exchange import read_settled, restore
from embeddings.store.folders import atomic_file, replace_folder, staged_folder, write_bytes, write_text
from embeddings.store.scratch import scratch_folder
from embeddings.store.temporaries import is_temporary

CHECKOUT = Path(__file__).parents[2]
WAYS = {"file": "atomic_file(path)", "folder": "staged_folder(path)"}


@contextmanager
def writer(path: Path, way: str) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of writing."""
    code = (
        "import sys; from pathlib import Path; from embeddings.store.folders import atomic_file, staged_folder\n"
        f"path = Path(sys.argv[1])\nwith {WAYS[way]}:\n    print('in', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=CHECKOUT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_next_command_removes_what_a_killed_one_left_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from embeddings.store.scratch import scratch_folder\nwith scratch_folder() as folder:\n"
    code += "    (folder / 'rows').touch(); print(folder, flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as killed:
        assert killed.stdout is not None
        left = Path(killed.stdout.readline().strip())
        assert stat.S_IMODE(left.stat().st_mode) == 0o700
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with scratch_folder() as other:
            assert sorted(tmp_path.iterdir()) == sorted([left, other])
        killed.kill()
        killed.wait()
    with scratch_folder() as other:
        assert list(tmp_path.iterdir()) == [other]
    assert not any(tmp_path.iterdir())


def write_half(path: Path, error: BaseException | None) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        if error is not None:
            raise error


def temporary_names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if is_temporary(path.name)]


@pytest.mark.parametrize("way", WAYS)
def test_the_next_writer_removes_what_the_dead_left_and_nothing_else(tmp_path: Path, way: str) -> None:
    with writer(tmp_path / "a", way), writer(tmp_path / "b", way) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(temporary_names(tmp_path)) == 2
        write_text(tmp_path / "c", "text")
        assert len(temporary_names(tmp_path)) == 1
    write_text(tmp_path / "c", "text")
    assert temporary_names(tmp_path) == []


def test_two_writers_of_one_file_both_work(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with atomic_file(path) as one, atomic_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the block of the first ended last
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), InputInvalid("no")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a"
    write_text(path, "old")
    expected = OutputInvalid if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        write_half(path, error)
    assert (os.listdir(tmp_path), path.read_text()) == (["a"], "old")


def test_a_refusal_names_the_file_and_the_cause_alone(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputInvalid, match=r"a cannot be written: No space left on device\. Make room\.$"),
        atomic_file(tmp_path / "a", advice="Make room."),
    ):
        raise OSError(28, "No space left on device", str(tmp_path / ".hidden"))


@pytest.mark.parametrize("blocked", ["unlink", "replace"])
def test_cleaning_up_never_hides_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocked: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, blocked, refuse)
    error = OSError("the cause") if blocked == "unlink" else None
    cause = "the cause" if blocked == "unlink" else "Read-only file system"
    with pytest.raises(OutputInvalid, match=cause):
        write_half(tmp_path / "a", error)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputInvalid, match="No such file or directory"):
        write_bytes(tmp_path / "missing" / "a", b"")


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, " ", "a\nb"])
def test_any_name_that_the_file_system_takes(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]


def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputInvalid, match="not a regular file"):
        write_bytes(tmp_path / "pipe", b"")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_files_have_the_permissions_that_the_user_gives_to_new_ones(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_where_nothing_can_be_locked_all_is_written_and_nothing_of_others_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporaries, "fcntl", None)
    left = tmp_path / ".embeddings-0123456789ab.tmp"
    left.touch()
    write_text(tmp_path / "a", "text")
    assert sorted(os.listdir(tmp_path)) == [left.name, "a"]


def test_a_link_in_the_name_of_a_temporary_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("text")
    (tmp_path / ".embeddings-0123456789ab.tmp").symlink_to(tmp_path / "precious")
    write_text(tmp_path / "a", "text")
    assert (tmp_path / "precious").read_text() == "text"


def test_files_are_flushed_through_a_descriptor_that_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to flush what was opened for reading only."""
    import fcntl

    flushed = []

    def fsync(descriptor: int) -> None:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        flushed.append((is_file, fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE))

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a", "text")
    assert flushed == [(True, os.O_RDWR), (False, os.O_RDONLY)]


def stage(target: Path, text: str) -> None:
    with staged_folder(target) as folder:
        (folder / "file").write_text(text)
        replace_folder(folder, target)


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(folders, "exchange", lambda *_: False)
    for text in ("one", "two", "three"):
        stage(tmp_path / "v", text)
        assert (tmp_path / "v" / "file").read_text() == text
        assert os.listdir(tmp_path) == ["v"]


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="the system cannot exchange names")
def test_readers_find_the_old_or_the_new_at_every_instant(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.embeddings.test_folders import stage\n"
        "k = 0\nwhile True:\n    stage(Path(sys.argv[1]), str(k)); k += 1"
    )
    stage(tmp_path / "v", "first")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "v")], cwd=CHECKOUT)
    try:
        seen, until = set(), time.monotonic() + 6
        while len(seen) < 10 and time.monotonic() < until:
            seen.add(os.stat(tmp_path / "v").st_ino)  # raises if there is none
    finally:
        process.kill()
        process.wait()
    assert len(seen) >= 2
    stage(tmp_path / "v", "last")
    assert os.listdir(tmp_path) == ["v"]


def test_what_stepped_aside_for_a_writer_that_died_comes_back(tmp_path: Path) -> None:
    (tmp_path / ".embeddings-aside-v").mkdir()
    (tmp_path / ".embeddings-aside-v" / "file").write_text("old")
    restore(tmp_path)
    assert (tmp_path / "v" / "file").read_text() == "old"
    assert os.listdir(tmp_path) == ["v"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_reader_whose_folder_was_replaced_reads_again(tmp_path: Path, fails: bool) -> None:
    stage(tmp_path / "v", "old")
    seen = []

    def read() -> str:
        seen.append((tmp_path / "v" / "file").read_text())
        if len(seen) == 1:
            stage(tmp_path / "v", "new")
            if fails:
                raise OSError("half of the old, half of the new")
        return seen[-1]

    assert read_settled(tmp_path / "v", read) == "new"
    assert seen == ["old", "new"]


def test_a_reader_whose_folder_stays_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_settled(tmp_path / "v", (tmp_path / "v" / "file").read_text)
