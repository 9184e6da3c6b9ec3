"""One process at a time: a lock file is held, and whoever comes later waits."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embeddings.display.text import shortened
from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.store.reading import why
from embeddings.store.temporaries import hold, release

ENV_WAIT = "EMBEDDINGS_WAIT_SECONDS"
_LONGEST = 600.0
_PAUSE = 0.02


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made if needed and stays; wait while somebody else holds it.

    Nobody waits longer than ten minutes, or `EMBEDDINGS_WAIT_SECONDS`. The lock of a process ends with it. Where a
    system cannot lock (see `embeddings.store.temporaries`), nobody waits.

    Raises:
        OutputInvalid: the file cannot be made, or somebody else held it all the time.
        InputInvalid: `EMBEDDINGS_WAIT_SECONDS` is no number.
    """
    try:
        path.touch()
    except OSError as error:
        raise OutputInvalid(f"{path} cannot be written: {why(error)}.") from error
    descriptor = _wait(path)
    try:
        yield
    finally:
        release(descriptor)


def _wait(path: Path) -> int | None:
    until = time.monotonic() + patience()
    while True:
        try:
            return hold(path)
        except BlockingIOError:
            if time.monotonic() > until:
                raise OutputInvalid(
                    f"Another process is working in {path.parent}. Try again when it has ended."
                ) from None
            time.sleep(_PAUSE)
        except OSError:
            return None


def patience() -> float:
    """Return the most seconds that a process waits for another one.

    Raises:
        InputInvalid: `EMBEDDINGS_WAIT_SECONDS` is no number.
    """
    chosen = os.environ.get(ENV_WAIT)
    try:
        seconds = float(chosen) if chosen else _LONGEST
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise InputInvalid(f'{ENV_WAIT} is "{shortened(str(chosen))}", not a number of seconds.')
    return seconds
