"""The order of computed numbers: what differs in the last bits alone is equal, and keeps the order that it came in.

Rows are elements in order of atomic number, or what a user gave first. So the same order comes out on every processor
and with any number of threads, though sums are added up in another order there.
"""

from __future__ import annotations

import numpy as np

DIGITS = 13
"""Behind the point that count of numbers within some -1 and 1, such as cosines, which may be zero but for rounding."""

_DIGITS_OF_SINGLE = 6
_BITS, _BITS_OF_SINGLE = 42, 20


def leveled(values: np.ndarray) -> np.ndarray:
    """Return numbers of any size as float64, each rounded to the bits that count: 42 of 53, 20 of 24 in float32."""
    scale = 2.0 ** (_BITS_OF_SINGLE if values.dtype == np.float32 else _BITS)
    parts, exponents = np.frexp(values.astype(np.float64))
    return np.ldexp(np.round(parts * scale) / scale, exponents)


def ascending(values: np.ndarray) -> np.ndarray:
    """Return the row numbers of numbers of any size, lowest first, along the last axis; NaN comes last."""
    return np.argsort(leveled(values), axis=-1, kind="stable")


def descending(values: np.ndarray) -> np.ndarray:
    """Return the row numbers of numbers within some -1 and 1, highest first, along the last axis; NaN comes last."""
    digits = _DIGITS_OF_SINGLE if values.dtype == np.float32 else DIGITS
    return np.argsort(-np.round(values.astype(np.float64), digits), axis=-1, kind="stable")
