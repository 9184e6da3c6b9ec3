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
        OutputInvalid: the lock file cannot be made, as on a read-only disk.
    """
    folder = folder.resolve()
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise error(f"Another process is {what} ({folder}). Wait for it.") from None
    except OSError as refusal:
        raise OutputInvalid(f"{folder} cannot be written: {refusal.strerror or refusal}.") from refusal
    try:
        yield
    finally:
        lock.release()
