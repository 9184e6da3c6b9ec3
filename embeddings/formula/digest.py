"""Short hashes of formulas: enough to say whether a set held a composition, without keeping the set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from embeddings.formula.bulk import reduced_formulas

HASH_BYTES = 5
"""Bytes of a hash: among 100,000 formulas, one other in ten million passes for a member."""


def hash_formulas(formulas: Iterable[Any]) -> np.ndarray:
    """Return the first 40 bits of the SHA-256 of each canonical reduced formula, in the order given.

    Returns:
        (n, 5) uint8.

    Raises:
        FormulaInvalid: a formula cannot be read.
    """
    return hash_canonical(reduced_formulas(formulas))


def hash_canonical(formulas: Iterable[str]) -> np.ndarray:
    """Return the hashes of formulas that are canonical already: (n, 5) uint8."""
    hashes = bytearray()
    for formula in formulas:
        hashes += hashlib.sha256(formula.encode()).digest()[:HASH_BYTES]
    return np.frombuffer(bytes(hashes), dtype=np.uint8).reshape(-1, HASH_BYTES)


def formula_digest(formulas: Iterable[Any]) -> np.ndarray:
    """Return the distinct hashes of a set of formulas in ascending order: (n_distinct, 5) uint8.

    Raises:
        FormulaInvalid: a formula cannot be read.
    """
    return np.unique(hash_formulas(formulas), axis=0)


def as_integers(hashes: np.ndarray) -> np.ndarray:
    """Return 40-bit hashes, (n, 5) uint8 big-endian, as (n,) int64 of the same order."""
    padded = np.zeros((len(hashes), 8), dtype=np.uint8)
    padded[:, -HASH_BYTES:] = hashes
    return padded.view(">i8")[:, 0].astype(np.int64)
