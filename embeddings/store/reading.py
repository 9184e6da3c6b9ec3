"""Read files that are not trusted: regular ones only, and never more bytes than allowed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

CHUNK = 1 << 20
IN_MEMORY = 1 << 30
"""The most bytes of a file that is held in memory."""


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading, without waiting for a pipe or reading a device.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    _check_regular(os.stat(path), path)
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags), "rb") as file:
        _check_regular(os.fstat(file.fileno()), path)
        yield file


def read_bounded(path: Path, *, at_most: int = IN_MEMORY) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be read, is not a regular file, or has more bytes than allowed.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > at_most else file.read(size + 1)
        if len(content) > size:  # it grows, or does not say its size
            content += file.read(at_most + 1 - len(content))
    if max(size, len(content)) > at_most:
        raise OSError(errno.EFBIG, f"it has more than {at_most:,} bytes", str(path))
    return content


def hash_bounded(path: Path, n_bytes: int, *, keep: bool = False) -> tuple[int, str, bytes]:
    """Return size, SHA-256 and, if asked, the content of a regular file, read once.

    Args:
        path: of the file.
        n_bytes: that it should have. A file of another size is not read, and its hash is empty.
        keep: whether to return the content; it is empty otherwise.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    digest, kept, n_read = hashlib.sha256(), [], 0
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size != n_bytes:
            return size, "", b""
        while n_read <= n_bytes and (chunk := file.read(CHUNK)):
            digest.update(chunk)
            n_read += len(chunk)
            kept += [chunk] if keep else []
    return n_read, digest.hexdigest(), b"".join(kept)


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a regular file of any size.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def why(error: OSError) -> str:
    """Return the reason of an operating-system error without its path."""
    return error.strerror or str(error)


def _check_regular(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "something that is not a regular file", str(path))
