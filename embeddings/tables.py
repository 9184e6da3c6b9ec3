"""Tables of element vectors on disk: one version's folder written, and read back from any of its formats.

``vectors.parquet`` is the canonical table; ``vectors.h5`` holds the same arrays, and ``vectors.npy`` the same
rows as one structured array, which is what loading reads because it needs nothing but NumPy.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.errors import CatalogCorrupt, ColumnNotFound, InputInvalid, MissingExtra
from embeddings.manifest import MANIFEST, FileEntry, FormulaDigest, Manifest, Provenance, read_manifest
from embeddings.publish import publish

PARQUET = "vectors.parquet"
HDF5 = "vectors.h5"
NPY = "vectors.npy"
FORMULAS = "training_formulas.npy"
ENCODER = "encoder.safetensors"

_KEYS = ("atomic_number", "symbol", "n_structures", "vector")


def write_catalog(
    root: Path, provenance: Provenance, table: ElementTable, *, encoder: bytes | None = None, force: bool = False
) -> Path:
    """Write one version of an element catalog as ``root/<name>/<version>/`` and enter it into the index.

    The folder appears complete or not at all. The same input gives the same bytes.

    Args:
        root: folder of catalogs; made if needed.
        provenance: all that the builder knows; shape, files and hashes are filled in here.
        table: the rows.
        encoder: content of the safetensors file of the network that the vectors come from; None to publish none.
        force: replace the version if it exists. A released version should never be.

    Returns:
        The version's folder.

    Raises:
        CatalogExists: the version exists and `force` is off, or another writer made it meanwhile.
        CatalogCorrupt: the root's index cannot be read.
        ManifestInvalid: the provenance does not fit the schema; the message names the field.
        OutputInvalid: the folder cannot be written.
        MissingExtra: h5py is not installed.
    """
    draft = measure(provenance, table)

    def write_data(folder: Path) -> None:
        _write_files(folder, draft, table, encoder)

    return publish(root, draft, write_data, force=force)


def read_catalog(folder: Path) -> ElementCatalog:
    """Read a version's folder without checking the hashes of its files; `embeddings.load_uae` checks them.

    Raises:
        CatalogCorrupt: a file is missing, cannot be read, or disagrees with the manifest.
        ManifestInvalid: the manifest does not fit its schema.
        InputInvalid: the catalog is of another kind.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest.kind != "element":
        raise InputInvalid(f'{folder} holds a catalog of kind "{manifest.kind}", and one of elements is asked for.')
    table = read_vectors_npy(folder / NPY)
    digest = manifest.training.formula_digest
    if digest is not None:
        table = _build(folder / digest.file, replace, table, training_formulas=load_npy(folder / digest.file))
    if measure(manifest, table, files=manifest.files) != manifest:
        raise CatalogCorrupt(f"{folder}: the rows disagree with {MANIFEST}. Install or build this version again.")
    return ElementCatalog(manifest, table)


def measure(provenance: Provenance, table: ElementTable, files: tuple[FileEntry, ...] = ()) -> Manifest:
    """Complete a provenance with what the table itself says.

    Args:
        provenance: all that the builder knows.
        table: the rows.
        files: entries of the files that hold them; none for a catalog that was not written.
    """
    formulas = table.training_formulas
    digest = None if formulas is None else FormulaDigest(file=FORMULAS, n_formulas=len(formulas))
    return Manifest.of(
        replace(provenance, training=replace(provenance.training, formula_digest=digest)),
        kind="element",
        dim=table.vectors.shape[1],
        n_rows=len(table.vectors),
        missing_elements=table.missing_elements,
        n_structures=dict(zip(table.symbols, table.n_structures.tolist(), strict=True)),
        files=files,
    )


def write_vectors_npy(path: Path, table: ElementTable) -> None:
    """Write the rows as one structured array with the fields atomic_number, n_structures and vector."""
    rows = np.empty(len(table.vectors), dtype=_row_dtype(table.vectors.shape[1]))
    rows["atomic_number"] = table.atomic_numbers
    rows["n_structures"] = table.n_structures
    rows["vector"] = table.vectors
    np.save(path, rows, allow_pickle=False)


def read_vectors_npy(path: Path) -> ElementTable:
    """Read what `write_vectors_npy` wrote.

    Raises:
        CatalogCorrupt: not such a file.
    """
    rows = load_npy(path)
    width = rows.dtype["vector"].shape if "vector" in (rows.dtype.names or ()) else ()
    if len(width) != 1 or rows.dtype != _row_dtype(width[0]):
        raise CatalogCorrupt(f"{path} does not hold element rows, but {rows.dtype}.")
    return _build(path, ElementTable, rows["atomic_number"], rows["vector"], rows["n_structures"])


