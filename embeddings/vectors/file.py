"""Files of vectors: one Parquet file that says itself what it holds, where it comes from and whose it is.

``embeddings embed`` writes them. What a file says of itself is its `Footer`, kept in the metadata of its schema; every
page carries a checksum.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid, MaterialNotCovered
from embeddings.vectors.footer import Footer, Level, parse_footer
from embeddings.vectors.numbers import ARROW_NAMES, dtype_of, lengthened, scale_in
from embeddings.vectors.seal import Seal

if TYPE_CHECKING:
    import pyarrow as pa

    from embeddings.vectors.folder import SealedFolder

    VectorFiles: TypeAlias = "SealedFile | SealedFolder"

COLUMNS: dict[Level, dict[str, str]] = {
    "structure": {"material_id": "string", "formula": "string"},
    "site": {"material_id": "string", "site": "int32", "atomic_number": "int16"},
    "element": {"atomic_number": "int16", "symbol": "string", "n_structures": "int32", "n_sites": "int64"},
}
"""Level -> column -> type, beside the vectors."""

DISTANCE = "distance_to_training"
"""The column of float32 that structures and sites have where the encoder tells what it was trained on."""

MODEST, MOST_COMPRESSED = 1 << 28, 100
"""Bytes of vectors that are always read; beyond, how many times the size of the file they may be."""


class SealedFile:
    """An open file of vectors; what is read of it is checked first against its seal, and then by its own rules.

    Attributes:
        path: the file.
        metadata: of the Parquet file.
    """

    def __init__(self, path: Path | str, source: pa.NativeFile) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self._file = pq.ParquetFile(source, page_checksum_verification=True)
        self.metadata = self._file.metadata
        self.schema = self._file.schema_arrow
        self._seal = Seal(source, self.metadata)
        self._scale = scale_in(self.schema) if "vector" in self.schema.names else 1.0

    @property
    def dtype(self) -> str:
        """Of the stored numbers; what is read is float32."""
        return dtype_of(self.schema.field("vector").type) or "float32"

    @property
    def is_sealed(self) -> bool:
        """Whether the file has a seal."""
        return self._seal.hashes is not None

    def sha256(self) -> str:
        """Return a hash of everything in the file; that of a sealed one is read out of its seal.

        Raises:
            OSError: it cannot be read.
        """
        if self._seal.hashes is not None:
            return hashlib.sha256("".join(self._seal.hashes).encode()).hexdigest()
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self) -> pa.Table:
        """Return all rows.

        Raises:
            CatalogCorrupt: the file is damaged.
        """
        with damage_named(self.path):
            self._seal.check(range(self.metadata.num_row_groups), self.schema.names)
            return self._checked(self._file.read())

    def read_row_group(self, group: int, columns: list[str]) -> pa.Table:
        """Return some columns of a row group.

        Raises:
            CatalogCorrupt: the file is damaged.
        """
        with damage_named(self.path):
            self._seal.check([group], columns)
            return self._checked(self._file.read_row_group(group, columns=columns))

    def iter_batches(self, columns: list[str]) -> Iterator[pa.Table]:
        """Yield some columns, row group after row group.

        Raises:
            CatalogCorrupt: the file is damaged.
        """
        for group in range(self.metadata.num_row_groups):
            yield self.read_row_group(group, columns)

    def _checked(self, table: pa.Table) -> pa.Table:
        """Return the rows with vectors in float32; missing values are refused, and vectors with NaN or infinity."""
        for name in table.column_names:
            if table[name].null_count:
                raise CatalogCorrupt(f"its column {name} has values missing")
        if DISTANCE in table.column_names and not np.isfinite(table[DISTANCE].to_numpy()).all():
            raise CatalogCorrupt("its distances hold NaN or infinity")
        if "vector" not in table.column_names:
            return table
        place = table.column_names.index("vector")
        if self.dtype != "float32":
            table = table.set_column(place, "vector", lengthened(table["vector"], self._scale))
        if not np.isfinite(vectors_of(table["vector"])).all():
            raise CatalogCorrupt("its vectors hold NaN or infinity")
        return table


def open_vectors(path: Path | str) -> tuple[VectorFiles, Footer]:
    """Open a file of vectors, or a folder of such files that belong together; what is read is checked as it is read.

    Args:
        path: of the file or the folder, or its URL.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: not a Parquet file, altered, or with other columns than its level has.
        InputInvalid: a Parquet file that ``embeddings embed`` did not write, or that needs a newer library.
    """
    import pyarrow as pa

    if isinstance(path, str) or os.path.isdir(path):
        from embeddings.vectors.folder import open_folder

        return open_folder(path)
    if not path.is_file():
        name = path.name if path.suffix == ".parquet" else "vectors.parquet"
        raise CatalogNotFound(f"There is no file {path}. Make one with: embeddings embed -o {name}")
    return open_one(path, partial(pa.OSFile, str(path)))


def open_one(path: Path | str, opened: Callable[[], pa.NativeFile]) -> tuple[SealedFile, Footer]:
    """Open one file of vectors.

    Args:
        path: as it is spoken of.
        opened: opens it.

    Raises:
        EmbeddingsError: as for `open_vectors`.
    """
    with damage_named(path):
        source = opened()
        file = SealedFile(path, source)
    footer = parse_footer(path, file.schema.metadata or {})
    with damage_named(path):
        _check_form(file, footer, source.size())
    return file, footer


def read_pages(path: Path | str) -> None:
    """Read every page of a file or folder of vectors, which checks its seal and the checksums of its pages.

    Raises:
        CatalogCorrupt: a page is damaged.
    """
    file = open_vectors(path)[0]
    for _ in file.iter_batches(file.schema.names):
        pass


def _check_form(file: SealedFile, footer: Footer, n_bytes: int) -> None:
    """Refuse other columns than those of the level, and more rows than the file can hold."""
    if footer.sealed and not file.is_sealed:
        raise CatalogCorrupt("it claims to be sealed, but has no seal")
    expected = COLUMNS[footer.level] | {"vector": f"fixed_size_list<element: {_number_of(file)}>[{footer.dim}]"}
    expected |= {} if footer.unlike is None else {DISTANCE: "float"}
    found = {field.name: str(field.type).replace(" not null", "") for field in file.schema}
    if found != expected:
        wrong = next(name for name in expected | found if found.get(name) != expected.get(name))
        raise CatalogCorrupt(f"its column {shortened(wrong)} is {found.get(wrong)}, not {expected.get(wrong)}")
    n_rows = file.metadata.num_rows
    if n_rows * footer.dim * 4 > max(MODEST, MOST_COMPRESSED * n_bytes):
        raise CatalogCorrupt(
            f"it claims {counted(n_rows, 'row')} of {counted(footer.dim, 'number')}, more than {n_bytes:,} bytes can "
            "hold"
        )


def _number_of(file: SealedFile) -> str:
    """Return the name of the numbers of a file in Arrow; float where they are none that are stored."""
    known = {dtype: name for name, dtype in ARROW_NAMES.items()}
    return known[dtype_of(file.schema.field("vector").type) or "float32"] if "vector" in file.schema.names else "float"


@contextmanager
def damage_named(path: Path | str) -> Iterator[None]:
    """Turn any error in reading a file into `CatalogCorrupt`, which names the file."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, ValueError, OverflowError, MemoryError) as error:
        if str(path) in str(error) and isinstance(error, CatalogCorrupt):
            raise
        reason = str(error).rstrip(".")
        raise CatalogCorrupt(f"{path} cannot be read: {reason}. Make it again with: embeddings embed") from error


