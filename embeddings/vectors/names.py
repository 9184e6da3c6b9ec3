"""What files and folders of vectors are called; cheap, since every name of a catalog is asked whether it is one."""

from __future__ import annotations

import os
from pathlib import Path

from embeddings.store.urls import is_url

ENDING = ".parquet"

FIRST = "part-00000.parquet"
"""The first file of a folder."""


def file_name(number: int) -> str:
    """Return the name of a file of a folder; names sort as their numbers do."""
    return f"part-{number:05d}{ENDING}"


def is_vectors(name: str) -> bool:
    """Whether a name can only be that of a file or a folder of vectors: here, or behind a URL that ends in a slash."""
    if name.endswith(ENDING):
        return True
    return name.endswith("/") if is_url(name) else os.path.isfile(os.path.join(name, FIRST))


def place_of(name: str) -> Path | str:
    """Return the path that a name of a file or folder of vectors is, or the URL as it is."""
    return name if is_url(name) else Path(name).expanduser()
