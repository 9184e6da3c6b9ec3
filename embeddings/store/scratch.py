"""Temporary files of one command, in a folder that is gone when it ends, and what is said where there is no room."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from embeddings.errors import EmbeddingsError, OutputInvalid
from embeddings.store.reading import why
from embeddings.store.temporaries import temporary_folder

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty temporary folder that only its owner can read; it is removed at the end.

    What a killed command left behind, the next one removes.

    Raises:
        OutputInvalid: it cannot be made, or has no room for what is written there.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder(Path(tempfile.gettempdir()), mode=0o700))
        except OSError as error:
            raise OutputInvalid(
                f"No temporary folder can be made: {why(error)}. Name another one in TMPDIR."
            ) from error
        try:
            yield folder
        except EmbeddingsError:
            raise
        except OSError as error:
            if not has_no_room(error) or not Path(error.filename or folder).is_relative_to(folder):
                raise
            raise OutputInvalid(
                f"The temporary folder {folder.parent} cannot be written: {why(error)}. Name another one in TMPDIR."
            ) from error


def has_no_room(error: OSError) -> bool:
    """Whether a system refused to write more, or to write at all."""
    return error.errno in _NO_ROOM


def mapped_blocks(path: Path, blocks: Iterable[np.ndarray], dim: int) -> np.ndarray:
    """Write blocks of rows (n, dim) one after the other, and return all rows as a read-only array mapped to the file.

    They are written before they are mapped: a page of a new mapping for which a full disk has no room ends the process
    without a word.

    Args:
        path: of a new file.
        blocks: of float32.
        dim: width of a row.

    Raises:
        OSError: the file cannot be written.
    """
    n_rows = 0
    with path.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype=np.float32).data)
            n_rows += len(block)
    return np.memmap(path, np.float32, "r", shape=(n_rows, dim)) if n_rows * dim else np.zeros((n_rows, dim), "f4")
