"""Whether the files of a catalog agree with each other and with the manifest."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from embeddings.catalog import ElementTable
from embeddings.display.numbers import counted
from embeddings.errors import CatalogCorrupt, ColumnNotFound, MissingExtra
from embeddings.store.companions import COMPANIONS
from embeddings.store.decode import parse_npy, table_of_hdf5, table_of_parquet
from embeddings.store.encoder_files import FORMULA_TABLE, composition_encoder, formulas_of_parquet
from embeddings.store.manifest import MANIFEST, Manifest
from embeddings.store.readout import stated_dim
from embeddings.store.tables import ENCODER, HDF5, PARQUET, element_catalog
from embeddings.store.tensors import read_metadata, read_tensors
from embeddings.store.training_vectors import TRAINING_VECTORS, parse_training_vectors

_AGAIN = "Install or build this version again."


def check_contents(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    """Check that the files of a version hold what its manifest says, and that there is no other file.

    Companions such as README.md may stand beside them, see `embeddings.store.companions`. An HDF5 file is read only if
    h5py is installed.

    Args:
        folder: of the version.
        manifest: of this folder.
        contents: name -> content of its files, whose hashes were checked.

    Raises:
        CatalogCorrupt: a file does not hold what it should; the message names it.
    """
    _check_no_others(folder, manifest)
    checks: dict[str, Callable[[Path, Manifest, Mapping[str, bytes]], None]] = {
        "element": _check_elements,
        "composition-encoder": _check_composition_encoder,
    }
    if manifest.kind in checks:
        checks[manifest.kind](folder, manifest, contents)


def _check_no_others(folder: Path, manifest: Manifest) -> None:
    listed = {entry.path for entry in manifest.files} | {MANIFEST} | COMPANIONS
    others = sorted(name for name in os.listdir(folder) if name not in listed and not name.startswith("."))
    if others:
        raise CatalogCorrupt(f"{folder / others[0]} is not listed in {MANIFEST}. Remove it.")


def _check_elements(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    table = element_catalog(folder, manifest, contents).table
    for name in (PARQUET, HDF5):
        if name not in contents:
            continue
        try:
            other, about = _table_of(folder / name, contents[name])
        except MissingExtra:
            continue
        except ColumnNotFound as error:
            raise CatalogCorrupt(f"{error} {_AGAIN}") from error
        _check_same(folder / name, table, other)
        _check_identity(folder / name, manifest, about)
    if ENCODER in contents:
        _check_network(folder / ENCODER, manifest, contents[ENCODER])
    if TRAINING_VECTORS in contents:
        dim = stated_dim(manifest.model.hyperparameters)
        parse_training_vectors(contents[TRAINING_VECTORS], folder / TRAINING_VECTORS, dim=dim)


def _table_of(where: Path, content: bytes) -> tuple[ElementTable, dict[str, str]]:
    if where.name == PARQUET:
        return table_of_parquet(content, where)
    return table_of_hdf5(io.BytesIO(content), where)


def _check_composition_encoder(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    from embeddings.formula import formula_digest

    composition_encoder(folder, manifest, contents)
    _check_identity(folder / ENCODER, manifest, read_metadata(contents[ENCODER]))
    if FORMULA_TABLE not in contents:
        return
    where = folder / FORMULA_TABLE
    formulas, about = formulas_of_parquet(contents[FORMULA_TABLE], where)
    _check_identity(where, manifest, about)
    digest = manifest.training.formula_digest
    if len(formulas) != manifest.n_rows:
        raise CatalogCorrupt(f"{where} has {counted(len(formulas), 'formula')}, not {manifest.n_rows:,}. {_AGAIN}")
    if digest and not np.array_equal(formula_digest(formulas), parse_npy(contents[digest.file], digest.file)):
        raise CatalogCorrupt(f"{where} holds other formulas than {digest.file}. {_AGAIN}")


def _check_network(where: Path, manifest: Manifest, content: bytes) -> None:
    tensors = read_tensors(content, where=where)
    unfit = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    if unfit:
        raise CatalogCorrupt(f"{where} holds weights that are not numbers ({', '.join(unfit[:5])}). {_AGAIN}")
    _check_identity(where, manifest, read_metadata(content))


def _check_same(where: Path, table: ElementTable, other: ElementTable) -> None:
    columns = ("atomic_numbers", "n_structures", "vectors")
    if not all(np.array_equal(getattr(table, column), getattr(other, column)) for column in columns):
        raise CatalogCorrupt(f"{where} holds other rows than the other files beside it. {_AGAIN}")


def _check_identity(where: Path, manifest: Manifest, about: Mapping[str, str]) -> None:
    """Check name and version in what a file says of itself; a file that says neither is taken as it is."""
    found = (about.get("name", manifest.name), about.get("version", manifest.version))
    if found != (manifest.name, manifest.version):
        raise CatalogCorrupt(
            f"{where} says that it is {found[0]}@{found[1]}, and {MANIFEST} says {manifest.name}@{manifest.version}. "
            f"{_AGAIN}"
        )
