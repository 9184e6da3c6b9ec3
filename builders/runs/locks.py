"""One process at a time in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from embeddings.errors import EmbeddingsError, OutputInvalid


@contextmanager
def only_one(folder: Path, error: type[EmbeddingsError], what: str) -> Iterator[None]:
    """Hold a folder that this process works in, by a lock file beside it.

    Args:
        folder: what is held; it need not exist.
        error: raised if another process holds it.
        what: is done there, for its message, such as ``"running this very build"``.

    Raises:
        OutputInvalid: there can be no lock, such as on a read-only file system.
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
