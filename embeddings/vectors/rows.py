"""The rows of a file of vectors, each by a name of its own, read without their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.display.numbers import counted
from embeddings.elements import SYMBOLS
from embeddings.errors import CatalogCorrupt, InputInvalid
from embeddings.vectors.file import open_vectors, read_pages, vectors_of
from embeddings.vectors.footer import Level

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS: dict[Level, list[str]] = {
    "structure": ["material_id", "formula"],
    "site": ["material_id", "site", "atomic_number"],
}


class FileRows:
    """The rows of a file of vectors of structures or sites: names and formulas in memory, vectors on disk.

    Attributes:
        path: the file.
        footer: what it says of itself.
        level: what a row is.
        keys: (n,) names of the rows: the identifier of a structure, and the number of a site behind it.
        formulas: (n,) of the structures; of sites, the symbols of their elements.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged, or has two rows of the same name.
        InputInvalid: not a file of vectors of structures or sites.
    """

    def __init__(self, path: Path | str) -> None:
        import pyarrow.compute as pc

        self.path = path
        self._file, self.footer = open_vectors(path)
        self.level = self.footer.level
        if self.level not in _KEYS:
            raise InputInvalid(f"{path} holds vectors of elements. Give two such files, or two of structures or sites.")
        self.keys, self.formulas = self._read()
        n_distinct = pc.count_distinct(self.keys).as_py()
        if n_distinct < len(self.keys):
            raise CatalogCorrupt(
                f"{path} names {counted(len(self.keys) - n_distinct, 'row')} more than once. Make it again with: "
                "embeddings embed"
            )

    def _read(self) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        import pyarrow as pa
        import pyarrow.compute as pc

        keys, formulas = [], []
        for table in self._file.iter_batches(_KEYS[self.level]):
            ids = table["material_id"].combine_chunks()
            if self.level == "site":
                ids = pc.binary_join_element_wise(ids, table["site"].combine_chunks().cast(pa.string()), " site ")
                formulas.append(_symbols(table["atomic_number"].to_numpy(), self.path))
            else:
                formulas.append(table["formula"].combine_chunks())
            keys.append(ids)
        return pa.chunked_array(keys, pa.string()), pa.chunked_array(formulas, pa.string())

    def places_in(self, other: FileRows) -> np.ndarray:
        """Return the row of another file that each row is, (n,) int64; -1 where it has none."""
        import pyarrow.compute as pc

        found = pc.index_in(self.keys, value_set=other.keys.combine_chunks())
        return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)

    def named(self, rows: np.ndarray) -> tuple[str, ...]:
        """Return the keys of some rows."""
        return tuple(self.keys.take(rows).to_pylist())

    def vectors(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the vectors, block by block, and which rows they are."""
        start = 0
        for table in self._file.iter_batches(["vector"]):
            yield slice(start, start + len(table)), vectors_of(table["vector"])
            start += len(table)


def _symbols(atomic_numbers: np.ndarray, path: Path | str) -> pa.Array:
    import pyarrow as pa

    if len(atomic_numbers) and not 1 <= atomic_numbers.min() <= atomic_numbers.max() <= len(SYMBOLS):
        raise CatalogCorrupt(
            f"{path} has an atomic number that is not an element's. Make it again with: embeddings embed"
        )
    return pa.array(SYMBOLS, pa.string()).take(pa.array(atomic_numbers - 1))


def check_vectors(path: Path | str) -> None:
    """Check vectors in a file or folder: its seal, the checksums of its pages, and that no two rows have one name.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not a file of vectors.
    """
    read_pages(path)
    if open_vectors(path)[1].level in _KEYS:
        FileRows(path)
