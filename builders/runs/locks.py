"""One process at a time in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from builders.progress import Reporter
from embeddings.errors import EmbeddingsError, OutputInvalid
from embeddings.registry.locks import ENV_WAIT, patience


@contextmanager
def only_one(folder: Path, error: type[EmbeddingsError], what: str, reporter: Reporter) -> Iterator[None]:
    """Lock a folder that this process works in, through a lock file beside it; wait while another process holds it.

    Args:
        folder: what is held; it need not exist.
        error: raised if another process holds it for longer than ten minutes, or `EMBEDDINGS_WAIT_SECONDS`.
        what: what is being done there, for the messages, such as ``"running this very build"``.
        reporter: told that there is something to wait for.

    Raises:
        OutputInvalid: no lock can be made, for example on a read-only file system.
        InputInvalid: `EMBEDDINGS_WAIT_SECONDS` is no number.
    """
    seconds = patience()
    try:
        folder = folder.resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{folder.name}.lock"))
        _acquire(lock, seconds, f"Another process is {what} ({folder}).", reporter)
    except Timeout:
        raise error(
            f"Another process is {what} ({folder}). Try again when it has ended, or wait longer: {ENV_WAIT}=3600 is "
            "an hour."
        ) from None
    except (OSError, NotImplementedError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise OutputInvalid(f"{folder} cannot be written: {reason}. Choose another place.") from cause
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, seconds: float, busy: str, reporter: Reporter) -> None:
    """Take a lock, at once or within a number of seconds.

    Raises:
        Timeout: somebody else held it all the time.
    """
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if seconds > 0:
            reporter.say(f"{busy} Waiting up to {seconds:.0f} s for it.")
        lock.acquire(timeout=max(seconds, 0.0), poll_interval=0.2)
