"""Element tables of any origin in the form that pooling and probing take: catalogs, published tables, random rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.downstream.element_tables import covers, published, random_rows
from embeddings import load_uae
from embeddings.catalog import ElementCatalog


@dataclass(frozen=True, eq=False)
class NamedVectors:
    """Vectors of elements under a name.

    Attributes:
        name: for tables of results.
        atomic_numbers: (n_elements,) ascending.
        vectors: (n_elements, dim), finite.
    """

    name: str
    atomic_numbers: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of_rows(cls, name: str, rows: np.ndarray) -> NamedVectors:
        """Take the covered rows of a table by atomic number, (119, dim)."""
        atomic_numbers = np.flatnonzero(covers(rows))
        return cls(name, atomic_numbers, rows[atomic_numbers])

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.vectors.shape[1]


def load_vectors(
    catalogs: Sequence[ElementCatalog], published_names: Sequence[str]
) -> tuple[list[NamedVectors], list[str]]:
    """Return the vectors to compare, and a sentence about each table that is not there.

    Args:
        catalogs: to measure; they come first.
        published_names: tables of ElementEmbeddings; random rows come after them.
    """
    found = [NamedVectors(f"{one.name}@{one.version}", one.atomic_numbers, one.vectors) for one in catalogs]
    notes = []
    for name in published_names:
        rows = published(name)
        if rows is None:
            notes.append(f"{name}: not measured, ElementEmbeddings is not installed.")
        else:
            found.append(NamedVectors.of_rows(name, rows))
    return [*found, NamedVectors.of_rows("random", random_rows())], notes


def load_catalogs(names: Sequence[str]) -> list[ElementCatalog]:
    """Return catalogs by name or path."""
    return [load_uae(name) for name in names]
