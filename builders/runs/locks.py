"""One process at a time in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from embeddings.errors import EmbeddingsError, OutputInvalid


@contextmanager
def only_one(folder: Path, error: type[EmbeddingsError], what: str) -> Iterator[None]:
    """Lock a folder that this process works in, through a lock file beside it.

    Args:
        folder: what is held; it need not exist.
        error: raised if another process holds it.
        what: what is being done there, for the message, such as ``"running this very build"``.

    Raises:
        OutputInvalid: no lock can be made, for example on a read-only file system.
    """
    try:
        folder = folder.resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0)
        lock.acquire()
    except Timeout:
        raise error(f"Another process is {what} ({folder}). Wait for it.") from None
    except (OSError, NotImplementedError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise OutputInvalid(f"{folder} cannot be written: {reason}. Choose another place.") from cause
    try:
        yield
    finally:
        lock.release()