def write_vectors_parquet(path: Path, table: ElementTable, essentials: dict[str, str]) -> None:
    """Write the rows as Parquet, with name, version and recipe in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    dim = table.vectors.shape[1]
    columns = {
        "atomic_number": pa.array(table.atomic_numbers, pa.int16()),
        "symbol": pa.array(table.symbols, pa.string()),
        "n_structures": pa.array(table.n_structures, pa.int32()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(table.vectors.ravel(), pa.float32()), dim),
    }
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in columns.items()], essentials)
    pq.write_table(pa.table(columns, schema), path, compression="zstd", use_dictionary=False)


def read_vectors_parquet(path: Path) -> ElementTable:
    """Read the rows of a Parquet file that `write_vectors_parquet` wrote.

    Raises:
        CatalogCorrupt: not a Parquet file, or not one of element rows.
        ColumnNotFound: a column is missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise CatalogCorrupt(f"{path} cannot be read as Parquet: {error}.") from error
    _check_columns(path, rows.column_names)
    vector_type = rows.schema.field("vector").type
    if not pa.types.is_fixed_size_list(vector_type):
        raise CatalogCorrupt(f"{path} has vectors of type {vector_type} instead of fixed_size_list<float32>.")
    flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(-1, vector_type.list_size)
    return _build(path, ElementTable, rows["atomic_number"].to_numpy(), vectors, rows["n_structures"].to_numpy())


def write_vectors_hdf5(path: Path, table: ElementTable, essentials: dict[str, str]) -> None:
    """Write the columns as HDF5 data sets, with name, version and recipe as attributes of the file.

    The file is made in memory: the HDF5 library ends the whole process where a disk is full.

    Raises:
        MissingExtra: h5py is not installed.
    """
    h5py = _import_h5py()
    columns = (table.atomic_numbers, np.array(table.symbols, dtype="S2"), table.n_structures, table.vectors)
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, values in zip(_KEYS, columns, strict=True):
            file.create_dataset(name, data=values, track_times=False)
        file.attrs.update(essentials)
    path.write_bytes(content.getbuffer())


def read_vectors_hdf5(path: Path) -> ElementTable:
    """Read the rows of an HDF5 file that `write_vectors_hdf5` wrote.

    Raises:
        CatalogCorrupt: not an HDF5 file, or not one of element rows.
        ColumnNotFound: a data set is missing.
        MissingExtra: h5py is not installed.
    """
    h5py = _import_h5py()
    try:
        with h5py.File(path, "r") as file:
            _check_columns(path, list(file))
            z, _, counts, vectors = (file[name][()] for name in _KEYS)
    except OSError as error:
        raise CatalogCorrupt(f"{path} cannot be read as HDF5: {error}.") from error
    return _build(path, ElementTable, z, vectors, counts)


def essentials_of(provenance: Provenance) -> dict[str, str]:
    """Return what identifies a stray file: name, version, and the essentials of the recipe, all as text."""
    model, training = provenance.model, provenance.training
    return {
        "name": provenance.name,
        "version": provenance.version,
        "description": provenance.description,
        "model": model.name,
        "recipe": model.recipe,
        "hyperparameters": json.dumps(model.hyperparameters),
        "code_version": model.code_version,
        "source": training.source,
        "snapshot_sha256": training.snapshot_sha256,
        "targets": json.dumps(training.targets),
        "seed": str(training.seed),
        "fingerprint": provenance.fingerprint,
        "licence": provenance.licence.spdx,
        "attribution": provenance.licence.attribution,
    }


def load_npy(path: Path) -> np.ndarray:
    """Read an array that holds no Python objects.

    Raises:
        CatalogCorrupt: not such a file.
    """
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CatalogCorrupt(f"{path} cannot be read: {error}. Install or build this version again.") from error


def _write_files(folder: Path, draft: Manifest, table: ElementTable, encoder: bytes | None) -> None:
    """Write the vectors, the digest and the encoder."""
    essentials = essentials_of(draft)
    write_vectors_parquet(folder / PARQUET, table, essentials)
    write_vectors_hdf5(folder / HDF5, table, essentials)
    write_vectors_npy(folder / NPY, table)
    if table.training_formulas is not None:
        np.save(folder / FORMULAS, table.training_formulas, allow_pickle=False)
    if encoder is not None:
        (folder / ENCODER).write_bytes(encoder)


def _row_dtype(dim: int) -> np.dtype:
    return np.dtype([("atomic_number", "<i2"), ("n_structures", "<i4"), ("vector", "<f4", (dim,))])


def _build(path: Path, make: Callable[..., ElementTable], *args: Any, **kwargs: Any) -> ElementTable:
    """Make an element table; rows that break its rules mean that the file is corrupt."""
    try:
        return make(*args, **kwargs)
    except InputInvalid as error:
        raise CatalogCorrupt(f"{path}: {error}") from error


def _check_columns(path: Path, found: list[str]) -> None:
    missing = [name for name in _KEYS if name not in found]
    if missing:
        raise ColumnNotFound(f"{path} has no column {', '.join(missing)}; it has {', '.join(found) or 'none'}.")


def _import_h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtra.of("h5py", "hdf5") from error
    return h5py
