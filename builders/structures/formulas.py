"""Canonical reduced formulas of crystals, counted from their atoms (the formula column of a source is not trusted)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np

from builders.structures.table import StructureTable
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.formula import reduced_formula


def reduced_formulas_of(table: StructureTable) -> list[str]:
    """Return the canonical reduced formula of each crystal, (n,); empty for one without atoms."""
    return [formula for part in table.parts() for formula in _formulas(part)]


def _formulas(table: StructureTable) -> Iterator[str]:
    """Yield the formula of each crystal, all of them in memory at once."""
    crystal_of_atom = np.repeat(np.arange(len(table)), table.n_sites)
    keys, counts = np.unique(crystal_of_atom * (N_ELEMENTS + 1) + table.atomic_numbers, return_counts=True)
    starts = np.searchsorted(keys, np.arange(len(table) + 1) * (N_ELEMENTS + 1))
    elements = keys % (N_ELEMENTS + 1)
    pieces = ((elements[start:stop].tolist(), counts[start:stop].tolist()) for start, stop in pairwise(starts))
    yield from (_formula(tuple(z), tuple(m // math.gcd(*n) for m in n)) for z, n in pieces)


@lru_cache(maxsize=1 << 16)
def _formula(atomic_numbers: tuple[int, ...], counts: tuple[int, ...]) -> str:
    """Spell a formula; a run meets the same one when it reads, checks and writes a crystal."""
    amounts = {SYMBOLS[z - 1]: n for z, n in zip(atomic_numbers, counts, strict=True)}
    return reduced_formula(amounts) if amounts else ""
