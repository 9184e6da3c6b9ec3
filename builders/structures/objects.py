"""Structures as other packages hold them in memory, as a structure table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from builders.sources.local_ase import parse_atoms
from builders.sources.structures import StructureRecord, make_record, parts_of, structures_to_arrow
from builders.structures.rejections import Unusable
from builders.structures.table import StructureTable, structures_from_arrow
from embeddings.errors import InputInvalid
from embeddings.protocols import is_structure

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


def tabulate(structures: Iterable[Structure | Atoms]) -> StructureTable:
    """Return pymatgen structures and ASE atoms as a table, identified by their place: ``"0"``, ``"1"``, ...

    Raises:
        InputInvalid: one structure is given without a list, or one of them is not a structure, is not periodic, has
            shared sites or something that is not an element; the message names its place and the cause.
    """
    is_list = isinstance(structures, Iterable) and not isinstance(structures, str | bytes | Mapping)
    if is_structure(structures) or not is_list:
        kind = type(structures).__name__
        raise InputInvalid(
            f"Give a list of structures, not one {kind}. For one structure write encode([structure]), or "
            "encoder[structure]."
        )
    records = [_record(str(place), structure) for place, structure in enumerate(structures)]
    return structures_from_arrow(structures_to_arrow(records), origin="the given structures")


def _record(place: str, structure: Structure | Atoms) -> StructureRecord:
    if not is_structure(structure):
        kind = type(structure).__name__
        raise InputInvalid(
            f"Structure {place} is {kind}; give pymatgen structures or ASE atoms. For formulas, use a composition "
            "encoder, such as cromel-multi."
        )
    try:
        if hasattr(structure, "get_scaled_positions"):
            return parse_atoms(place, (structure, {}), "drop")
        return make_record(place, *parts_of(structure))
    except Unusable as error:
        raise InputInvalid(f"Structure {place} cannot be used: {error.detail}.") from error
    except Exception as error:  # objects that others change fail in any way
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputInvalid(f"Structure {place} ({type(structure).__name__}) cannot be used: {cause}.") from error
