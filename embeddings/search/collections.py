"""Structures to search among, block by block: those of a catalog in memory, or of a file, read as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.search.tables import JoinedTable
from embeddings.search.where import columns_of, expression_of
from embeddings.store.urls import is_url
from embeddings.vectors.file import DISTANCE, open_vectors, vectors_of
from embeddings.vectors.footer import Footer

if TYPE_CHECKING:
    import pyarrow as pa

    from embeddings.vectors.structures import StructureCatalog

ID = "material_id"
KEYS = (ID, "formula")
_AT_ONCE = 4096


class Encode(Protocol):
    """Encodes a structure as those of a file were: `embeddings.search.encoding.encode`, for who may load encoders."""

    def __call__(self, structure: Any, footer: Footer) -> np.ndarray:
        """Return the vector of a structure, or of the one in the file at a path, (1, dim) float32."""


class Collection:
    """Rows of structures: vectors, and columns that name them and tell of them.

    Attributes:
        name: as it is spoken of.
        keys: the columns beside the vectors: identifiers, formulas, and the distance to the training where it is told.
        footer: what the file of vectors says of itself.
        table: more columns, joined by identifier; None for no others.
        encode: makes vectors of other structures; None where only what has a vector is searched for.
    """

    name: str
    keys: tuple[str, ...] = KEYS
    footer: Footer
    table: JoinedTable | None = None
    encode: Encode | None = None

    @property
    def n_rows(self) -> int:
        """How many structures there are."""
        raise NotImplementedError

    def labels(self) -> Iterator[pa.Table]:
        """Yield the columns beside the vectors, block by block."""
        raise NotImplementedError

    def blocks(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Yield the columns beside the vectors, and the vectors (n, dim) float32, block by block."""
        raise NotImplementedError

    def vectors_at(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of some rows in the given order, (n, dim) float32."""
        raise NotImplementedError

    def taken(self, rows: np.ndarray, columns: list[str]) -> pa.Table:
        """Return columns of some rows, in the given order.

        Raises:
            ColumnNotFound: there is no such column.
        """
        import pyarrow as pa

        parts, places, start = [], [], 0
        for keys in self.labels():
            within = np.flatnonzero((rows >= start) & (rows < start + len(keys)))
            if len(within):
                parts.append(self.widened(keys.take(rows[within] - start), columns).select(columns))
                places.append(within)
            start += len(keys)
        if not parts:
            return self.widened(next(iter(self.labels())).slice(0, 0), columns).select(columns)
        order = np.argsort(np.concatenate(places), kind="stable")
        return pa.concat_tables(parts).take(order)

    def join(self, table: JoinedTable | None) -> None:
        """Take the columns of a table for further ones; None for no others.

        Raises:
            InputInvalid: the table names none of the structures, or has no line of column names.
        """
        if table is not None:
            table.check_ids(keys[ID] for keys in self.labels())
        self.table = table

    def widened(self, keys: pa.Table, columns: list[str]) -> pa.Table:
        """Return keys beside those of some columns that the table has.

        Raises:
            ColumnNotFound: there is no such column.
        """
        wanted = [name for name in dict.fromkeys(columns) if name not in self.keys]
        return (self.table or JoinedTable.none()).join(keys, wanted)

    def allowed(self, keys: pa.Table, where: str | None) -> np.ndarray:
        """Return which rows fulfill conditions, as places in a block, (n,) int64 ascending.

        Raises:
            EmbeddingsError: as `embeddings.search.where.expression_of` says.
            InputInvalid: a column holds what cannot be compared.
        """
        import pyarrow as pa

        if where is None:
            return np.arange(len(keys))
        wide = self.widened(keys, columns_of(where))
        numbered = wide.append_column("", [np.arange(len(wide))])
        try:
            return numbered.filter(expression_of(where, wide.schema))[""].to_numpy().astype(np.int64)
        except pa.ArrowException as error:
            raise InputInvalid(f"The conditions {where!r} do not fit their columns: {error}.") from error

    def allowed_rows(self, where: str | None) -> np.ndarray:
        """Return the numbers of all rows that fulfill conditions, (n,) int64 ascending."""
        found, start = [np.zeros(0, np.int64)], 0
        for keys in self.labels():
            found.append(start + self.allowed(keys, where))
            start += len(keys)
        return np.concatenate(found)


class InMemory(Collection):
    """The structures of a loaded catalog."""

    def __init__(self, catalog: StructureCatalog, table: JoinedTable | None = None) -> None:
        self.catalog, self.footer, self.name = catalog, catalog.footer, repr(catalog)
        self.keys = KEYS if catalog.distance_to_training is None else (*KEYS, DISTANCE)
        self.encode = catalog.encode_structure
        self.join(table)

    @property
    def n_rows(self) -> int:
        """How many structures there are."""
        return len(self.catalog)

    def labels(self) -> Iterator[pa.Table]:
        """Yield the columns beside the vectors, all at once."""
        yield self._keys

    def blocks(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Yield the columns beside the vectors, and the vectors, block by block."""
        for start in range(0, self.n_rows, _AT_ONCE):
            yield self._keys.slice(start, _AT_ONCE), self.catalog.vectors[start : start + _AT_ONCE]

    def vectors_at(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of some rows in the given order, (n, dim) float32."""
        return self.catalog.vectors[rows]

    @cached_property
    def _keys(self) -> pa.Table:
        import pyarrow as pa

        columns = [pa.array(column, pa.string()) for column in (self.catalog.material_ids, self.catalog.formulas)]
        if self.catalog.distance_to_training is not None:
            columns.append(pa.array(self.catalog.distance_to_training))
        return pa.table(columns, names=list(self.keys))


class InFile(Collection):
    """The structures of a file of vectors; a row group at a time is in memory.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not a file of vectors of structures, or the table is none of them.
    """

    def __init__(self, path: Path | str, table: JoinedTable | None = None, *, encode: Encode | None = None) -> None:
        self.path, self.name, self.encode = path, str(path), encode
        self.file, self.footer = open_vectors(path)
        self.keys = KEYS if self.footer.unlike is None else (*KEYS, DISTANCE)
        if self.footer.level != "structure":
            raise InputInvalid(
                f"{path} holds vectors of level {self.footer.level}; structures are searched for among vectors of "
                "structures. Make them with: embeddings embed --level structure"
            )
        self.join(table)

    @property
    def n_rows(self) -> int:
        """How many structures there are."""
        n_rows: int = self.file.metadata.num_rows
        return n_rows

    def labels(self) -> Iterator[pa.Table]:
        """Yield the columns beside the vectors, row group by row group."""
        yield from self.file.iter_batches(list(self.keys))

    def blocks(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Yield the columns beside the vectors, and the vectors, row group by row group."""
        for table in self.file.iter_batches([*self.keys, "vector"]):
            yield table.select(list(self.keys)), vectors_of(table["vector"])

    def vectors_at(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of some rows in the given order, (n, dim) float32; reads the row groups that hold them."""
        about = self.file.metadata
        starts = np.cumsum([0, *(about.row_group(group).num_rows for group in range(about.num_row_groups))])
        group_of = np.searchsorted(starts, rows, side="right") - 1
        vectors = np.empty((len(rows), self.footer.dim), np.float32)
        for group in np.unique(group_of).tolist():
            wanted = group_of == group
            vectors[wanted] = vectors_of(self.file.read_row_group(group, ["vector"])["vector"])[
                rows[wanted] - starts[group]
            ]
        return vectors


def collection_of(data: Any, table: Any = None, *, encode: Encode | None = None) -> Collection:
    """Return the structures of a catalog, or of the file at a path.

    Args:
        data: a catalog, or a path.
        table: more columns by identifier.
        encode: makes vectors of other structures, for a path; a catalog has its own.

    Raises:
        EmbeddingsError: as `InFile` and `JoinedTable.read` say.
    """
    from embeddings.vectors.structures import StructureCatalog

    joined = None if table is None else JoinedTable.read(table)
    if isinstance(data, StructureCatalog):
        return InMemory(data, joined)
    return InFile(data if is_url(data) else Path(data), joined, encode=encode)
