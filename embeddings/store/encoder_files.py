"""One version of a composition encoder on disk: its folder written, and read back without torch.

The vectors of the training formulas are not stored: `CompositionEncoder.encode` computes them faster than a disk reads
them, from formulas that take a hundredth of the space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from embeddings.catalog import ElementCatalog, ElementTable
from embeddings.display.numbers import counted
from embeddings.display.text import shortened
from embeddings.elements import ATOMIC_NUMBERS, N_ELEMENTS, SYMBOLS
from embeddings.encoder import CompositionEncoder, Spread
from embeddings.errors import CatalogCorrupt, InputInvalid, ManifestInvalid
from embeddings.formula import formula_digest, reduced_formulas
from embeddings.store.decode import parse_npy, texts
from embeddings.store.manifest import FormulaDigest, Manifest, Provenance, read_manifest
from embeddings.store.networks import SPREAD, network_of, setting
from embeddings.store.publish import publish
from embeddings.store.tables import ENCODER, FORMULAS, check_listed, essentials_of, read_file
from embeddings.store.tensors import read_tensors
from embeddings.store.training_structures import write_structures

KIND = "composition-encoder"
FORMULA_TABLE = "formulas.parquet"

Tensors = dict[str, np.ndarray]


def write_encoder(
    root: Path,
    provenance: Provenance,
    content: bytes,
    *,
    n_structures: np.ndarray,
    formulas: Sequence[str],
    structures: np.ndarray | None = None,
    force: bool = False,
) -> Path:
    """Write one version of a composition encoder as ``root/<name>/<version>/`` and enter it into the index.

    The folder appears complete or not at all. The same input gives the same bytes.

    Args:
        root: folder of catalogs; made if needed.
        provenance: all that the builder knows; ``model.hyperparameters`` holds the settings that docs/format.md names.
        content: of the safetensors file, as docs/format.md describes it.
        n_structures: (119,) training structures that contain each element, by atomic number.
        formulas: that it was trained on.
        structures: the digest of the training structures; None where there is none.
        force: replace the version if it exists. A released version should never be.

    Returns:
        The version's folder.

    Raises:
        CatalogExists: the version exists and `force` is off, or another writer made it meanwhile.
        CatalogCorrupt: the content is not an encoder that fits the provenance, or the root's index cannot be read.
        FormulaInvalid: a formula cannot be read.
        ManifestInvalid: the provenance does not fit the schema; the message names the field.
        OutputInvalid: the folder cannot be written.
    """
    spelled = sorted(set(reduced_formulas(formulas)))
    digest = formula_digest(spelled)
    draft = _measure(provenance, np.asarray(n_structures), len(digest))
    draft.to_json()  # validates before the numbers in it are used
    _encoder(draft, read_tensors(content, where=ENCODER), digest, where=ENCODER)

    def write_data(folder: Path) -> None:
        (folder / ENCODER).write_bytes(content)
        np.save(folder / FORMULAS, digest, allow_pickle=False)
        _write_formulas(folder / FORMULA_TABLE, spelled, essentials_of(draft))
        write_structures(folder, structures)

    return publish(root, draft, write_data, force=force)


def read_encoder(folder: Path) -> CompositionEncoder:
    """Read a version's folder without checking the hashes of its files; `embeddings.load_encoder` checks them.

    Raises:
        InputInvalid: the folder holds a catalog of another kind.
        CatalogCorrupt: a file is missing, cannot be read, or disagrees with the manifest.
        ManifestInvalid: the manifest does not fit its schema, or needs a newer library.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    _check_kind(folder, manifest)
    return composition_encoder(folder, manifest, {name: read_file(folder / name) for name in needed(manifest)})


def needed(manifest: Manifest) -> frozenset[str]:
    """Return the names of the files that loading a composition encoder reads."""
    digest = manifest.training.formula_digest
    return frozenset({ENCODER} if digest is None else {ENCODER, digest.file})


