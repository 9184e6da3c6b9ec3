"""Element tables to compare with, as rows by atomic number.

Every table is (119, dim) float32. Row 0 and the rows of elements that the table lacks are NaN, so that they cannot be
mistaken for vectors. A table whose package is not installed is None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS, SYMBOLS
from embeddings.errors import InputInvalid

PUBLISHED = ("megnet16", "mat2vec", "magpie", "mace_mp0")
"""Tables of ElementEmbeddings to compare with, one of each kind."""

ATOM_INIT_FILES = {
    "jarvis": "core/atom_init.json",
    "matminer": "utils/data_files/cgcnn_atom_feature.json",
}
"""Package -> file within it that has the atom features of CGCNN."""


def catalog_rows(catalog: ElementCatalog) -> np.ndarray:
    """Return the vectors of a catalog as they are published."""
    return _by_number(dict(zip(catalog.symbols, catalog.vectors, strict=True)))


def one_hot() -> np.ndarray:
    """Return (119, 118): a column for each element."""
    return _by_number(dict(zip(SYMBOLS, np.eye(N_ELEMENTS), strict=True)))


def random_rows(dim: int = 128, *, seed: int = 0) -> np.ndarray:
    """Return rows from the standard normal distribution: they tell elements apart and mean nothing else."""
    return _by_number(dict(zip(SYMBOLS, np.random.default_rng(seed).normal(size=(N_ELEMENTS, dim)), strict=True)))


def atom_init() -> np.ndarray | None:
    """Return the 92 features of CGCNN for the first 100 elements, or None where no installed package brings them.

    Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018): group, period, electronegativity and so on, each as one of
    several intervals.
    """
    for package, place in ATOM_INIT_FILES.items():
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            features = json.loads((Path(spec.submodule_search_locations[0]) / place).read_text(encoding="utf-8"))
            return _by_number({SYMBOLS[int(z) - 1]: vector for z, vector in features.items()})
    return None


def published(name: str) -> np.ndarray | None:
    """Return a table of ElementEmbeddings, or None where that is not installed.

    Columns are scaled to zero mean and unit spread over the elements that the table has: some tables are in physical
    units from 0.1 to 1,000, which no back end can learn from.

    Raises:
        InputInvalid: ElementEmbeddings has no such table.
    """
    try:
        from elementembeddings.core import Embedding
    except ImportError:
        return None
    try:
        vectors = Embedding.load_data(name).embeddings
    except KeyError as error:
        raise InputInvalid(
            f'ElementEmbeddings has no table "{name}"; it has {", ".join(PUBLISHED)} and more.'
        ) from error
    return standardized(_by_number({symbol: row for symbol, row in vectors.items() if symbol in ATOMIC_NUMBERS}))


def standardized(rows: np.ndarray) -> np.ndarray:
    """Return the rows with each column at zero mean and unit spread; a constant column becomes zero."""
    spread = np.nanstd(rows, axis=0)
    return (rows - np.nanmean(rows, axis=0)) / np.where(spread > 0, spread, 1)


def covers(rows: np.ndarray) -> np.ndarray:
    """Return (119,) bool, True where a table has a row."""
    return np.isfinite(rows).all(axis=1)


def _by_number(vectors: Mapping[str, Sequence[float] | np.ndarray]) -> np.ndarray:
    rows = np.full((N_ELEMENTS + 1, len(next(iter(vectors.values())))), np.nan, dtype=np.float32)
    for symbol, vector in vectors.items():
        rows[ATOMIC_NUMBERS[symbol]] = vector
    return rows
