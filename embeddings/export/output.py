"""Where an export goes: one file that appears complete or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.store.folders import write_bytes
from embeddings.store.outputs import check_file


def save(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, in place of one that was there.

    Raises:
        OutputInvalid: there is no such folder, the path is a folder or a device, or it cannot be written.
    """
    path = Path(path)
    check_file(path)
    write_bytes(path, content)


def save_json(path: str | os.PathLike[str], document: dict[str, Any]) -> None:
    """Write JSON with one line for each key.

    Raises:
        OutputInvalid: see :func:`save`.
    """
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    save(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def numbers(vector: np.ndarray) -> list[float]:
    """Return float32 values as the shortest decimals that give them back."""
    return [float(str(value)) for value in vector]
