"""What encoders are asked for: structures of any kind as a table, in which nothing is that a network could not take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from builders.structures.cleaning import ENCODABLE, apply_filters, at_most
from builders.structures.table import StructureTable
from embeddings.display.numbers import counted, share_of
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.errors import ElementNotCovered, InputInvalid
from embeddings.protocols import EncoderOfCrystals

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    Structures: TypeAlias = StructureTable | Iterable[Structure | Atoms]


def table_of(structures: Structures) -> StructureTable:
    """Return a table, pymatgen structures or ASE atoms as a table.

    Raises:
        InputInvalid: something is not a structure.
    """
    if isinstance(structures, StructureTable):
        return structures
    from builders.structures.objects import tabulate

    return tabulate(structures)


def encodable(structures: Structures, encoder: EncoderOfCrystals) -> StructureTable:
    """Return structures as a table, all of which an encoder can take.

    Raises:
        ElementNotCovered: the encoder was not trained on some element.
        InputInvalid: something is not a structure, has no atoms or more than `max_sites`, or has no usable cell or
            coordinates.
    """
    table = table_of(structures)
    covered = encoder.covers(table)
    if not covered.all():
        unknown = np.setdiff1d(table.atomic_numbers, encoder.atomic_numbers).tolist()
        raise ElementNotCovered(
            f"{encoder!r} was not trained on {', '.join(map(_name, unknown))}, in {(~covered).sum():,} of "
            f"{counted(len(table), 'structure')}. Leave these out; encoder.covers(structures) tells which structures "
            "remain."
        )
    n_empty = int((table.n_sites == 0).sum())
    if n_empty:
        raise InputInvalid(f"{share_of(n_empty, len(table), 'structure', 'has')} no atoms. Leave these out.")
    _, unfit = apply_filters(table, ENCODABLE | {"too_many_sites": at_most(encoder.max_sites)})
    if unfit:
        counts = ", ".join(f"{n} {reason}" for reason, n in unfit.items())
        raise InputInvalid(
            f"{sum(unfit.values())} of {counted(len(table), 'structure')} cannot be encoded: {counts} (the most sites "
            f"are {encoder.max_sites:,}; encoder.max_sites raises it). Leave them out."
        )
    return table


def _name(atomic_number: int) -> str:
    return SYMBOLS[atomic_number - 1] if 1 <= atomic_number <= N_ELEMENTS else f"element {atomic_number}"
