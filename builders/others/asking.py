"""Asking a potential about many crystals: for each, what it gives or the reason why it gives nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from builders.learning.devices import deterministic
from builders.others.base import Crystal, Potential, Uncovered
from builders.structures.encoding import memory_named
from builders.structures.table import StructureTable, spans

Given = TypeVar("Given")


def crystals_of(table: StructureTable) -> list[Crystal]:
    """Return the structures of a table as potentials take them."""
    atoms = [slice(*edges) for edges in zip(table.offsets[:-1], table.offsets[1:], strict=True)]
    return [
        Crystal(table.atomic_numbers[k], cell, table.frac_coords[k])
        for k, cell in zip(atoms, table.lattices, strict=True)
    ]


def asked(
    potential: Potential,
    crystals: Sequence[Crystal],
    compute: Callable[[Sequence[Any]], list[Given]],
    *,
    most: int,
    most_sites: int,
) -> Iterator[Given | str]:
    """Yield what a potential gives for each crystal, in their order, or the reason why it cannot take it.

    Args:
        potential: that is asked.
        crystals: any number.
        compute: of the potential, from graphs to what it gives for each.
        most: crystals that are asked about at once.
        most_sites: of them, unless one crystal has more.

    Raises:
        InputInvalid: the memory does not suffice.
    """
    n_sites = np.array([len(one.atomic_numbers) for one in crystals], dtype=np.int64)
    for start, stop in spans(n_sites, most=most, most_sites=most_sites):
        given: dict[int, Given | str] = {}
        graphs: dict[int, Any] = {}
        for k in range(start, stop):
            try:
                graphs[k] = potential.graph(crystals[k])
            except Uncovered as error:
                given[k] = str(error)
        if graphs:
            with memory_named(n_sites[start:stop]), deterministic(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what has no deterministic form
                given |= zip(graphs, compute(list(graphs.values())), strict=True)
        yield from (given[k] for k in range(start, stop))


def is_finite(given: Sequence[np.ndarray]) -> bool:
    """Whether nothing of what a potential gives for a crystal is NaN or infinity."""
    return all(bool(np.isfinite(values).all()) for values in given)
