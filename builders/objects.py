"""Structures as other packages hold them in memory, as a structure table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from builders.records import StructureTable, structures_from_arrow
from builders.sources.local_ase import parse_atoms
from builders.sources.structures import StructureRecord, Unusable, make_record, parts_of, structures_to_arrow
from embeddings.errors import InputInvalid

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


def tabulate(structures: Iterable[Structure | Atoms]) -> StructureTable:
    """Return pymatgen structures and ASE atoms as a table, identified by their place: ``"0"``, ``"1"``, ...

    Raises:
        InputInvalid: one of them is neither, is not periodic, or has shared sites; the message names its place.
    """
    records = [_record(str(place), structure) for place, structure in enumerate(structures)]
    return structures_from_arrow(structures_to_arrow(records), origin="the given structures")


def _record(place: str, structure: Structure | Atoms) -> StructureRecord:
    try:
        if hasattr(structure, "get_scaled_positions"):
            return parse_atoms(place, (structure, {}), "drop")
        return make_record(place, *parts_of(structure))
    except Unusable as error:
        raise InputInvalid(f"Structure {place} cannot be used: {error.detail}.") from error
    except (AttributeError, TypeError) as error:
        kind = type(structure).__name__
        raise InputInvalid(f"Structure {place} is {kind}; pymatgen structures and ASE atoms can be used.") from error
