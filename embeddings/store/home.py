"""Where this library keeps what is the user's own: a folder of the system's kind, or the one that was chosen."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from embeddings.errors import OutputInvalid

ENV_CACHE = "EMBEDDINGS_CACHE"
APPLICATION = "materials-embeddings"
MIRRORS = "registries"
"""Folder in the cache of what was fetched from registries, a root of catalogs for each."""


def cache_folder() -> Path:
    """Return the folder of what this library keeps for the user; `EMBEDDINGS_CACHE` moves it.

    Raises:
        OutputInvalid: this user has no home, and no other folder was chosen.
    """
    chosen = os.environ.get(ENV_CACHE)
    folder = Path("~")
    with suppress(RuntimeError):  # newer versions of platformdirs raise it where older ones leave the "~"
        folder = expanded(chosen or platformdirs.user_cache_dir(APPLICATION, appauthor=False))
    if str(folder).startswith("~"):
        what = f'{ENV_CACHE} is "{chosen}"' if chosen else "This user has no home folder"
        raise OutputInvalid(f"{what}, so there is no place for a cache. Set {ENV_CACHE} to a folder that you own.")
    return folder


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with a leading ``~`` expanded; that of an unknown user stays as written."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
