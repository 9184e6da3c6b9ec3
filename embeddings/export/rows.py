"""Rows for a client: one vector for each element that it needs, and what stands where a catalog has none."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS, SYMBOLS, symbol
from embeddings.errors import ElementNotCovered, InputInvalid, did_you_mean

POLICIES = {
    "raise": "stop, and name every element without a vector",
    "mean": "the mean of the catalog's vectors",
    "zeros": "a vector of zeros",
}
"""Every policy for elements that a catalog does not cover, and what it does."""


class Rows(NamedTuple):
    """Vectors in the order of their elements."""

    symbols: tuple[str, ...]
    vectors: np.ndarray  # (n, dim) float32

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers of the rows, (n,) int64."""
        return np.array([ATOMIC_NUMBERS[name] for name in self.symbols])


def element_rows(
    catalog: ElementCatalog, elements: Iterable[str | int] | None = None, *, missing: str = "raise"
) -> Rows:
    """Return one vector for each of the elements that a client needs.

    Args:
        catalog: the element vectors.
        elements: symbols or atomic numbers; the rows keep their order, without repeats. By default the elements of
            the catalog, and with ``"mean"`` or ``"zeros"`` all 118.
        missing: a policy of :data:`POLICIES`. One that fills in warns, and names what it filled in.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``; the message names all of them.
        ElementUnknown: not a chemical element.
        InputInvalid: an unknown policy, or no elements.
    """
    _check_policy(missing)
    if elements is None:
        elements = catalog.symbols if missing == "raise" else SYMBOLS
    symbols = tuple(dict.fromkeys(map(symbol, elements)))
    if not symbols:
        raise InputInvalid("No elements were asked for; name at least one, or leave the choice to the catalog.")
    absent = [name for name in symbols if name not in catalog]
    if absent and missing == "raise":
        raise _not_covered(catalog, absent)
    if absent:
        warnings.warn(
            f"{catalog!r} has no vector for {', '.join(absent)}; each gets {POLICIES[missing]}.", stacklevel=3
        )
    filling = catalog.vectors.mean(axis=0) if missing == "mean" else np.zeros(catalog.dim, dtype=np.float32)
    vectors = dict.fromkeys(symbols, filling) | {name: catalog[name] for name in symbols if name in catalog}
    return Rows(symbols, np.stack(list(vectors.values())))


def table_by_number(
    catalog: ElementCatalog, elements: Iterable[str | int] | None = None, *, missing: str = "raise"
) -> np.ndarray:
    """Return the rows as a table that is indexed by atomic number.

    Args:
        catalog: the element vectors.
        elements: see :func:`element_rows`.
        missing: see :func:`element_rows`.

    Returns:
        (119, dim) float32. Row 0 is padding and holds zeros; an element that was not asked for is NaN, so that it
        cannot pass for a vector.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        ElementUnknown: not a chemical element.
        InputInvalid: an unknown policy, or no elements.
    """
    rows = element_rows(catalog, elements, missing=missing)
    table = np.full((N_ELEMENTS + 1, catalog.dim), np.nan, dtype=np.float32)
    table[0] = 0
    table[rows.atomic_numbers] = rows.vectors
    return table


def _check_policy(missing: str) -> None:
    if missing not in POLICIES:
        known = ", ".join(POLICIES)
        raise InputInvalid(f'No policy missing="{missing}".{did_you_mean(str(missing), POLICIES)} Known: {known}.')


def _not_covered(catalog: ElementCatalog, absent: list[str]) -> ElementNotCovered:
    return ElementNotCovered(
        f'{catalog!r} has no vector for {", ".join(absent)}. Leave them out of the elements, or choose missing="mean" '
        'or "zeros".'
    )
