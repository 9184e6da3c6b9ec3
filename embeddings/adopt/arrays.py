"""Tables in files of arrays: NPY, NPZ, Parquet, HDF5 and safetensors, read without running anything that is in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.adopt.labels import as_keys, keys_beside, numbers_alone, passed_over, refuse_first_row
from embeddings.adopt.raw import MOST_NUMBERS, RawTable, check_shape, matrix, positional, raw_table
from embeddings.adopt.texts import read_delimited
from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import CatalogCorrupt, InputInvalid
from embeddings.store.archives import ZIP_FAULTS
from embeddings.store.decode import HDF5_FAULTS, import_h5py, parse_npy
from embeddings.store.reading import IN_MEMORY, read_bounded, why
from embeddings.store.tensors import read_tensors

_LARGEST = 8 * MOST_NUMBERS
_KEYS = ("symbol", "element", "atomic_number", "z", "key", "name")


def read_npy(path: Path, *, first_row: int | None = None) -> RawTable:
    """Read an array of numbers, one row for each element in order of atomic number, or of records with their symbols.

    Raises:
        InputInvalid: anything else; arrays of Python objects are refused.
    """
    return _array(str(path), "NPY", _parsed(path, _content(path)), first_row)


def read_npz(path: Path, *, array: str | None = None, first_row: int | None = None) -> RawTable:
    """Read one array out of an archive, with the array of symbols or atomic numbers beside it if there is one.

    Args:
        path: of the archive.
        array: name of the table, where there are several.
        first_row: atomic number of the first row, where there are no symbols.

    Raises:
        InputInvalid: not such an archive, or several tables and no choice.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(_content(path))) as archive:
            size = sum(part.file_size for part in archive.infolist())
            if size > _LARGEST:
                raise InputInvalid(
                    f"{path} unpacks to {size >> 20:,} MiB, which no table of elements has. Save the table alone."
                )
            found = {
                p.filename.removesuffix(".npy"): _parsed(path, _part(path, archive, p)) for p in archive.infolist()
            }
    except InputInvalid:
        raise
    except ZIP_FAULTS as error:
        raise InputInvalid(
            f"{path} is not an intact .npz archive: {error}. Copy it again, or save it again with numpy.savez."
        ) from error
    return _choice(str(path), "NPZ", found, array, first_row)


