"""One bad structure never ends a pull: whatever its parser raises becomes a named fault of that item."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from builders.sources import Rejected
from builders.structures.rejections import Unusable
from embeddings.display.text import one_line
from embeddings.errors import EmbeddingsError

Made = TypeVar("Made")

LONGEST_DETAIL = 300
"""Characters of a detail that are kept."""


def attempt(item: str, make: Callable[[], Made], *, place: str = "") -> Made | Rejected:
    """Make the record of an item, or all of them where it holds several; or return what is wrong with it.

    Args:
        item: its name, for people.
        make: makes it.
        place: where in the item, such as a block; empty where the item is one structure.

    Raises:
        EmbeddingsError: the fault concerns more than this item.
    """
    try:
        return make()
    except Unusable as fault:
        return rejected(item, fault.reason, fault.detail, place=place)
    except EmbeddingsError:
        raise
    except Exception as error:  # a parser of foreign data may raise anything
        return rejected(item, "unreadable", f"{type(error).__name__}: {error}", place=place)


def rejected(item: str, reason: str, detail: str, *, place: str = "") -> Rejected:
    """Return a fault whose texts can be written to any file and shown on any terminal."""
    return Rejected(one_line(item), reason, one_line(" ".join(detail.split()))[:LONGEST_DETAIL], one_line(place))
