"""What a person sees while a build runs: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from embeddings.display.text import printable


class _Console(Console):
    """A console whose reader may leave (``2>&1 | head -1``): the work goes on silently."""

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True


class Stage:
    """One stage of a build, with a known amount of work."""

    def __init__(self, console: Console, name: str, bar: Progress | None, task: TaskID | None) -> None:
        self._console, self._name, self._bar, self._task = console, name, bar, task

    def advance(self, n: int = 1) -> None:
        """Report ``n`` more pieces of work as done."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, n)

    def status(self, text: str) -> None:
        """Show the latest figures beside the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, status=printable(text))

    def milestone(self, text: str) -> None:
        """Report something worth a line of its own where there is no bar, and a status where there is."""
        if self._bar is None:
            line = printable(f"{self._name}: {text}")
            self._console.print(line, highlight=False, soft_wrap=True, markup=False, emoji=False)
        else:
            self.status(text)


class Reporter:
    """Reports what a build is doing, on standard error."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or _Console(stderr=True, quiet=quiet)

    def say(self, text: str) -> None:
        """Write one line."""
        self._console.print(printable(text), highlight=False, soft_wrap=True, markup=False, emoji=False)

    @contextmanager
    def stage(self, name: str, total: int, *, done: int = 0) -> Iterator[Stage]:
        """Open a stage of ``total`` pieces of work, ``done`` of which were finished earlier."""
        started = time.monotonic()
        if self._console.is_terminal:
            with _bar(self._console) as bar:
                yield Stage(
                    self._console, name, bar, bar.add_task(printable(name), total=total, completed=done, status="")
                )
        else:
            yield Stage(self._console, name, None, None)
        self.say(f"{name}: done in {time.monotonic() - started:.1f} s")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=console,
        transient=True,
    )
