"""Records as a table, whatever a service put into some of them: a record that fits no column becomes a fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from builders.sources import Rejected
from builders.sources.structures import StructureRecord, structures_to_arrow


def tabulate(
    read: Iterable[StructureRecord | Rejected], **columns: Any
) -> tuple[pa.Table, list[StructureRecord], tuple[Rejected, ...]]:
    """Return a table of records, the records in it, and all faults, including records that fit no column.

    Args:
        read: the record or fault of each item.
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
    try:
        structures_to_arrow([record], **columns)
    except Exception as error:
        return Rejected(
            str(record.material_id), "unreadable", " ".join(f"{type(error).__name__}: {error}".split())[:300]
        )
    return record


def _faults(items: Iterable[StructureRecord | Rejected]) -> tuple[Rejected, ...]:
    return tuple(item for item in items if isinstance(item, Rejected))
