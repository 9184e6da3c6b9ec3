"""Catalogs of sites: one vector for each atom of each crystal, read from disk on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embeddings.display.numbers import counted
from embeddings.errors import CatalogCorrupt, InputInvalid
from embeddings.vectors.file import DISTANCE, open_vectors, places_of, vectors_of
from embeddings.vectors.footer import Footer
from embeddings.vectors.materials import MaterialCatalog
from embeddings.vectors.unlike import warn_of_unlike

if TYPE_CHECKING:
    import pyarrow as pa

    from embeddings.vectors.file import VectorFiles

_AGAIN = "Make it again with: embeddings embed"


class Sites(NamedTuple):
    """The sites of one structure.

    Attributes:
        vectors: (n_sites, dim) float32.
        atomic_numbers: (n_sites,) int16, the element that each vector stands for.
    """

    vectors: np.ndarray
    atomic_numbers: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class SiteCatalog(MaterialCatalog):
    """The vectors of a crystal's atoms, in the order of the structure: ``catalog["mp-149"]`` is (n_sites, dim).

    The vectors stay in the file; a lookup reads the few row groups that hold them.

    Attributes:
        path: the file.
        footer: encoder, source, licenses, and what was dropped.
    """

    path: Path | str
    footer: Footer

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy opens the file again, so that another process can read it."""
        return type(self), (self.path, self.footer)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.footer.dim

    @property
    def material_ids(self) -> tuple[str, ...]:
        """Identifiers of the structures, (n,), as text."""
        return self._index[0]

    @property
    def offsets(self) -> np.ndarray:
        """(n + 1,) int64; structure ``i`` owns rows ``offsets[i]:offsets[i + 1]`` of the file."""
        return self._index[1]

    def __getitem__(self, material_id: str) -> np.ndarray:
        """Return the vectors of a structure's sites, (n_sites, dim) float32.

        Raises:
            MaterialNotCovered: no structure has this identifier.
            CatalogCorrupt: the file is damaged.
        """
        return self.lookup([material_id])[0]

    def __repr__(self) -> str:
        return f'SiteCatalog({counted(len(self), "structure")} by "{self.footer.encoder}", dim={self.dim})'

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        n = counted(self.footer.n_structures, "structure")
        return self.footer.to_html("SiteCatalog", f"one for each atom of {n}, {self.dim} wide")

    def lookup(self, material_ids: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the site vectors of many structures at once; each part of the file is read once.

        Returns:
            (n_atoms, dim) float32, structure after structure in the given order; and (n + 1,) int64 offsets:
            structure ``i`` owns rows ``offsets[i]:offsets[i + 1]``.

        Raises:
            MaterialNotCovered: names those that are not there.
            CatalogCorrupt: the file is damaged.
        """
        rows, offsets = self._rows_of(material_ids)
        vectors = np.empty((len(rows), self.dim), dtype=np.float32)
        for wanted, within, group in self._groups_of(rows):
            vectors[wanted] = vectors_of(self._read(group, "vector"))[within]
        return vectors, offsets

    def sites(self, material_id: str) -> Sites:
        """Return the vectors of a structure's sites, and the element that each stands for: what back ends take.

        The first call warns with `UnlikeTraining` if structures of the file are unlike what the encoder was trained on;
        `unlike` names them, and `distance_to_training` tells how far they are.

        Raises:
            MaterialNotCovered: no structure has this identifier.
            CatalogCorrupt: the file is damaged.
        """
        self._warn_once()
        return Sites(self[material_id], self.atomic_numbers(material_id))

    def atomic_numbers(self, material_id: str) -> np.ndarray:
        """Return what is on each site of a structure, (n_sites,) int16.

        Raises:
            MaterialNotCovered: no structure has this identifier.
            CatalogCorrupt: the file is damaged.
        """
        return self.lookup_atomic_numbers([material_id])

    def lookup_atomic_numbers(self, material_ids: Iterable[str]) -> np.ndarray:
        """Return what is on each site of many structures, (n_atoms,) int16: the rows of `lookup`.

        Raises:
            MaterialNotCovered: names those that are not there.
            CatalogCorrupt: the file is damaged.
        """
        rows, _ = self._rows_of(material_ids)
        numbers = np.empty(len(rows), dtype=np.int16)
        for wanted, within, group in self._groups_of(rows):
            numbers[wanted] = self._read(group, "atomic_number").to_numpy()[within]
        return numbers

    @cached_property
    def distance_to_training(self) -> np.ndarray | None:
        """(n,) float32, of the structures to what the encoder was trained on; None where the file does not tell.

        Raises:
            CatalogCorrupt: the file is damaged.
        """
        if self.footer.unlike is None:
            return None
        parts = [table[DISTANCE].to_numpy() for table in self._file.iter_batches(columns=[DISTANCE])]
        return np.concatenate(parts)[self.offsets[:-1]]

    @property
    def _distances(self) -> np.ndarray | None:
        return self.distance_to_training

    def _warn_once(self) -> None:
        if self._has_warned or self.footer.unlike is None:
            return
        vars(self)["_has_warned"] = True
        advice = "Their distances: catalog.distance_to_training; all of their names: catalog.unlike."
        warn_of_unlike(self.unlike, len(self), self.footer.encoder, advice=advice, stacklevel=3)

    @cached_property
    def _has_warned(self) -> bool:
        return False

    def _rows_of(self, material_ids: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the file that belong to structures, and where each structure begins among them."""
        places = places_of(self._row_of, material_ids, self)
        n_sites = np.diff(self.offsets)[places]
        offsets = np.concatenate([[0], np.cumsum(n_sites)])
        return np.arange(offsets[-1]) + np.repeat(self.offsets[places] - offsets[:-1], n_sites), offsets

    def _groups_of(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Yield for each row group: which of the rows lie in it, where in the group they lie, and its number."""
        group_of_row = np.searchsorted(self._group_starts, rows, side="right") - 1
        for group in np.unique(group_of_row).tolist():
            wanted = np.flatnonzero(group_of_row == group)
            yield wanted, rows[wanted] - self._group_starts[group], group

    def _read(self, group: int, column: str) -> pa.ChunkedArray:
        return self._file.read_row_group(group, columns=[column])[column]

    @cached_property
    def _file(self) -> VectorFiles:
        return open_vectors(self.path)[0]

    @cached_property
    def _group_starts(self) -> np.ndarray:
        about = self._file.metadata
        lengths = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
        return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {material_id: place for place, material_id in enumerate(self.material_ids)}

    @cached_property
    def _index(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Identifiers and offsets; a structure begins where the number of the site is 0."""
        material_ids: list[str] = []
        starts: list[np.ndarray] = []
        n_rows = 0
        for batch in self._file.iter_batches(columns=["material_id", "site"]):
            first = np.flatnonzero(batch["site"].to_numpy() == 0)
            material_ids += batch["material_id"].take(first).to_pylist()
            starts.append(n_rows + first)
            n_rows += len(batch)
        if len(set(material_ids)) < len(material_ids) or (n_rows and starts[0].tolist()[:1] != [0]):
            raise CatalogCorrupt(f"{self.path}: its sites are not grouped by structure. {_AGAIN}")
        return tuple(material_ids), np.concatenate([*starts, [n_rows]])


def read_site_catalog(path: Path | str) -> SiteCatalog:
    """Open a file of site vectors.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not a file of vectors of sites.
    """
    footer = open_vectors(path)[1]
    if footer.level != "site":
        raise InputInvalid(f"{path} holds vectors of level {footer.level}, not of sites.")
    return SiteCatalog(path, footer)