def vectors_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return a column of vectors as (n, dim)."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, column.type.list_size)


def places_of(row_of: Mapping[str, int], ids: Iterable[str], where: object) -> np.ndarray:
    """Return the place of each identifier, (n,) int64.

    Args:
        row_of: identifier -> place.
        ids: that are looked up.
        where: what they are looked up in, for the message.

    Raises:
        MaterialNotCovered: names those that are not there.
        InputInvalid: one identifier without a list, or something that cannot be an identifier.
    """
    if isinstance(ids, str):
        raise InputInvalid(f'lookup takes a list of identifiers; for one of them: catalog["{shortened(ids)}"].')
    ids = ids.to_pylist() if hasattr(ids, "to_pylist") else list(ids)  # what can be gone through once alone, too
    try:
        missing = [name for name in ids if name not in row_of]
    except TypeError:  # a list within the list
        raise InputInvalid("catalog[...] takes one identifier; for several: catalog.lookup([...]).") from None
    if missing:
        more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
        raise MaterialNotCovered(
            f"{where!r} has no {', '.join(map(str, missing[:5]))}{more} ({len(missing):,} of {len(ids):,} asked). What "
            "was dropped, and why, is counted in its footer."
        )
    return np.array([row_of[name] for name in ids], dtype=np.int64)
