"""Tables of element vectors on disk: a version's folder, written and read back from any of its formats.

``vectors.parquet`` is the canonical table; ``vectors.h5`` holds the same arrays, and ``vectors.npy`` the same
rows as one structured array, which is what loading reads because it needs nothing but NumPy.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.errors import CatalogCorrupt, InputInvalid
from embeddings.store.decode import (
    COUNTS,
    KEYS,
    build,
    import_h5py,
    parse_npy,
    row_dtype,
    table_of_npy,
)
from embeddings.store.emb import emb_entry
from embeddings.store.manifest import MANIFEST, FileEntry, FormulaDigest, Manifest, Provenance, read_manifest
from embeddings.store.publish import publish
from embeddings.store.reading import read_bounded, why
from embeddings.store.training_structures import write_structures
from embeddings.store.training_vectors import TrainingVectors, write_training_vectors

PARQUET = "vectors.parquet"
HDF5 = "vectors.h5"
NPY = "vectors.npy"
FORMULAS = "training_formulas.npy"
ENCODER = "encoder.safetensors"


def write_catalog(
    root: Path, provenance: Provenance, table: ElementTable, *, encoder: bytes | None = None,
    structures: np.ndarray | None = None, training: TrainingVectors | None = None, force: bool = False,
) -> Path:  # fmt: skip
    """Write one version of an element catalog as ``root/<name>/<version>/`` and enter it into the index.

    The folder appears complete or not at all. The same input gives the same bytes.

    Args:
        root: folder of catalogs; made if needed.
        provenance: everything that the builder knows; shape, files and hashes are filled in here.
        table: the rows.
        encoder: content of the safetensors file of the network that the vectors come from; None to publish none.
        structures: the digest of the training structures; None where there is none.
        training: where the training crystals lie among the encoder's vectors; None where nobody can tell.
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
        write_structures(folder, structures)
        write_training_vectors(folder, training)

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
    _check_kind(folder, manifest)
    return element_catalog(folder, manifest, {name: read_file(folder / name) for name in needed(manifest)})


def needed(manifest: Manifest) -> frozenset[str]:
    """Return the names of the files that loading an element catalog reads."""
    digest = manifest.training.formula_digest
    return frozenset({NPY} if digest is None else {NPY, digest.file})


def element_catalog(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> ElementCatalog:
    """Make a catalog from the content of its files.

    Args:
        folder: that holds them, for messages.
        manifest: of the folder.
        contents: name -> content of the files that `needed` names.

    Raises:
        CatalogCorrupt: a file is missing, cannot be read, or disagrees with the manifest.
        InputInvalid: the catalog is of another kind.
    """
    _check_kind(folder, manifest)
    check_listed(folder, needed(manifest), contents)
    table = table_of_npy(contents[NPY], folder / NPY)
    digest = manifest.training.formula_digest
    if digest is not None:
        formulas = parse_npy(contents[digest.file], folder / digest.file)
        table = build(folder / digest.file, replace, table, training_formulas=formulas)
    if measure(manifest, table, files=manifest.files) != manifest:
        raise CatalogCorrupt(f"{folder}: the rows disagree with {MANIFEST}. Install or build this version again.")
    return ElementCatalog(manifest, table)


def check_listed(folder: Path, names: frozenset[str], contents: Mapping[str, bytes]) -> None:
    """Refuse a folder whose manifest does not list all files that are needed.

    Raises:
        CatalogCorrupt: one is missing; the message names the first.
    """
    for name in sorted(names - set(contents)):
        raise CatalogCorrupt(f"{folder}: {MANIFEST} lists no {name}. Install or build this version again.")


def _check_kind(folder: Path, manifest: Manifest) -> None:
    if manifest.kind != "element":
        raise InputInvalid(f'{folder} holds a catalog of kind "{manifest.kind}", not one of elements.')


def measure(provenance: Provenance, table: ElementTable, files: tuple[FileEntry, ...] = ()) -> Manifest:
    """Complete a provenance with what is measured on the table.

    Args:
        provenance: everything that the builder knows.
        table: the rows.
        files: entries of the files that hold them; none for a catalog that is not written.
    """
    formulas = table.training_formulas
    digest = None if formulas is None else FormulaDigest(file=FORMULAS, n_formulas=len(formulas))
    return Manifest.of(
        replace(provenance, training=replace(provenance.training, formula_digest=digest)),
        kind="element",
        dim=table.vectors.shape[1],
        n_rows=len(table.vectors),
        missing_elements=table.missing_elements,
        n_structures=table.counts,
        files=files,
    )


def write_vectors_npy(path: Path, table: ElementTable) -> None:
    """Write the rows as one structured array with the fields atomic_number, n_structures (if known) and vector."""
    counted = table.n_structures is not None
    rows = np.empty(len(table.vectors), dtype=row_dtype(table.vectors.shape[1], counted=counted))
    rows["atomic_number"] = table.atomic_numbers
    if counted:
        rows[COUNTS] = table.n_structures
    rows["vector"] = table.vectors
    np.save(path, rows, allow_pickle=False)


def write_vectors_parquet(path: Path, table: ElementTable, essentials: dict[str, str]) -> None:
    """Write the rows as Parquet, with name, version and recipe in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    dim = table.vectors.shape[1]
    columns = {
        "atomic_number": pa.array(table.atomic_numbers, pa.int16()),
        "symbol": pa.array(table.symbols, pa.string()),
        **({} if table.n_structures is None else {COUNTS: pa.array(table.n_structures, pa.int32())}),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(table.vectors.ravel(), pa.float32()), dim),
    }
    schema = pa.schema([pa.field(name, array.type, nullable=False) for name, array in columns.items()], essentials)
    pq.write_table(pa.table(columns, schema), path, compression="zstd", use_dictionary=False)


def write_vectors_hdf5(path: Path, table: ElementTable, essentials: dict[str, str]) -> None:
    """Write the columns as HDF5 data sets, with name, version and recipe as attributes of the file.

    The file is made in memory: the HDF5 library ends the whole process when a disk is full.

    Raises:
        MissingExtra: h5py is not installed.
    """
    h5py = import_h5py()
    columns = (table.atomic_numbers, np.array(table.symbols, dtype="S2"), table.n_structures, table.vectors)
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, values in zip(KEYS, columns, strict=True):
            if values is not None:
                file.create_dataset(name, data=values, track_times=False)
        file.attrs.update(essentials)
    path.write_bytes(content.getbuffer())


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
        "seed": "" if training.seed is None else str(training.seed),
        "fingerprint": provenance.fingerprint,
        "licence": provenance.licence.spdx,
        "attribution": provenance.licence.attribution,
    }


def read_file(path: Path) -> bytes:
    """Return the content of a file of a catalog.

    Raises:
        CatalogCorrupt: it is missing, not a regular file, or too large to hold in memory.
    """
    try:
        return read_bounded(path)
    except OSError as error:
        raise CatalogCorrupt(f"{path} cannot be read: {why(error)}. Install or build this version again.") from error


def _write_files(folder: Path, draft: Manifest, table: ElementTable, encoder: bytes | None) -> None:
    """Write the vectors, the digest and the encoder."""
    essentials = essentials_of(draft)
    write_vectors_parquet(folder / PARQUET, table, essentials | emb_entry(draft))
    write_vectors_hdf5(folder / HDF5, table, essentials)
    write_vectors_npy(folder / NPY, table)
    if table.training_formulas is not None:
        np.save(folder / FORMULAS, table.training_formulas, allow_pickle=False)
    if encoder is not None:
        (folder / ENCODER).write_bytes(encoder)
