"""The steps by which a process changes a folder, counted, and one of them where something happens.

Every call that makes, fills, flushes, renames or removes something below one folder is a step. Steps are numbered as
they come; before step `at`, the process is killed or stopped, or that step and all after it are refused.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

FAULTS = ("kill", "full", "readonly", "stop")
"""What may happen: SIGKILL; no space from here on; nothing may be changed from here on; SIGSTOP."""

REMOVING = ("unlink", "remove", "rmdir")
"""Calls that a full disk does not refuse."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Steps:
    """Counts the steps of this process below `root`, and lets one fault happen."""

    def __init__(self, root: Path, fault: str | None, at: int) -> None:
        self.root, self.fault, self.at = os.path.realpath(root), fault, at
        self.log: list[str] = []

    def install(self) -> None:
        """Replace the calls by counting ones, in this process and for good."""
        self._patch_os()
        self._patch_open()
        self._patch_arrow()
        self._patch_exchange()

    def step(self, call: str, path: object) -> None:
        """Count one step, if it is below the root."""
        if not self._is_inside(path):
            return
        number = len(self.log)
        self.log.append(f"{call} {os.path.relpath(os.fsdecode(path), self.root)}")  # type: ignore[arg-type]
        if number == self.at and self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if number == self.at and self.fault == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if number >= self.at and self.fault == "full" and call not in REMOVING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fsdecode(path))  # type: ignore[arg-type]
        if number >= self.at and self.fault == "readonly":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fsdecode(path))  # type: ignore[arg-type]

    def _is_inside(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        parent, name = os.path.split(os.path.abspath(os.fsdecode(path)))
        return os.path.join(os.path.realpath(parent), name).startswith(self.root + os.sep)

    def _patch_os(self) -> None:
        for name in ("replace", "rename"):
            self._count(os, name, lambda source, target, **_: target)
        for name in (*REMOVING, "mkdir", "symlink", "link"):
            self._count(os, name, _target)
        self._count(os, "fsync", lambda descriptor: os.readlink(f"/proc/self/fd/{descriptor}"))
        self._count(os, "open", lambda path, flags, *args, **more: path if flags & _WRITING else None)

    def _patch_open(self) -> None:
        self._count(builtins, "open", _opened)
        io.open = builtins.open

    def _patch_arrow(self) -> None:
        import pyarrow.csv
        import pyarrow.parquet as pq

        self._count(pq.ParquetWriter, "__init__", lambda writer, where, *args, **more: where)
        self._count(pyarrow.csv, "CSVWriter", lambda where, *args, **more: where)

    def _patch_exchange(self) -> None:
        from embeddings.store import exchange

        self._count(exchange, "_exchange", lambda one, other: other)

    def _count(self, owner: Any, name: str, path_of: Callable[..., Any]) -> None:
        real = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            self.step(name, path_of(*args, **more))
            return real(*args, **more)

        setattr(owner, name, counted)


def _target(*args: Any, dir_fd: int | None = None, **_: Any) -> Any:
    """Return what a call works on: its last path, below an open folder where one is given."""
    path = next(part for part in reversed(args) if isinstance(part, str | bytes | os.PathLike))
    return path if dir_fd is None else os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), os.fsdecode(path))


def _opened(file: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
    return file if set(mode) & set("wax+") else None
