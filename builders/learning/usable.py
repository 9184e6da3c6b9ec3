"""The structures of a snapshot that a build can use, part by part, so that they never have to fit into memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from builders.runs.arrays import ArrayWriter, stored_arrays
from builders.runs.code import code_hash
from builders.runs.identity import identity_of
from builders.snapshots.seen import Seen
from builders.snapshots.snapshot import Snapshot, read_by_part, read_structures
from builders.structures.cleaning import USABLE, Filter, apply_filters, at_most, site_limit
from builders.structures.mapped import append_table, mapped_table
from builders.structures.table import StructureTable

FOLDER = "packed"
"""Below the folder of work: what builds keep in files in place of memory."""

TOO_LARGE = "too_many_sites_for_recipe"


def usable_structures(
    snapshot: Snapshot, *, max_sites: int | None, work: Path | None
) -> tuple[StructureTable, dict[str, int]]:
    """Return the structures that can be used, and the counts of the others by reason.

    Args:
        snapshot: the structures.
        max_sites: of a recipe; None for no limit beyond that of the snapshot.
        work: folder under which they are kept in files, made once; None to keep them in memory.

    Raises:
        SourceError: a part of the snapshot is missing or altered.
        OutputInvalid: the files cannot be written.
    """
    filters = USABLE | {"too_many_sites": at_most(site_limit(snapshot.query))}
    filters |= {} if max_sites is None else {TOO_LARGE: at_most(max_sites)}
    if work is None:
        return apply_filters(read_structures(snapshot), filters)
    identity = identity_of("structures", snapshot.sha256, site_limit(snapshot.query), max_sites, code_hash([]))
    folder = work / FOLDER / f"structures-{identity[:12]}"
    arrays = stored_arrays(folder, identity, lambda writer: _write(writer, snapshot, filters))
    return mapped_table(arrays, folder, identity), dict(arrays.about["dropped"])


def _write(writer: ArrayWriter, snapshot: Snapshot, filters: dict[str, Filter]) -> None:
    """Write what passes all filters, one part of the snapshot after the other."""
    dropped, seen = Counter[str](), Seen()
    filters = filters | {"duplicate_id": lambda table: seen.add(map(str, table.material_ids))}  # the first of all
    for table in read_by_part(snapshot):
        rest, away = apply_filters(table, filters)
        dropped.update(away)
        append_table(writer, rest)
    writer.about["dropped"] = {reason: dropped[reason] for reason in filters if dropped[reason]}
