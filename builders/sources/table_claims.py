"""What the other columns of a structure table say of a row, and that must hold: its formula, where it is periodic."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

from builders.sources.disorder import FULL
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable
from embeddings.formula.bulk import known_formulas

_DIRECTIONS = ("pbc", "dimension_types")
"""Columns that say along which of a, b and c a structure repeats, as ASE, pymatgen and OPTIMADE call it."""

_NUMBER_OF_THEM = "nperiodic_dimensions"
_FORMULA = "formula"

_UNKNOWN = ("none", "null", "nan")
_TRUTHS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


def claims_of(part: pa.Table) -> pa.Table:
    """Return the columns that repeat what the arrays of a structure say."""
    periodic = (*_DIRECTIONS, _NUMBER_OF_THEM)
    return part.select([name for name in part.column_names if name == _FORMULA or name.lower() in periodic])


def contradicted(claims: pa.Table, structures: StructureTable) -> dict[int, tuple[str, str]]:
    """Return the rows for which a claim does not hold, with reason and detail."""
    found = {row: ("formula_disagrees", why) for row, why in _other_formulas(claims[_FORMULA], structures).items()}
    for name in claims.column_names:
        if name != _FORMULA:
            found |= {row: ("no_cell", why) for row, why in _not_periodic(name, claims[name].to_pylist()).items()}
    return found


def _other_formulas(stated: pa.ChunkedArray, structures: StructureTable) -> dict[int, str]:
    """Return the rows whose formula is not that of their atoms; one that cannot be read contradicts nothing.

    Nor does that of a row without atoms, or with shared sites: the cleaning says what is wrong with it.
    """
    try:
        texts = stated.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        return {}
    shared, found = _with_shared_sites(structures), reduced_formulas_of(structures)
    return {
        row: f"its formula is {text[:60]}, and its atoms are {atoms}"
        for row, (text, said, atoms) in enumerate(zip(texts, known_formulas(texts), found, strict=True))
        if atoms and said is not None and said != atoms and row not in shared
    }


def _with_shared_sites(structures: StructureTable) -> set[int]:
    if structures.occupancies is None:
        return set()
    row_of_atom = np.repeat(np.arange(len(structures)), structures.n_sites)
    return set(row_of_atom[~(structures.occupancies >= FULL)].tolist())


def _not_periodic(name: str, stated: list[Any]) -> dict[int, str]:
    """Return the rows that a column says are not periodic in three directions, or of which it cannot be read."""
    if name.lower() == _NUMBER_OF_THEM:
        others = {row: value for row, value in enumerate(stated) if value is not None and value != 3 and value == value}
        return {row: f"it is not periodic in three directions ({name} {value})" for row, value in others.items()}
    return {row: why for row, value in enumerate(stated) if (why := _not_along_three(name, value))}


def _not_along_three(name: str, stated: Any) -> str | None:
    """Return why a structure is no crystal; None if it is one, or if nothing is said of it."""
    values = _values_in(stated)
    if all(value is None for value in values):
        return None
    flags = [_TRUTHS.get(f"{value:g}" if isinstance(value, float) else str(value).lower()) for value in values]
    shown = ", ".join(map(str, values))[:60]
    if None in flags or len(flags) not in (1, 3):
        return f"its {name} ({shown}) does not say along which of a, b and c it is periodic"
    return None if all(flags) else f"it is not periodic in three directions ({name} {shown})"


def _values_in(stated: Any) -> list[Any]:
    """Return the flags of a cell; none where it is a single number, which is a property."""
    if isinstance(stated, str):
        words = list(stated) if re.fullmatch("[TtFf]{3}", stated) else re.findall(r"[\w.]+", stated)
        return [None if word.lower() in _UNKNOWN else word for word in words]
    if isinstance(stated, dict):
        return list(stated.values())
    if isinstance(stated, list):
        return stated
    return [stated] if isinstance(stated, bool) else []
