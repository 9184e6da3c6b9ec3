"""Files for everyone: CSV, JSON and HDF5, with the symbol of each element beside its vector."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO

import numpy as np

from embeddings.errors import MissingExtra
from embeddings.export.output import numbers, save, save_json
from embeddings.export.rows import element_rows
from embeddings.loaders import as_uae
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike
from embeddings.store.tables import essentials_of

Elements = Iterable[str | int] | None


def write_csv(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write the columns ``element, 0, 1, ...``, as `ElementEmbeddings` reads them; for CrabNet see `.peers`.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements, in order; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    rows = element_rows(catalog, elements, missing=missing)
    lines = [",".join(["element", *map(str, range(rows.vectors.shape[1]))])]
    lines += [f"{name},{','.join(map(str, vector))}" for name, vector in zip(*rows, strict=True)]
    save(path, ("\n".join(lines) + "\n").encode())


def write_json(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write ``{symbol: [...]}``, as `ElementEmbeddings` and aviary read it.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements, in order; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    rows = element_rows(catalog, elements, missing=missing)
    save_json(path, {name: numbers(vector) for name, vector in zip(*rows, strict=True)})


def write_hdf5(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write the data sets ``atomic_number``, ``symbol``, ``n_structures`` and ``vector``, one row per element.

    A row that the policy filled in has no training structures; where a catalog does not know its training structures,
    there is no such data set. Attributes of the file say what a catalog's own
    ``vectors.h5`` says: name, version, recipe, licence.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements, in order; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        MissingExtra: h5py is not installed.
        OutputInvalid: the file cannot be written.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtra.of("h5py", "hdf5") from error
    uae, content = as_uae(catalog), BytesIO()
    rows = element_rows(uae, elements, missing=missing)
    counts = np.array([uae.n_structures.get(name, 0) for name in rows.symbols], dtype=np.int32)
    with h5py.File(content, "w") as file:
        file["atomic_number"], file["symbol"] = rows.atomic_numbers.astype(np.int16), np.array(rows.symbols, dtype="S2")
        file["vector"] = rows.vectors
        if uae.n_structures:
            file["n_structures"] = counts
        file.attrs.update(essentials_of(uae.manifest))
    save(path, content.getvalue())
