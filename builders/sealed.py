"""Files that carry a hash of their own content, for what a run keeps for itself: damage is met before it is used.

The hash is the last line, so that readers of the format itself (torch, NumPy) take the file as it is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from embeddings.folders import atomic_file

_MARK = b"\nsha256:"
_SIZE = len(_MARK) + 64 + 1  # the mark, the hash in hexadecimal, a line break


class SealBroken(ValueError):
    """A file does not have the content that was sealed."""


def write_sealed(path: Path, content: bytes | memoryview, *, advice: str = "") -> None:
    """Write a file atomically and durably, with the SHA-256 of its content as its last line.

    Args:
        path: the file.
        content: what it holds.
        advice: what to do if it cannot be written, for the message.

    Raises:
        OutputInvalid: it cannot be written.
    """
    with atomic_file(path, advice=advice) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.write(_seal(content))


def read_sealed(path: Path) -> bytes:
    """Return the content that `write_sealed` was given.

    Raises:
        SealBroken: the file has another content, or no seal.
        OSError: it cannot be read.
    """
    whole = path.read_bytes()
    content, seal = whole[:-_SIZE], whole[-_SIZE:]
    if seal != _seal(content):
        raise SealBroken("its content does not have the SHA-256 that it was written with")
    return content


def _seal(content: bytes | memoryview) -> bytes:
    return _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"
