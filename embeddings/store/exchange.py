"""Put one folder in the place of another: by one call where the system has it, else by two reversible renames."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from embeddings.store.temporaries import hold, release

T = TypeVar("T")

_ASIDE = ".embeddings-aside-"

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # Linux, renameat2(2)
_RENAME_SWAP = 2  # macOS, renamex_np(2)


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; False where the system or file system cannot."""
    if sys.platform not in ("linux", "darwin"):
        return False
    try:
        return _exchange(os.fsencode(one), os.fsencode(other)) == 0
    except (ImportError, AttributeError, OSError):  # no ctypes, or a C library without the call
        return False


def _exchange(one: bytes, other: bytes) -> int:
    import ctypes

    library = ctypes.CDLL(None)
    if sys.platform == "linux":
        return int(library.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE))
    return int(library.renamex_np(one, other, _RENAME_SWAP))


def read_settled(folder: Path, read: Callable[[], T]) -> T:
    """Return the result of `read` on a folder; read again if another folder took its place in the meantime.

    Raises:
        Exception: whatever `read` raises while the folder stays the same.
    """
    while True:
        before = _identity(folder)
        try:
            result = read()
        except Exception:
            if _identity(folder) == before:
                raise
        else:
            if _identity(folder) == before:
                return result


def _identity(folder: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns


@contextmanager
def set_aside(folder: Path) -> Iterator[None]:
    """Move a folder aside within the block; at the end it is removed, or moved back if nothing took its place."""
    aside = folder.with_name(_ASIDE + folder.name)
    descriptor = _hold(folder)
    try:
        os.rename(folder, aside)
        yield
    finally:
        if not folder.exists():
            with suppress(OSError):
                os.rename(aside, folder)
        shutil.rmtree(aside, ignore_errors=True)
        release(descriptor)


def restore(parent: Path) -> None:
    """Move back every folder that was moved aside for a writer that died; remove those whose place is taken."""
    with suppress(OSError):
        for name in os.listdir(parent):
            if name.startswith(_ASIDE):
                _restore(parent / name, parent / name.removeprefix(_ASIDE))


def _restore(aside: Path, folder: Path) -> None:
    """Move one folder back, unless its writer is alive."""
    try:
        descriptor = hold(aside)
    except BlockingIOError:
        return
    except OSError:
        descriptor = None
    try:
        if not folder.exists():
            os.rename(aside, folder)
        else:
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        release(descriptor)


def _hold(folder: Path) -> int | None:
    try:
        return hold(folder)
    except OSError:
        return None
