"""Sifting of a batch: the rows that the selection keeps, and which of them no model can use, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from builders.snapshots.seen import Seen
from builders.sources import Batch, Rejected
from builders.structures.cleaning import USABLE, Selection, at_most, select, site_limit
from builders.structures.table import StructureTable, structures_from_arrow

DETAILS = {"duplicate_id": "an earlier structure has this identifier"}
DETAIL = "it is in the snapshot; builds and embeddings leave it out"


@dataclass(frozen=True)
class Sifted:
    """What is kept of a batch, and what is not.

    Attributes:
        rows: (n,) rows of the batch's table that are kept.
        left_out: reason -> number of structures that the selection left out.
        unusable: kept structures that the cleaning drops when vectors are made.
        usable: kept structures that it does not drop; None for an empty batch.
    """

    rows: np.ndarray
    left_out: dict[str, int]
    unusable: list[Rejected]
    usable: StructureTable | None


def sift(batch: Batch, selection: Selection, *, origin: str, n_kept: int, seen: Seen) -> Sifted:
    """Select from a batch, and clean what is kept as every build and embedding will.

    Args:
        batch: as the source gave it.
        selection: which structures are wanted.
        origin: whose data it is, for messages.
        n_kept: structures kept before this batch.
        seen: identifiers kept before this batch; those of this one are added.
    """
    if not len(batch.table):
        return Sifted(np.arange(0), {}, [], None)
    structures = structures_from_arrow(batch.table, origin=origin)
    rows, left_out = select(structures, selection)
    if selection.limit is not None:
        rows = rows[: max(0, selection.limit - n_kept)]
    usable, unusable = _split(structures.take(rows), seen, site_limit(selection.to_dict()))
    return Sifted(rows, left_out, unusable, usable)


def _split(table: StructureTable, seen: Seen, max_sites: int) -> tuple[StructureTable, list[Rejected]]:
    """Return the usable crystals, and the faults of the others in the order in which the cleaning looks for them."""
    is_new = seen.add(map(str, table.material_ids))
    faults = list[Rejected]()
    for reason, keep in (USABLE | {"duplicate_id": lambda _: is_new, "too_many_sites": at_most(max_sites)}).items():
        mask = keep(table)
        ids = table.material_ids[~mask]
        faults += [Rejected(str(name), reason, DETAILS.get(reason, DETAIL)) for name in ids]
        table = table if mask.all() else table.take(np.flatnonzero(mask))
    return table, faults
