"""Catalogs of structures: one vector for each crystal, looked up by its identifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.display.numbers import counted
from embeddings.errors import CatalogCorrupt, InputInvalid, needs
from embeddings.search.ordering import ascending, descending
from embeddings.vectors.file import DISTANCE, open_vectors, places_of, vectors_of
from embeddings.vectors.footer import Footer
from embeddings.vectors.materials import MaterialCatalog

if TYPE_CHECKING:
    import pandas as pd

    from embeddings.search.collections import Encode, InMemory
    from embeddings.search.folded import Folded
    from embeddings.search.matches import Match
    from embeddings.search.neighbors import Metric


@dataclass(frozen=True, eq=False, repr=False)
class StructureCatalog(MaterialCatalog):
    """One vector for each crystal: ``catalog["mp-149"]``.

    Attributes:
        footer: encoder, source, licenses, and what was dropped.
        material_ids: (n,) identifiers, as text.
        formulas: (n,) canonical reduced formulas.
        vectors: (n, dim) float32, read-only.
        encode_structure: makes vectors of other structures, to search for them; `embeddings.load_catalog` gives it.
        distance_to_training: (n,) float32, to what the encoder was trained on; None where the file does not tell.
    """

    footer: Footer
    material_ids: tuple[str, ...]
    formulas: tuple[str, ...]
    vectors: np.ndarray
    encode_structure: Encode | None = None
    distance_to_training: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.vectors.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are read-only again."""
        fields = (self.footer, self.material_ids, self.formulas, self.vectors, self.encode_structure)
        return type(self), (*fields, self.distance_to_training)

    @property
    def _distances(self) -> np.ndarray | None:
        return self.distance_to_training

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
        return f'StructureCatalog({counted(len(self), "structure")} by "{self.footer.encoder}", dim={self.dim})'

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        n = counted(self.footer.n_structures, "structure")
        return self.footer.to_html("StructureCatalog", f"{n}, {self.dim} wide")

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {material_id: row for row, material_id in enumerate(self.material_ids)}

    def lookup(self, material_ids: Iterable[str]) -> np.ndarray:
        """Return the vectors of the given structures in the given order, (n, dim) float32.

        Raises:
            MaterialNotCovered: names those that are not there.
        """
        return self.vectors[places_of(self._row_of, material_ids, self)]

    def neighbors(self, like: Any, k: int = 5, *, metric: Metric = "cosine") -> list[tuple[str, float]]:
        """Return the structures nearest to one, nearest first, as ``[("mp-32", 0.93), ...]``.

        `nearest` also tells their formulas, takes conditions, and is faster for many searches.

        Args:
            like: the identifier of a structure, whose neighbors are the others; or a pymatgen structure, ASE atoms, or
                a vector (dim,).
            k: how many; all where there are fewer.
            metric: ``"cosine"`` similarity, descending, or ``"euclidean"`` distance, ascending.

        Raises:
            MaterialNotCovered: no structure has this identifier.
            InputInvalid: `k` is below 1, the metric is unknown, or a vector has another width.
            EmbeddingsError: the structure cannot be encoded.
        """
        if k < 1:
            raise InputInvalid(f"k={k} must be at least 1.")
        if isinstance(like, str):
            row = int(places_of(self._row_of, [like], self)[0])
            vector = self.vectors[row]
        else:
            from embeddings.search.likes import query_of

            row, vector = -1, query_of(like, self._rows).vectors[0]
        values = _compare(self.vectors, vector, metric)
        order = descending(values) if metric == "cosine" else ascending(values)
        return [(self.material_ids[other], float(values[other])) for other in order[order != row][:k]]

    def nearest(
        self, like: Any, k: int = 10, *, where: str | None = None, table: Any = None, columns: Sequence[str] = ()
    ) -> list[Match]:
        """Return the structures whose vectors have the largest cosine with that of one, the largest first.

        The search is exact. The first one makes the vectors ready for all that follow.

        Args:
            like: the identifier of a structure, which is not among its own neighbors; the path of a structure file; a
                formula, for all structures of it; a pymatgen structure, ASE atoms, or a vector (dim,). What is not in
                the file is encoded by the encoder that made the file.
            k: how many; all where there are fewer.
            where: conditions on columns, such as ``"formula contains O and band_gap > 1"``.
            table: more columns by identifier: the path of a Parquet, CSV or TSV file, or a data frame.
            columns: what else is told of each.

        Raises:
            MaterialNotCovered: no structure has this identifier or formula.
            InputInvalid: `k` is below 1, or conditions, a vector or the table cannot be used.
            ColumnNotFound: there is no such column.
            EmbeddingsError: a structure cannot be read or encoded.

        Example:
            >>> load_catalog("vectors.parquet").nearest("mp-149", where="formula contains O")  # doctest: +SKIP
            [Match(material_id='mp-7000', formula='SiO2', cosine=0.871, like='mp-149', columns={}), ...]
        """
        from embeddings.search.collections import InMemory
        from embeddings.search.matches import search
        from embeddings.search.tables import JoinedTable

        among = self._rows if table is None else InMemory(self, JoinedTable.read(table))
        return search(among, like, k, where=where, columns=columns, ready=self._folded)

    def near_duplicates(self, least: float = 0.999) -> list[tuple[str, ...]]:
        """Return groups of structures whose vectors are all but the same, the largest first, as identifiers.

        Each structure is linked to another one of its group by a cosine of `least` or more.

        Raises:
            InputInvalid: `least` is not above 0 and at most 1.
        """
        from embeddings.search.duplicates import near_duplicates

        found = near_duplicates(self.vectors, least)
        parts = np.split(found.rows, np.flatnonzero(np.diff(found.groups)) + 1) if found.n_groups else []
        return [tuple(self.material_ids[row] for row in part) for part in parts]

    def diverse(self, n: int) -> tuple[str, ...]:
        """Return n structures that are far from each other: the most typical one, then always the farthest from those.

        Raises:
            InputInvalid: `n` is below 1.
        """
        from embeddings.search.diverse import diverse_rows

        return tuple(self.material_ids[row] for row in diverse_rows(self.vectors, n)[0])

    @cached_property
    def _rows(self) -> InMemory:
        from embeddings.search.collections import InMemory

        return InMemory(self)

    @cached_property
    def _folded(self) -> Folded:
        from embeddings.search.folded import Folded

        return Folded.of(self.vectors)

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame indexed by identifier, with the columns ``formula``, ``v0``, ``v1``, ...

        Raises:
            MissingExtra: pandas is not installed.
        """
        with needs("pandas", "sklearn"):
            import pandas as pd
        index = pd.Index(self.material_ids, name="material_id")
        frame = pd.DataFrame(self.vectors.copy(), index=index, columns=[f"v{i}" for i in range(self.dim)])
        frame.insert(0, "formula", self.formulas)
        return frame


def read_structure_catalog(path: Path | str, *, encode: Encode | None = None) -> StructureCatalog:
    """Read a file of structure vectors into memory.

    Args:
        path: of the file.
        encode: makes vectors of other structures, to search for them.

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
    distances = None if footer.unlike is None else rows[DISTANCE].to_numpy()
    return StructureCatalog(footer, material_ids, formulas, vectors_of(rows["vector"]), encode, distances)


def _compare(vectors: np.ndarray, vector: np.ndarray, metric: str) -> np.ndarray:
    """Return the cosine or the distance of every row and one vector, (n,) float32."""
    if metric == "euclidean":
        return np.linalg.norm(vectors - vector, axis=1)
    if metric != "cosine":
        raise InputInvalid(f'Metric "{metric}" is not known; use "cosine" or "euclidean".')
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    values = np.divide(vectors @ vector, lengths, out=np.zeros(len(vectors), np.float32), where=lengths > 0)
    return np.clip(values, -1, 1)