def read_parquet(path: Path, *, drop: Collection[str] = ()) -> RawTable:
    """Read a column of symbols or atomic numbers, and a column of lists or columns of numbers.

    Raises:
        InputInvalid: not Parquet, or no such columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(_content(path)))
        check_shape(str(path), file.metadata.num_rows, 1)
        schema = file.schema_arrow
        lists = [field.name for field in schema if _is_list(pa, field.type) and field.name not in drop]
        if not lists:
            return read_delimited(path, drop=drop)
        keys = [name for known in _KEYS for name in schema.names if name.lower() == known]
        if len(lists) > 1 or not keys:
            raise InputInvalid(
                f"{path} has the columns {', '.join(schema.names)}; one of lists is needed, and one of symbols called "
                '"element" or "symbol". Leave others out with --drop-column.'
            )
        check_shape(str(path), file.metadata.num_rows, _n_cells(file.metadata, lists[0]) // file.metadata.num_rows)
        rows = file.read([keys[0], lists[0]])
        cells = list(zip(rows[keys[0]].to_pylist(), rows[lists[0]].to_pylist(), strict=True))
    except (pa.ArrowException, OSError, MemoryError) as error:
        if isinstance(error, InputInvalid):
            raise
        raise InputInvalid(f"{path} cannot be read as Parquet: {error}.") from error
    notes = passed_over(schema.names, keys[0], lists[0])
    return raw_table(str(path), "Parquet", [(key, vector or []) for key, vector in cells], notes=notes)


def read_hdf5(path: Path, *, array: str | None = None, first_row: int | None = None) -> RawTable:
    """Read one data set of numbers, with that of symbols or atomic numbers beside it if there is one.

    Raises:
        InputInvalid: not HDF5, or several tables and no choice.
        MissingExtra: h5py is not installed.
    """
    h5py, there = import_h5py(), dict[str, Any]()

    def take(called: str | bytes, data: Any) -> None:
        name = called if isinstance(called, str) else called.decode("latin-1")  # one that is not UTF-8
        plain = isinstance(data, h5py.Dataset) and not data.is_virtual and not data.external and 1 <= data.ndim <= 2
        if plain and data.dtype.kind in "fiubSO":
            check_shape(f"{path}, {name}", data.shape[0], 1 if data.ndim == 1 else data.shape[1])
            there[name] = data

    content = _content(path)
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            file.visititems(take)
            if (size := sum(data.nbytes for data in there.values())) > _LARGEST:
                raise InputInvalid(
                    f"{path} unpacks to {size >> 20:,} MiB, which no table of elements has. Save the table alone."
                )
            found = {
                name: data.asstr()[()] if h5py.check_string_dtype(data.dtype) else data[()]
                for name, data in there.items()
            }
    except InputInvalid:
        raise
    except (OSError, *HDF5_FAULTS) as error:
        raise InputInvalid(f"{path} cannot be read as HDF5: {error}. Copy it again, or save it again.") from error
    return _choice(str(path), "HDF5", found, array, first_row)


def read_safetensors(path: Path, *, array: str | None = None, first_row: int | None = None) -> RawTable:
    """Read one tensor, by place or with atomic numbers beside it, or tensors that are called by symbols.

    Raises:
        InputInvalid: not safetensors of float16 or float32, or several tables and no choice.
    """
    try:
        found = read_tensors(_content(path), where=path)
    except CatalogCorrupt as error:
        raise InputInvalid(str(error).partition(" Install or build")[0]) from error
    return _choice(str(path), "safetensors", found, array, first_row)


def chosen_array(source: str, found: Mapping[str, Any], array: str | None) -> str:
    """Return the name of the table among arrays: the one that was asked for, or the only one of two dimensions.

    Raises:
        InputInvalid: there is no such array, or none or several that it may be.
    """
    if array is not None:
        if array not in found:
            raise InputInvalid(f'{source} has no array "{array}"; it has {_listed(found)}.')
        return array
    tables = [name for name, values in found.items() if values.ndim == 2]
    if len(tables) != 1:
        raise InputInvalid(
            f"{source} has {len(tables) or 'no'} arrays that may be the table. Name one with --array: {_listed(found)}."
        )
    return tables[0]


def _array(source: str, kind: str, values: np.ndarray, first_row: int | None) -> RawTable:
    names = values.dtype.names
    if names is None:
        return positional(source, kind, values, first=first_row)
    refuse_first_row(source, first_row)
    keys = [name for known in _KEYS for name in names if name.lower() == known]
    numbers = [
        name
        for name in names
        if values.dtype[name].base.kind in "fiub" and name.lower() not in (*_KEYS, "n_structures")
    ]
    if not keys or not numbers or values.ndim != 1:
        raise InputInvalid(f"{source} has records of {', '.join(names)}; symbols in one called element are needed.")
    parts = [matrix(source, values[name]) for name in numbers]
    columns = numbers if all(part.shape[1] == 1 for part in parts) else ()
    labels = as_keys(values[keys[0]])
    alone = numbers_alone(source, labels, columns, np.hstack(parts))
    return RawTable(source, kind, labels, alone.values, alone.names, alone.notes)


def _choice(
    source: str, kind: str, found: Mapping[str, np.ndarray], array: str | None, first_row: int | None
) -> RawTable:
    """Return the table among arrays."""
    by_symbol = [name for name in found if name in ATOMIC_NUMBERS]
    if array is None and by_symbol and len(by_symbol) > 0.5 * len(found):
        refuse_first_row(source, first_row)
        rows = [(name, np.ravel(values).tolist()) for name, values in found.items()]
        return raw_table(source, f"{kind}, an array for each symbol", rows)
    name = chosen_array(source, found, array)
    if found[name].dtype.names:
        return _array(source, kind, found[name], first_row)
    values = matrix(source, found[name])
    keys = keys_beside(source, found, name, len(values), first_row=first_row)
    notes = [f'Read the array "{name}".']
    if keys is None:
        return positional(source, kind, values, first=first_row, notes=notes)
    return RawTable(source, kind, keys, values, notes=tuple(notes))


def _part(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """Return what a part of an archive holds, and never more than it says: NumPy writes plain and deflated parts."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputInvalid(
            f"{path} is compressed in a way that .npz archives are not. Save it with numpy.savez_compressed."
        )
    with archive.open(part) as file:
        return file.read(part.file_size + 1)


def _n_cells(metadata: Any, name: str) -> int:
    """Return how many numbers the lists of a Parquet column have in all, which may repeat few bytes many times."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    columns = (group.column(k) for group in groups for k in range(group.num_columns))
    return sum(column.num_values for column in columns if column.path_in_schema.partition(".")[0] == name)


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, at_most=IN_MEMORY)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {why(error)}.") from error


def _parsed(path: Path, content: bytes) -> np.ndarray:
    try:
        return parse_npy(content, path)
    except CatalogCorrupt as error:
        raise InputInvalid(str(error).partition(" Install or build")[0]) from error


def _is_list(pa: Any, kind: Any) -> bool:
    return pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _listed(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {tuple(values.shape)}" for name, values in list(found.items())[:20]) or "none at all"