def composition_encoder(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> CompositionEncoder:
    """Make the encoder out of the content of its files.

    Args:
        folder: where they stand, for messages.
        manifest: of the folder.
        contents: name -> content; of the files that `needed` names.

    Raises:
        InputInvalid: the catalog is of another kind.
        CatalogCorrupt: a file is missing, cannot be read, or disagrees with the manifest.
        ManifestInvalid: the manifest names no architecture that is known here, or lacks a setting of it.
    """
    _check_kind(folder, manifest)
    check_listed(folder, needed(manifest), contents)
    digest = manifest.training.formula_digest
    seen = None if digest is None else parse_npy(contents[digest.file], folder / digest.file)
    tensors = read_tensors(contents[ENCODER], where=folder / ENCODER)
    return _encoder(manifest, tensors, seen, where=folder / ENCODER)


def read_formulas(folder: Path) -> list[str]:
    """Return the formulas that an encoder was trained on: canonical, reduced, in alphabetical order.

    Raises:
        CatalogCorrupt: the file is missing or cannot be read.
    """
    path = Path(folder) / FORMULA_TABLE
    return formulas_of_parquet(read_file(path), path)[0]


def formulas_of_parquet(content: bytes, where: Path) -> tuple[list[str], dict[str, str]]:
    """Return the formulas in the content of a Parquet file, and what the file says about itself.

    Raises:
        CatalogCorrupt: not a table of formulas.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
        column = table["formula"]
        if not pa.types.is_string(column.type) or column.null_count:
            raise ValueError(f"its formulas are {column.type}, {column.null_count} of them missing")
        return column.to_pylist(), texts((table.schema.metadata or {}).items())
    except (OSError, KeyError, ValueError, MemoryError, pa.ArrowException) as error:
        raise CatalogCorrupt(f"{where} cannot be read: {error}. Install or build this version again.") from error


def _check_kind(folder: Path, manifest: Manifest) -> None:
    if manifest.kind != KIND:
        raise InputInvalid(f'{folder} holds a catalog of kind "{manifest.kind}", not a {KIND}.')


def _measure(provenance: Provenance, n_structures: np.ndarray, n_formulas: int) -> Manifest:
    """Complete a provenance; the rows of an encoder are the formulas that it was trained on."""
    digest = FormulaDigest(file=FORMULAS, n_formulas=n_formulas)
    covered = np.flatnonzero(n_structures).tolist()
    return Manifest.of(
        replace(provenance, training=replace(provenance.training, formula_digest=digest)),
        kind=KIND,
        dim=setting(provenance.model.hyperparameters, "dim"),
        n_rows=n_formulas,
        missing_elements=tuple(symbol for symbol in SYMBOLS if ATOMIC_NUMBERS[symbol] not in covered),
        n_structures={SYMBOLS[z - 1]: int(n_structures[z]) for z in covered},
        files=(),
    )


def _encoder(manifest: Manifest, tensors: Tensors, seen: np.ndarray | None, *, where: object) -> CompositionEncoder:
    """Put an encoder together.

    Raises:
        CatalogCorrupt: the tensors are not those of an encoder, or not those in the manifest.
        ManifestInvalid: the manifest names no architecture that is known here, or lacks a setting of it.
    """
    try:
        network = network_of(manifest.model.hyperparameters, tensors, where=where)
        elements = ElementCatalog(manifest, _element_table(manifest, tensors["elements"], seen))
        if network.dim != manifest.dim:
            raise InputInvalid(
                f"Its vectors have {counted(network.dim, 'number')}, and the manifest says {manifest.dim}."
            )
        spread = Spread(*(tensors[name] for name in SPREAD)) if SPREAD[0] in tensors else None
        return CompositionEncoder(manifest, elements, network, spread)
    except (InputInvalid, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ManifestInvalid):
            raise
        raise CatalogCorrupt(f"{where} does not fit its manifest. {shortened(str(error), 500)}") from error


def _element_table(manifest: Manifest, vectors: np.ndarray, seen: np.ndarray | None) -> ElementTable:
    """Return the rows of the elements seen in training; all other rows are NaN."""
    if vectors.ndim != 2 or len(vectors) != N_ELEMENTS + 1:
        raise InputInvalid(f"Its element vectors have the shape {vectors.shape}, not ({N_ELEMENTS + 1}, width).")
    if seen is not None and (manifest.training.formula_digest is None or len(seen) != manifest.n_rows):
        raise InputInvalid(f"It has {counted(len(seen), 'hashed formula')}, and the manifest says {manifest.n_rows}.")
    numbers = np.flatnonzero(~np.isnan(vectors).all(axis=1))
    if tuple(SYMBOLS[z - 1] for z in numbers) != tuple(manifest.n_structures):
        raise InputInvalid(
            f"It has vectors for {counted(len(numbers), 'element')}, not the ones that the manifest counts."
        )
    return ElementTable(numbers, vectors[numbers], list(manifest.n_structures.values()), seen)  # type: ignore[arg-type]


def _write_formulas(path: Path, formulas: list[str], essentials: dict[str, str]) -> None:
    """Write a table of one column, compressed well: sorted formulas begin like their neighbors."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([pa.field("formula", pa.string(), nullable=False)], essentials)
    pq.write_table(
        pa.table({"formula": pa.array(formulas, pa.string())}, schema),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding={"formula": "DELTA_BYTE_ARRAY"},
        write_page_checksum=True,
    )
