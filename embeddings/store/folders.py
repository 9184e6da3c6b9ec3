"""Atomic writes: files and folders that appear complete or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embeddings.errors import EmbeddingsError, OutputInvalid
from embeddings.store.exchange import exchange, restore, set_aside
from embeddings.store.temporaries import temporary_file, temporary_folder

_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF)
"""Errors of systems without sync for folders, or for a folder that may be written but not read."""


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically and durably.

    Raises:
        OutputInvalid: it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file atomically and durably.

    Raises:
        OutputInvalid: it cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def atomic_file(path: Path, *, advice: str = "") -> Iterator[Path]:
    """Yield the path of an empty hidden file beside `path`; at the end of the block it takes its place, durably.

    If the block ends early, `path` stays as it was, and the hidden file is removed.

    Args:
        path: the file to write; its folder exists.
        advice: what to do if it cannot be written, for the message.

    Raises:
        OutputInvalid: `path` is not a regular file, or an operating-system error ends the block.
    """
    path = Path(path)
    with _refusals_named(path, advice):
        if path.exists() and not path.is_file():
            raise OutputInvalid(f"{path} cannot be written: it is not a regular file.")
        with temporary_file(path.parent) as temporary:
            yield temporary
            replace_file(temporary, path)


def replace_file(staged: Path, target: Path) -> None:
    """Make a complete file durable and rename it to `target`, in place of one that was there.

    Raises:
        OSError: it cannot be moved; `target` is as it was.
    """
    sync(staged)
    os.replace(staged, target)
    sync(target.parent)


@contextmanager
def staged_folder(target: Path, *, advice: str = "") -> Iterator[Path]:
    """Yield a hidden empty folder beside `target`, and remove it at the end unless it was moved into place.

    Args:
        target: the folder to write.
        advice: what to do if it cannot be written, for the message.

    Raises:
        FileExistsError: from `move_into_place` or `replace_folder`, as it is.
        OutputInvalid: the folder cannot be made, or another operating-system error ends the block.
    """
    with _refusals_named(target, advice), temporary_folder(target.parent) as folder:
        yield folder


def move_into_place(staged: Path, target: Path) -> None:
    """Make a complete staged folder durable and rename it to `target`.

    Raises:
        FileExistsError: `target` exists; it stays as it is.
    """
    sync_tree(staged)
    try:
        os.rename(staged, target)
    except OSError as error:
        if target.exists():
            raise FileExistsError(str(target)) from error
        raise
    sync(target.parent)
    sync(target.parent.parent)


def replace_folder(staged: Path, target: Path) -> None:
    """Like `move_into_place`, but replaces `target`: its old content moves to the place of `staged`.

    Where the system can exchange two names (Linux, macOS), `target` exists at every instant. Elsewhere the old folder
    is moved aside for the length of one rename; `restore` moves it back if the process dies in between.

    Raises:
        FileExistsError: another writer put a folder there in between.
    """
    sync_tree(staged)
    restore(target.parent)
    if not target.exists():
        move_into_place(staged, target)
    elif exchange(staged, target):
        sync(target.parent)
    else:
        with set_aside(target):
            move_into_place(staged, target)


def sync_tree(folder: Path) -> None:
    """Flush the files of a folder, and the folder itself, to the disk."""
    for path in (*folder.iterdir(), folder):
        sync(path)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk, where the system can."""
    if path.is_dir():
        _sync_folder(path)
        return
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))  # Windows flushes what is open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


@contextmanager
def _refusals_named(path: Path, advice: str = "") -> Iterator[None]:
    """Turn errors of the operating system into `OutputInvalid` with the cause."""
    try:
        yield
    except (EmbeddingsError, FileExistsError):
        raise
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise OutputInvalid(f"{path} cannot be written: {reason}.{advice and ' ' + advice}") from error
