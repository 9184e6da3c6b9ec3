"""Files that a run keeps for itself carry the hash of their content, so that a changed byte is found before use.

In JSON the hash stands under the last key. In any other file it is the last line, so that readers of the format itself
(torch, NumPy) take the file as it is.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from embeddings.store.folders import atomic_file

SEAL = "seal"
"""The key under which the hash stands, last."""

_MARK = b"\nsha256:"
_SIZE = len(_MARK) + 64 + 1  # the mark, the hash in hexadecimal, a line break


def sealed(document: dict[str, Any], *, indent: int | None = None) -> str:
    """Return a JSON object with its seal, and a line feed."""
    separators = None if indent else (",", ":")
    content = json.dumps(document, indent=indent, separators=separators)
    seal = hashlib.sha256(content.encode()).hexdigest()
    return json.dumps(document | {SEAL: seal}, indent=indent, separators=separators) + "\n"


def unsealed(text: str, *, indent: int | None = None) -> dict[str, Any]:
    """Return the JSON object of a text that `sealed` wrote.

    Raises:
        ValueError: not a byte of it may differ, and one does.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict):
            document.pop(SEAL, None)
            if sealed(document, indent=indent) == text:
                return document
    except RecursionError:
        pass
    raise ValueError("its content does not match its seal")


class SealBroken(ValueError):
    """The content of a file is not what was sealed."""


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
        file.write(_last_line(content))


def read_sealed(path: Path) -> bytes:
    """Return the content that `write_sealed` was given.

    Raises:
        SealBroken: the file has another content, or no seal.
        OSError: it cannot be read.
    """
    whole = path.read_bytes()
    content, seal = whole[:-_SIZE], whole[-_SIZE:]
    if seal != _last_line(content):
        raise SealBroken("its content does not match the SHA-256 that it was written with")
    return content


def _last_line(content: bytes | memoryview) -> bytes:
    return _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"
