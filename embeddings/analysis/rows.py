"""What is looked into: the vectors of a catalog, given itself or by its name, or the rows of any array."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.display.numbers import share_of
from embeddings.errors import InputInvalid
from embeddings.loaders import as_uae

Elements = ElementCatalog | str | os.PathLike[str]
"""A catalog of elements, its name, or its path, as `embeddings.load_uae` takes them."""

LARGEST, SMALLEST = 1e100, 1e-100
"""Bounds of numbers and of their differences: beyond them, squares are infinite or 0."""

ROUNDING = 1e-14
"""Rows that differ by this share of their largest number are equal."""


def as_rows(data: Any) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Return vectors as float64 (n, dim), and the symbols of their elements, None for an array.

    The vectors of a catalog are scaled to unit length, so that distances follow the cosine; an array is taken as it is.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: not a catalog, and not an array of finite numbers (n, dim).
    """
    if isinstance(data, ElementCatalog | str | os.PathLike):
        catalog = as_uae(data)
        return unit_rows(catalog), catalog.symbols
    return finite_rows(data), None


def unit_rows(catalog: ElementCatalog) -> np.ndarray:
    """Return the vectors of a catalog scaled to unit length, (n, dim) float64; a vector of zeros stays."""
    rows = catalog.vectors.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def finite_rows(data: Any) -> np.ndarray:
    """Return data as float64 (n, dim), checked.

    Raises:
        InputInvalid: not two-dimensional numbers, empty, not finite, or beyond `LARGEST`.
    """
    try:
        rows = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputInvalid(f"Vectors have to be numbers of shape (n, dim): {error}.") from error
    if rows.ndim != 2 or not rows.size:
        raise InputInvalid(f"Vectors have to be of shape (n, dim) and not empty, but these are {rows.shape}.")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise InputInvalid(
            f"{share_of(len(bad), len(rows), 'row', 'holds')} NaN or infinity, the first is row {bad[0]}; leave them "
            "out."
        )
    if np.abs(rows).max() > LARGEST:
        raise InputInvalid(
            f"The largest number of these rows is {np.abs(rows).max():g}; at most {LARGEST:g} is allowed."
        )
    return rows


def spread_of(rows: np.ndarray) -> float:
    """Return the largest distance from the mean along a column; 0 where rows differ by rounding alone."""
    spread = float(np.abs(rows - rows.mean(axis=0)).max())
    return spread if spread > max(ROUNDING * float(np.abs(rows).max()), SMALLEST) else 0.0
