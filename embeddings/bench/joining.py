"""Structures and measurements joined: a row is then a formula and its structure.

A row without a structure is set aside, named and counted: a vector made up for it would not be its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embeddings.bench.manifest import StructureUse
from embeddings.bench.measurements import Measurements, check_measurements, with_classes_that_occur
from embeddings.bench.structures import StructureVectors, described, needed_structures
from embeddings.display.numbers import counted
from embeddings.errors import ColumnNotFound, InputInvalid, MaterialNotCovered
from embeddings.tables.cells import is_blank
from embeddings.tables.sheet import SetAside

N_NAMED = 5


def with_structures(data: Measurements, structures: StructureVectors) -> Measurements:
    """Return the rows that have a structure, with its vectors; the others are set aside.

    Raises:
        ColumnNotFound: the rows have no identifiers.
        InputInvalid: too few rows have a structure.
        TargetInvalid: the values of those that have one cannot be learned.
    """
    if data.ids is None:
        raise ColumnNotFound(no_ids(structures))
    places = structures.places(data.ids)
    kept = np.flatnonzero(places >= 0)
    without = [
        SetAside(int(data.lines[row]), without_structure(data.ids[row], structures))
        for row in np.flatnonzero(places < 0)
    ]
    made = replace(
        data.take(kept),
        structures=structures.vectors[places[kept]],
        set_aside=tuple(sorted((*data.set_aside, *without), key=lambda row: row.line)),
        notes=(*data.notes, *_notes(data, places, structures)),
    )
    made = with_classes_that_occur(made)
    check_measurements(made)
    return made


def formulas_and_ids(table: Any) -> tuple[list[Any], list[Any]]:
    """Return the two columns of an array (n, 2), a frame with two columns, or a list of pairs.

    Raises:
        InputInvalid: it has other columns.
    """
    rows = table.to_numpy().tolist() if hasattr(table, "to_numpy") else list(table)
    if any(isinstance(row, str) or not hasattr(row, "__len__") or len(row) != 2 for row in rows):
        raise InputInvalid(
            "With structures, a row is a formula and the identifier of its structure: give a list of such pairs, or a "
            "frame with these two columns."
        )
    return [formula for formula, _ in rows], [one for _, one in rows]


def vectors_of_rows(ids: Sequence[Any] | None, structures: StructureVectors | None, needed: StructureUse) -> np.ndarray:
    """Return the vectors of the structures of rows, (n, d), as a model needs them.

    Raises:
        InputInvalid: there are none, or they are made by another encoder.
        MaterialNotCovered: names those that are not there.
    """
    checked, ids = needed_structures(structures, needed), ids or ()
    places = checked.places(ids)
    if absent := [str(one) for one, place in zip(ids, places, strict=True) if place < 0]:
        more = f" and {len(absent) - N_NAMED:,} more" if len(absent) > N_NAMED else ""
        raise MaterialNotCovered(f"{checked.source} has no structure {', '.join(absent[:N_NAMED])}{more}.")
    return checked.vectors[places]


def no_ids(structures: StructureVectors, table: str = "the table") -> str:
    """Say that nothing tells which structure belongs to which row."""
    such = f"such as {structures.material_ids[0]}"
    return f"No column of {table} names structures of {structures.source}, {such}; name it: --id"


def without_structure(cell: Any, structures: StructureVectors) -> str:
    """Say why a row has no structure."""
    return f"{structures.source} has no structure of that name" if not is_blank(cell) else "its structure is not named"


def _notes(data: Measurements, places: np.ndarray, structures: StructureVectors) -> list[str]:
    """Say what the structures are, and which of them have another formula than their row."""
    there = np.flatnonzero(places >= 0)
    said = [f"Structures: {described(structures.use)}, from {structures.source}."]
    other = [row for row in there if structures.formulas[places[row]] != data.formulas[row]]
    if other:
        more = f" and {len(other) - N_NAMED:,} more" if len(other) > N_NAMED else ""
        lines = ", ".join(str(data.lines[row]) for row in other[:N_NAMED])
        said.append(
            f"In {len(other):,} of {counted(len(there), 'row')} the structure has another formula than the row (line "
            f"{lines}{more}): are the identifiers right?"
        )
    return said
