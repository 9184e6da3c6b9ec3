"""Progress bars: on standard error, and only if somebody is looking at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


def is_watched() -> bool:
    """Whether standard error is a terminal."""
    return sys.stderr.isatty()


@contextmanager
def file_progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield what moves a bar, called with how much of a file is done and how much there is."""
    if quiet or not is_watched():
        yield lambda done, total: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def move(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield move
