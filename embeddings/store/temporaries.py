"""Hidden files and folders to write in, each locked while its writer lives, so that leftovers of dead ones can go.

A lock ends with the process that holds it, however that ends. Whatever no process holds is therefore left over, and the
next writer in the same folder removes it. Where a system cannot lock (Windows, some network drives), nothing of other
writers is ever removed: a living writer's file is worth more than a tidy folder.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be renamed: no locks there
    fcntl = None  # type: ignore[assignment]

_PREFIX, _SUFFIX = ".embeddings-", ".tmp"


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name belongs to a writer, or was left behind by one."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


@contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """Yield an empty hidden file in a folder; it is removed at the end unless it was moved.

    Raises:
        OSError: it cannot be made.
    """
    sweep(folder)
    path, descriptor = _claim(folder, _make_file)
    try:
        yield path
    finally:
        release(descriptor)
        with suppress(OSError):
            path.unlink()


@contextmanager
def temporary_folder(folder: Path, mode: int = 0o777) -> Iterator[Path]:
    """Yield an empty hidden folder in a folder, which is made if needed; it is removed at the end unless it was moved.

    Args:
        folder: where it is made.
        mode: its permissions, less what the process masks.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    path, descriptor = _claim(folder, lambda path: path.mkdir(mode))
    try:
        yield path
    finally:
        release(descriptor)
        shutil.rmtree(path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what dead writers left in a folder; what a living one is writing stays."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if is_temporary(name):
                _remove_if_dead(folder / name)


def _remove_if_dead(path: Path) -> None:
    descriptor = None
    try:
        descriptor = hold(path)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except OSError:
        return
    finally:
        release(descriptor)


def _claim(folder: Path, make: Callable[[Path], None]) -> tuple[Path, int | None]:
    """Make a hidden file or folder and lock it; retry if a sweeper took it in the instant before."""
    while True:
        path = folder / f"{_PREFIX}{uuid.uuid4().hex[:12]}{_SUFFIX}"
        make(path)
        try:
            descriptor = hold(path)
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError:  # no locks here: nobody removes what cannot be locked
            return path, None
        if path.exists():
            return path, descriptor
        release(descriptor)


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))


def hold(path: Path) -> int:
    """Open a file or folder and lock it.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it cannot be opened or locked.
    """
    if fcntl is None:
        raise OSError("no locks on this system")
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
    descriptor = os.open(path, flags | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def release(descriptor: int | None) -> None:
    """Release what `hold` returned."""
    if descriptor is not None:
        with suppress(OSError):
            os.close(descriptor)
