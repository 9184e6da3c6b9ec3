"""A budget of time that is kept: what does not fit is left out, and said to be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from embeddings.errors import InputInvalid


@dataclass
class Clock:
    """Time that may be spent.

    Attributes:
        seconds: all of it; None for no bound.
        now: the time, in seconds.
    """

    seconds: float | None = None
    now: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.now()

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return self.now() - self.started

    def rest(self) -> Clock:
        """Return a clock of the time that is left, which begins now."""
        return Clock(None if self.seconds is None else max(0.0, self.seconds - self.spent), self.now)

    def until(self, share: float) -> Deadline:
        """Return the moment by which this share of the budget is spent."""
        return Deadline(None if self.seconds is None else self.started + share * self.seconds, self.now)


@dataclass(frozen=True)
class Deadline:
    """A moment; None for never."""

    moment: float | None = None
    now: Callable[[], float] = time.monotonic

    def allows(self, seconds: float = 0.0) -> bool:
        """Whether work of so many seconds ends in time."""
        return self.moment is None or self.now() + seconds <= self.moment

    def share(self, share: float) -> Deadline:
        """Return the moment by which this share of the time that is left is spent."""
        if self.moment is None:
            return self
        return Deadline(self.now() + share * max(0.0, self.moment - self.now()), self.now)


def check_budget(seconds: float | None) -> None:
    """Refuse a budget that is no time at all.

    Raises:
        InputInvalid: it is not above 0.
    """
    if seconds is not None and not seconds > 0:
        raise InputInvalid(f"budget is {seconds}; give a number of seconds above 0, or None for no limit.")
