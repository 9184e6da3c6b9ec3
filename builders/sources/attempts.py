"""One bad structure never ends a pull: whatever goes wrong in one is its own fault, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from builders.sources import Rejected
from builders.sources.structures import StructureRecord, Unusable, structures_to_arrow

LONGEST_DETAIL = 300


def attempt(item: str, read: Callable[[], StructureRecord]) -> StructureRecord | Rejected:
    """Return the record of an item, or its fault; a parser of what others wrote fails in any way."""
    try:
        return read()
    except Unusable as fault:
        return Rejected(item, fault.reason, _short(fault.detail))
    except Exception as error:
        return Rejected(item, "unreadable", _short(f"{type(error).__name__}: {error}"))


def tabulate(
    read: Iterable[StructureRecord | Rejected], **columns: Any
) -> tuple[pa.Table, list[StructureRecord], tuple[Rejected, ...]]:
    """Return a table of records, those that are in it, and the faults, those of records that fit no column included.

    Args:
        read: what was made of each item.
        columns: as for `structures_to_arrow`.
    """
    items = list(read)
    try:
        records = [item for item in items if isinstance(item, StructureRecord)]
        return structures_to_arrow(records, **columns), records, _faults(items)
    except Exception:
        items = [item if isinstance(item, Rejected) else _alone(item, columns) for item in items]
        records = [item for item in items if isinstance(item, StructureRecord)]
        return structures_to_arrow(records, **columns), records, _faults(items)


def _alone(record: StructureRecord, columns: dict[str, Any]) -> StructureRecord | Rejected:
    def fits() -> StructureRecord:
        structures_to_arrow([record], **columns)
        return record

    return attempt(str(record.material_id), fits)


def _faults(items: Iterable[StructureRecord | Rejected]) -> tuple[Rejected, ...]:
    return tuple(item for item in items if isinstance(item, Rejected))


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_DETAIL]
