"""Between a command and the operating system: its streams, and system errors in one line."""

from __future__ import annotations

import errno
import os
import re
import sys
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_REASONS = {
    errno.EACCES: "you have no permission for it",
    errno.EPERM: "the system does not permit it",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.EMFILE: "too many files are open; allow more (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.ELOOP: "its links form a circle",
    errno.ENOTDIR: "there is a file where a folder should be",
    errno.EISDIR: "it is a folder",
    errno.EIO: "the disk or the network failed",
    errno.EFBIG: "the file is too large for the file system",
    errno.EBUSY: "another program uses it",
    errno.ENODEV: "there is no such device",
    errno.ENXIO: "there is no such device",
    errno.EINVAL: "the file system does not allow the name",
    errno.EILSEQ: "the file system does not allow the name",
    errno.ENOMEM: "there is not enough memory",
    errno.EAGAIN: "the system has no more processes or threads to give",
}
if hasattr(errno, "EDQUOT"):
    _REASONS |= {errno.EDQUOT: "your disk quota is full"}
if hasattr(errno, "ESTALE"):
    _REASONS |= {errno.ESTALE: "the network file system lost it"}


_SURROGATE_ESCAPE = re.compile("[\udc80-\udcff]")
_LOST = ("Could not determine home directory", "Symlink loop")
_SHOWN = 200
_AGAIN = 0.05  # seconds


def reason_of(error: BaseException) -> str | None:
    """Return one line on an error that the system, not the program, is at fault for; None for any other."""
    if isinstance(error, MemoryError):
        return "There is not enough memory for this."
    if isinstance(error, OSError) and error.errno in _REASONS:
        subject = error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename or "")
        reason = _REASONS[error.errno]
        return f"{subject} cannot be used: {reason}." if subject else f"The system stopped this: {reason}."
    if isinstance(error, FileNotFoundError) and not _stands_somewhere():
        return "The current folder no longer exists. Change to another one."
    if isinstance(error, UnicodeEncodeError) and _SURROGATE_ESCAPE.search(error.object):
        return f"{error.object[:_SHOWN]} is not UTF-8, which names of files have to be. Rename it."
    if isinstance(error, RuntimeError) and str(error).startswith(_LOST):
        return f"{error}".removesuffix(".") + "; give the path in full."
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error):
        return f"The system stopped this: {_REASONS[errno.EMFILE]}."
    return None


def prepare_streams() -> None:
    """Let streams escape what they cannot encode, and fill closed ones, so that no file takes their place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def interrupts_heard() -> Iterator[None]:
    """Raise a Ctrl-C again that Python ignored, since it came within a finalizer or a callback from C."""
    before = sys.unraisablehook

    def heard(ignored: sys.UnraisableHookArgs) -> None:
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            threading.Timer(_AGAIN, interrupt_main).start()  # not here, where it would be ignored once more
        else:
            before(ignored)

    sys.unraisablehook = heard
    try:
        yield
    finally:
        sys.unraisablehook = before


def flush() -> None:
    """Write out what was printed, while an error can still be reported.

    Raises:
        OSError: it cannot be written. The rest of it is dropped.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _stands_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True
