"""From the content of a file of element vectors to its rows, whatever that content is."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from embeddings.catalog import ElementTable
from embeddings.elements import N_ELEMENTS
from embeddings.errors import CatalogCorrupt, ColumnNotFound, EmbeddingsError, InputInvalid, needs

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = ("atomic_number", "symbol", "n_structures", "vector")
"""Columns of a table of element vectors, and data sets of its HDF5 file."""

COUNTS = "n_structures"
"""The one that is not there where nobody counted training structures."""

HDF5_FAULTS = (ValueError, KeyError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError)
"""What h5py raises on damaged files, beside errors of the operating system."""

_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def table_of_npy(content: bytes, where: Path) -> ElementTable:
    """Return the table in the content of an NPY file.

    Raises:
        CatalogCorrupt: not the content of such a file.
    """
    rows = parse_npy(content, where)
    width = rows.dtype["vector"].shape if "vector" in (rows.dtype.names or ()) else ()
    counted = COUNTS in (rows.dtype.names or ())
    if rows.ndim != 1 or len(width) != 1 or rows.dtype != row_dtype(width[0], counted=counted):
        raise CatalogCorrupt(f"{where} does not hold element rows, but {rows.dtype} of shape {rows.shape}.")
    return build(where, ElementTable, rows["atomic_number"], rows["vector"], rows[COUNTS] if counted else None)


def table_of_parquet(content: bytes, where: Path) -> tuple[ElementTable, dict[str, str]]:
    """Return the table in the content of a Parquet file, and what the file says about itself.

    Raises:
        CatalogCorrupt: not the content of such a file.
        ColumnNotFound: a column is missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        _check_n_rows(where, file.metadata.num_rows)
        rows, about = file.read(), file.schema_arrow.metadata or {}
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        if isinstance(error, EmbeddingsError):
            raise
        raise CatalogCorrupt(f"{where} cannot be read as Parquet: {error}.") from error
    return table_of_rows(rows, where), texts(about.items())


def table_of_rows(rows: pa.Table, where: Path) -> ElementTable:
    """Return the table in Arrow columns.

    Raises:
        CatalogCorrupt: not element rows.
        ColumnNotFound: a column is missing.
    """
    import pyarrow as pa

    _check_columns(where, rows.column_names)
    vector_type = rows.schema.field("vector").type
    if not pa.types.is_fixed_size_list(vector_type):
        raise CatalogCorrupt(f"{where} has vectors of type {vector_type} instead of fixed_size_list<float32>.")
    try:
        flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(-1, vector_type.list_size)
        numbers = rows["atomic_number"].to_numpy()
        counts = rows[COUNTS].to_numpy() if COUNTS in rows.column_names else None
        symbols = rows["symbol"].to_pylist()
    except (ValueError, MemoryError, pa.ArrowException) as error:
        raise CatalogCorrupt(f"{where} does not hold element rows: {error}.") from error
    table = build(where, ElementTable, numbers, vectors, counts)
    _check_symbols(where, table, symbols)
    return table


def table_of_hdf5(source: Path | BinaryIO, where: Path) -> tuple[ElementTable, dict[str, str]]:
    """Return the table in an HDF5 file or in its content, and what the file says about itself.

    Raises:
        CatalogCorrupt: not the content of such a file.
        ColumnNotFound: a data set is missing.
        MissingExtra: h5py is not installed.
    """
    h5py = import_h5py()
    try:
        with h5py.File(source, "r") as file:
            _check_columns(where, list(file))
            z, symbols, vectors = (_data_set(h5py, file, name) for name in KEYS if name != COUNTS)
            counts = _data_set(h5py, file, COUNTS) if COUNTS in file else None
            about = texts(file.attrs.items())
    except (OSError, *HDF5_FAULTS) as error:
        if isinstance(error, EmbeddingsError):
            raise
        raise CatalogCorrupt(f"{where} cannot be read as HDF5: {error}.") from error
    table = build(where, ElementTable, z, vectors, counts)
    _check_symbols(where, table, [bytes(name).decode("latin-1") for name in symbols])
    return table, about


def parse_npy(content: bytes, where: object) -> np.ndarray:
    """Return the array of an NPY file without Python objects, as a read-only view of its content.

    Raises:
        CatalogCorrupt: not such a file.
    """
    try:
        file = io.BytesIO(content)
        version = np.lib.format.read_magic(file)
        if version not in _NPY_HEADERS:
            raise ValueError(f"its version is {version}")
        shape, fortran_order, dtype = _NPY_HEADERS[version](file)
        if dtype.hasobject or fortran_order:
            raise ValueError(f"it holds {dtype} in {'Fortran' if fortran_order else 'C'} order")
        n_bytes, there = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
        if n_bytes != there:
            raise ValueError(f"its header announces {n_bytes} bytes, and it has {there}")
        return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)
    except Exception as error:  # NumPy parses a header as a Python literal, and raises whatever that parser does
        raise CatalogCorrupt(f"{where} cannot be read: {error}. Install or build this version again.") from error


def texts(about: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """Return what a file says about itself as text: keys and values of its metadata or attributes."""
    pairs = ((key, value) for key, value in about if isinstance(value, str | bytes))
    return {_text(key): _text(value) for key, value in pairs}


def row_dtype(dim: int, *, counted: bool = True) -> np.dtype:
    """Return the type of a row of `vectors.npy`, with or without training structures."""
    counts = [(COUNTS, "<i4")] if counted else []
    return np.dtype([("atomic_number", "<i2"), *counts, ("vector", "<f4", (dim,))])


def build(path: Path, make: Callable[..., ElementTable], *args: Any, **kwargs: Any) -> ElementTable:
    """Make an element table; rows that break its rules mean a corrupt file."""
    try:
        return make(*args, **kwargs)
    except InputInvalid as error:
        raise CatalogCorrupt(f"{path}: {error}") from error


def _data_set(h5py: ModuleType, file: Any, name: str) -> np.ndarray:
    """Return a data set whose numbers are stored in the file itself, contiguously."""
    data = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external or data.chunks or not 1 <= data.ndim <= 2:
        raise ValueError(f"{name} is not a plain data set")
    return data[()]


def _check_n_rows(where: Path, n_rows: int) -> None:
    if not 1 <= n_rows <= N_ELEMENTS:
        raise CatalogCorrupt(f"{where} has {n_rows:,} rows, and there are {N_ELEMENTS} elements.")


def _check_symbols(where: Path, table: ElementTable, symbols: list[str]) -> None:
    if tuple(symbols) != table.symbols:
        raise CatalogCorrupt(f"{where} has symbols that do not belong to its atomic numbers.")


def _check_columns(path: Path, found: list[str]) -> None:
    missing = [name for name in KEYS if name not in found and name != COUNTS]
    if missing:
        raise ColumnNotFound(f"{path} has no column {', '.join(missing)}; it has {', '.join(found) or 'none'}.")


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


def import_h5py() -> ModuleType:
    """Return h5py.

    Raises:
        MissingExtra: it is not installed.
    """
    with needs("h5py", "hdf5"):
        import h5py
    return h5py
