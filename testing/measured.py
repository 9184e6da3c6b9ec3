"""Measurements that can be learned: values of formulas that a catalog knows of, since they were made of its vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embeddings.elements import SYMBOLS
from embeddings.formula import element_fractions
from embeddings.store.tables import write_catalog
from testing.toys import toy_provenance, toy_table

_RANDOM = np.random.default_rng(0)
_HIDDEN = dict(zip(SYMBOLS[:40], _RANDOM.normal(size=(40, 3)), strict=True))
_PAIRS = _RANDOM.choice([name for name in SYMBOLS[:40] if name not in ("He", "Ne", "Ar", "Kr")], size=(90, 2))

FORMULAS = tuple(dict.fromkeys(f"{a}{b}2" for a, b in _PAIRS if a != b))
"""Distinct formulas of two elements."""

VALUES = tuple(round(float(sum(w * _HIDDEN[e][0] for e, w in element_fractions(f).items())), 6) for f in FORMULAS)
"""A number for each formula."""


def write_knowing(root: Path, *, version: str = "1.0.0", shift: float = 0.0) -> Path:
    """Write the catalog "knowing" under a root and return its folder.

    Args:
        root: folder of catalogs.
        version: of the catalog.
        shift: is added to every vector.
    """
    vectors = {symbol: vector + shift for symbol, vector in _HIDDEN.items()}
    return write_catalog(root, toy_provenance(name="knowing", version=version), toy_table(vectors))
