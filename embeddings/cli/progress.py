"""Progress bars, on standard error and only if somebody is looking at it; and what Ctrl-C leaves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from embeddings.cli.printing import echo

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


@contextmanager
def progress(label: str, expected: Callable[[], int], *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield what moves a bar with the time left, called with how many more things are done.

    Args:
        label: in front of the bar.
        expected: counts the things; more may come. It is called only if there is a bar.
        quiet: whether there is none.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda n: None
        return
    with click.progressbar(length=max(1, expected()), label=label, file=sys.stderr) as bar:

        def advance(n: int) -> None:
            bar.length = max(bar.length or 0, bar.pos + n + 1)  # it ends with the block
            bar.update(n)

        yield advance
        bar.update((bar.length or 0) - bar.pos)


@contextmanager
def interrupted_leaves(out: Path, *, resumes: bool = False) -> Iterator[None]:
    """After Ctrl-C, say what became of an output that appears whole or not at all.

    Args:
        out: the output.
        resumes: whether the same command goes on with what was done.
    """
    try:
        yield
    except KeyboardInterrupt:
        left = "was not written" if not out.exists() else "is what it was before"
        echo(f"Interrupted: {out} {left}. The same command {'resumes' if resumes else 'starts anew'}.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def interrupted_resumes(what: str) -> Iterator[None]:
    """After Ctrl-C, from the first import on, say that the same command goes on with what was begun; also a decorator.

    Args:
        what: is resumed, such as "run".
    """
    try:
        yield
    except KeyboardInterrupt:
        echo(f"Interrupted. The same command resumes the {what}.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
