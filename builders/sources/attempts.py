"""One bad structure never ends a pull: whatever goes wrong in one is its own fault, by name."""

from __future__ import annotations

from collections.abc import Callable

from builders.sources import Rejected
from builders.sources.structures import StructureRecord, Unusable

LONGEST_DETAIL = 300


def attempt(item: str, read: Callable[[], StructureRecord]) -> StructureRecord | Rejected:
    """Return the record of an item, or its fault; a parser of what others wrote fails in any way."""
    try:
        return read()
    except Unusable as fault:
        return Rejected(item, fault.reason, _short(fault.detail))
    except Exception as error:
        return Rejected(item, "unreadable", _short(f"{type(error).__name__}: {error}"))


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_DETAIL]
