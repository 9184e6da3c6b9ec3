"""Catalogs of structures: one vector for each crystal, looked up by its identifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import CatalogCorrupt, InputInvalid, MissingExtra
from embeddings.search.ordering import ascending, descending
from embeddings.vectors.file import Footer, open_vectors, places_of, vectors_of
from embeddings.vectors.materials import MaterialCatalog

if TYPE_CHECKING:
    import pandas as pd

    from embeddings.search.neighbors import Metric


@dataclass(frozen=True, eq=False, repr=False)
class StructureCatalog(MaterialCatalog):
    """One vector for each crystal: ``catalog["mp-149"]``.

    Attributes:
        footer: encoder, source, licenses, and what was dropped.
        material_ids: (n,) identifiers, as text.
        formulas: (n,) canonical reduced formulas.
        vectors: (n, dim) float32, read-only.
    """

    footer: Footer
    material_ids: tuple[str, ...]
    formulas: tuple[str, ...]
    vectors: np.ndarray

    def __post_init__(self) -> None:
        self.vectors.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are read-only again."""
        return type(self), (self.footer, self.material_ids, self.formulas, self.vectors)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.vectors.shape[1]

    def __getitem__(self, material_id: str) -> np.ndarray:
        """Return the vector of a structure, (dim,) float32, a read-only view.

        Raises:
            MaterialNotCovered: no structure has this identifier.
        """
        return self.vectors[places_of(self._row_of, [material_id], self)[0]]

    def __repr__(self) -> str:
        return f'StructureCatalog({len(self)} structures by "{self.footer.encoder}", dim={self.dim})'

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        n = f"{self.footer.n_structures:,} structures"
        return self.footer.to_html("StructureCatalog", f"{n}, {self.dim} wide")

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {material_id: row for row, material_id in enumerate(self.material_ids)}

    def lookup(self, material_ids: Sequence[str]) -> np.ndarray:
        """Return the vectors of the given structures in the given order, (n, dim) float32.

        Raises:
            MaterialNotCovered: names those that are not there.
        """
        return self.vectors[places_of(self._row_of, material_ids, self)]

    def neighbors(self, material_id: str, k: int = 5, *, metric: Metric = "cosine") -> list[tuple[str, float]]:
        """Return the structures nearest to one, nearest first, as ``[("mp-32", 0.93), ...]``.

        Args:
            material_id: whose neighbors.
            k: how many; all the others where there are fewer.
            metric: ``"cosine"`` similarity, descending, or ``"euclidean"`` distance, ascending.

        Raises:
            MaterialNotCovered: no structure has this identifier.
            InputInvalid: `k` is below 1, or the metric is unknown.
        """
        if k < 1:
            raise InputInvalid(f"k={k} must be at least 1.")
        row = int(places_of(self._row_of, [material_id], self)[0])
        values = _compare(self.vectors, self.vectors[row], metric)
        order = descending(values) if metric == "cosine" else ascending(values)
        return [(self.material_ids[other], float(values[other])) for other in order[order != row][:k]]

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame indexed by identifier, with the columns ``formula``, ``v0``, ``v1``, ...

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtra.of("pandas", "sklearn") from error
        index = pd.Index(self.material_ids, name="material_id")
        frame = pd.DataFrame(self.vectors.copy(), index=index, columns=[f"v{i}" for i in range(self.dim)])
        frame.insert(0, "formula", self.formulas)
        return frame


def read_structure_catalog(path: Path) -> StructureCatalog:
    """Read a file of structure vectors into memory.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not a file of vectors of structures.
    """
    file, footer = open_vectors(path)
    if footer.level != "structure":
        raise InputInvalid(f"{path} holds vectors of level {footer.level}, not of structures.")
    rows = file.read()
    material_ids, formulas = (tuple(rows[name].to_pylist()) for name in ("material_id", "formula"))
    if len(set(material_ids)) < len(material_ids):
        raise CatalogCorrupt(f"{path} has two rows with the same identifier. Make it again with: embeddings embed")
    return StructureCatalog(footer, material_ids, formulas, vectors_of(rows["vector"]))


def _compare(vectors: np.ndarray, vector: np.ndarray, metric: str) -> np.ndarray:
    """Return the cosine or the distance of every row and one vector, (n,) float32."""
    if metric == "euclidean":
        return np.linalg.norm(vectors - vector, axis=1)
    if metric != "cosine":
        raise InputInvalid(f'Metric "{metric}" is not known; use "cosine" or "euclidean".')
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    return np.divide(vectors @ vector, lengths, out=np.zeros(len(vectors), np.float32), where=lengths > 0)
