"""Vectors of sites, one for each atom of a crystal, on their way into a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from embeddings.vectors.sites import Sites


def site_array(sites: Sites | tuple[Any, Any], elements: Sequence[int] | np.ndarray, name: str) -> np.ndarray:
    """Return the site vectors of one crystal, each for the element that the client has in its place.

    Args:
        sites: vectors (n_sites, dim) and the atomic numbers (n_sites,) of what they stand for.
        elements: (n_sites,) atomic numbers of the client's own graph.
        name: of the crystal, for the message.

    Returns:
        (n_sites, dim) float32, a copy.

    Raises:
        InputInvalid: vectors without atomic numbers, another shape, values that are not finite, or another element in
            some place.
    """
    if not isinstance(sites, tuple) or len(sites) != 2:
        raise InputInvalid(
            f"The vectors of {name} come as {type(sites).__name__}, which does not say which atom is which. Give "
            "(vectors, atomic_numbers), or what a catalog of sites gives."
        )
    array, numbers = np.array(sites[0], dtype=np.float32), np.asarray(sites[1])
    if array.ndim != 2 or len(array) != len(elements):
        raise InputInvalid(
            f"A graph of {name} has {counted(len(elements), 'site')} and takes ({len(elements)}, dim), not "
            f"{array.shape}."
        )
    if numbers.shape != (len(array),):
        raise InputInvalid(
            f"{name} has {counted(len(array), 'site vector')}, but atomic numbers of shape {numbers.shape}."
        )
    if not np.isfinite(array).all():
        raise InputInvalid(f"The site vectors of {name} are not all finite.")
    different = np.flatnonzero(numbers != np.asarray(elements))
    if len(different):
        place = different[0]
        raise InputInvalid(
            f"Site {place} of {name} is {_symbol(elements[place])} in the graph, but its vector is that of "
            f"{_symbol(numbers[place])}. Give the vectors in the order of the graph's atoms."
        )
    return array


def _symbol(atomic_number: Any) -> str:
    is_known = atomic_number in range(1, len(SYMBOLS) + 1)
    return SYMBOLS[int(atomic_number) - 1] if is_known else f"element {atomic_number}"
