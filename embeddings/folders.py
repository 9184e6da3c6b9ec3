"""Writing so that nobody ever sees half of it: files and folders that appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embeddings.errors import OutputInvalid


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically and durably.

    Raises:
        OutputInvalid: it cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically and durably.

    Raises:
        OutputInvalid: it cannot be written.
    """
    temporary = _hidden(path)
    try:
        temporary.write_bytes(content)
        sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputInvalid(f"{path} cannot be written: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Yield a hidden empty folder beside `target`, and remove it at the end unless it was moved into place.

    Raises:
        FileExistsError: from `move_into_place` or `replace_folder`, as it is.
        OutputInvalid: the folder cannot be made, or another operating-system error ends the block.
    """
    temporary = _hidden(target)
    try:
        temporary.mkdir(parents=True)
        yield temporary
    except FileExistsError:
        raise
    except OSError as error:
        raise OutputInvalid(f"{target} cannot be written: {error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_into_place(staged: Path, target: Path) -> None:
    """Make a complete staged folder durable and rename it to `target`.

    Raises:
        FileExistsError: something stands at `target` already; it is left as it is.
    """
    for path in (*staged.iterdir(), staged):
        sync(path)
    try:
        staged.rename(target)
    except OSError as error:
        if target.exists():
            raise FileExistsError(str(target)) from error
        raise
    sync(target.parent)


def replace_folder(staged: Path, target: Path) -> None:
    """Like `move_into_place`, but what stands at `target` makes way, and comes back if the move fails.

    A process that dies between the two renames leaves the old folder hidden beside the place where it stood.

    Raises:
        FileExistsError: another writer put a folder there in between.
    """
    aside = _hidden(target)
    try:
        with suppress(FileNotFoundError):
            target.rename(aside)
        move_into_place(staged, target)
    except BaseException:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk, where the system can."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
