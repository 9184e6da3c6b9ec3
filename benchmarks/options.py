"""Options of the command line that several benchmarks have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def numbers(kind: type) -> Callable[[str], tuple[Any, ...]]:
    """Return the type of an option that takes one number or several, ``a,b,...``."""

    def numbers(text: str) -> tuple[Any, ...]:
        return tuple(kind(part) for part in text.split(","))

    return numbers
