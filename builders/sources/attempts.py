"""One bad structure never ends a pull: whatever its parser raises becomes a named fault of that item."""

from __future__ import annotations

from collections.abc import Callable

from builders.rejections import Unusable
from builders.sources import Rejected
from builders.sources.structures import StructureRecord
from embeddings.errors import EmbeddingsError
from embeddings.text import one_line

LONGEST_DETAIL = 300
"""Characters of a detail that are kept."""


def attempt(item: str, make: Callable[[], StructureRecord]) -> StructureRecord | Rejected:
    """Make a record, or say what is wrong with the item.

    Args:
        item: its name, for people.
        make: makes the record.

    Raises:
        EmbeddingsError: what stands in the way concerns more than this item.
    """
    try:
        return make()
    except Unusable as fault:
        return rejected(item, fault.reason, fault.detail)
    except EmbeddingsError:
        raise
    except Exception as error:  # a parser of foreign data fails in any way
        return rejected(item, "unreadable", f"{type(error).__name__}: {error}")


def rejected(item: str, reason: str, detail: str) -> Rejected:
    """Return a fault whose item and detail can be written to any file and shown on any terminal."""
    return Rejected(one_line(item), reason, one_line(" ".join(detail.split()))[:LONGEST_DETAIL])
