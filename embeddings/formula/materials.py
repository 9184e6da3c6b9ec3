"""Which formulas may be of one material: those of one formula, also where it was rounded, and not always alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embeddings.formula.rounding import whole_formulas


def materials_of(formulas: Sequence[Any], canonical: np.ndarray) -> np.ndarray:
    """Return the formula of each row's material, (n,): one for all rows that may be of the same.

    ``Fe0.176P0.118O0.706`` may be Fe3P2O12 where that is a row too, and so may ``Fe0.1765P0.1176O0.7059``; no fold may
    have one of them to train on and another to test on.

    Args:
        formulas: n formulas as the table has them.
        canonical: (n,) the same as canonical reduced formulas.
    """
    distinct, first, row_of = np.unique(canonical.astype(str), return_index=True, return_inverse=True)
    names, joined = distinct.tolist(), dict[str, str]()
    there = set(names)
    for name, row in zip(names, first.tolist(), strict=True):
        whole = whole_formulas(formulas[row])
        for other in [*whole[:1], *(one for one in whole if one in there)]:
            joined[_end(joined, name)] = _end(joined, other)
    firsts = dict[str, str]()
    material_of = [firsts.setdefault(_end(joined, name), name) for name in names]
    return np.array(material_of, dtype=object)[row_of]


def _end(joined: dict[str, str], name: str) -> str:
    """Follow names to the last that each is joined to."""
    while joined.get(name, name) != name:
        name = joined[name]
    return name
