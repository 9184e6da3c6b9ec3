"""Rows for a client: one vector for each element that it needs, and what stands where a catalog has none."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS, SYMBOLS, symbol
from embeddings.errors import ElementNotCovered, InputInvalid
from embeddings.loaders import as_uae
from embeddings.missing import FOR_TABLES, Missing, check_policy, described
from embeddings.pooling.coverage import stand_ins
from embeddings.protocols import CatalogLike

if TYPE_CHECKING:
    from embeddings.catalog import ElementCatalog

POLICIES = described(FOR_TABLES)
"""Every policy for an element that a catalog does not cover, and what it does or puts in place of the vector."""


Elements = Iterable[str | int] | None
"""Symbols or atomic numbers; None for those that a catalog, with its policy, gives."""


class Rows(NamedTuple):
    """Vectors in the order of their elements."""

    symbols: tuple[str, ...]
    vectors: np.ndarray  # (n, dim) float32

    @property
    def atomic_numbers(self) -> np.ndarray:
        """Atomic numbers of the rows, (n,) int64."""
        return np.array([ATOMIC_NUMBERS[name] for name in self.symbols])


def element_rows(catalog: CatalogLike, elements: Elements = None, *, missing: Missing = "raise") -> Rows:
    """Return one vector for each of the elements that a client needs.

    Args:
        catalog: the element vectors, loaded or by name.
        elements: symbols or atomic numbers; the rows keep their order, without repeats. By default the elements of
            the catalog, and all 118 with a policy that fills in.
        missing: a policy of :data:`POLICIES`. One that fills in warns, and names what it filled in.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``; the message names all of them.
        ElementUnknown: not a chemical element.
        InputInvalid: an unknown policy, or no elements.
    """
    uae, missing = as_uae(catalog), check_policy(missing, FOR_TABLES)
    if elements is None:
        elements = uae.symbols if missing == "raise" else SYMBOLS
    symbols = tuple(dict.fromkeys(map(symbol, elements)))
    if not symbols:
        raise InputInvalid("No elements were given. Name at least one, or leave the choice to the catalog.")
    absent = [name for name in symbols if name not in uae]
    if absent and missing == "raise":
        raise _not_covered(uae, absent)
    filled = _filled(uae, absent, missing)
    if filled:
        warnings.warn(f"{uae!r} has no vector for {', '.join(absent)}; each gets {POLICIES[missing]}.", stacklevel=3)
    return Rows(symbols, np.stack([filled[name] if name in filled else uae[name] for name in symbols]))


def table_by_number(catalog: CatalogLike, elements: Elements = None, *, missing: Missing = "raise") -> np.ndarray:
    """Return the rows as a table that is indexed by atomic number.

    Args:
        catalog: the element vectors, loaded or by name.
        elements: see :func:`element_rows`.
        missing: see :func:`element_rows`.

    Returns:
        (119, dim) float32. Row 0 is padding and holds zeros; an element that was left out is NaN, so that it
        cannot pass for a vector.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        ElementUnknown: not a chemical element.
        InputInvalid: an unknown policy, or no elements.
    """
    rows = element_rows(catalog, elements, missing=missing)
    table = np.full((N_ELEMENTS + 1, rows.vectors.shape[1]), np.nan, dtype=np.float32)
    table[0] = 0
    table[rows.atomic_numbers] = rows.vectors
    return table


def _filled(uae: ElementCatalog, absent: list[str], missing: Missing) -> dict[str, np.ndarray]:
    """Return symbol -> what a policy puts in place of its vector, (dim,) float32."""
    if missing == "impute":
        nearest = stand_ins(uae)
        return {name: uae[nearest[name]] for name in absent}
    filling = uae.vectors.mean(axis=0) if missing == "mean" else np.zeros(uae.dim, dtype=np.float32)
    return dict.fromkeys(absent, filling)


def _not_covered(uae: ElementCatalog, absent: list[str]) -> ElementNotCovered:
    return ElementNotCovered(
        f"{uae!r} has no vector for {', '.join(absent)}. Leave them out of the elements, or choose "
        'missing="impute", "mean" or "zeros".'
    )
