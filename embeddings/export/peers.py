"""For the packages of the field that read tables of elements: pymatgen, matminer, aviary and CrabNet."""

from __future__ import annotations

import os
import warnings

from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from embeddings.export.files import Elements, write_csv, write_json
from embeddings.export.output import numbers, save_json
from embeddings.export.rows import element_rows
from embeddings.loaders import as_uae
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike

MATMINER_WIDTH = 200
"""The most numbers of a vector that matminer's reader keeps; it drops the rest without a word."""


def write_pymatgen(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write ``{symbol: {"ct-multi 0": number, ...}}``, the layout of pymatgen's ``periodic_table.json``.

    ``pandas.read_json(path, orient="index")`` reads it as well. Columns that have names keep them.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements, in order; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    uae = as_uae(catalog)
    rows, names = element_rows(uae, elements, missing=missing), column_names(uae)
    save_json(
        path, {symbol: dict(zip(names, numbers(vector), strict=True)) for symbol, vector in zip(*rows, strict=True)}
    )


def write_matminer(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write ``{symbol: [...]}``, the file behind matminer's ``MatscholarElementData``, which keeps 200 numbers at most.

    A featurizer of `embeddings.featurizers.matminer` needs no file, and takes any width.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements, in order; see `embeddings.export.element_rows`.

    Raises:
        InputInvalid: the vectors are wider than 200.
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    uae = as_uae(catalog)
    if uae.dim > MATMINER_WIDTH:
        raise InputInvalid(
            f"{uae!r} is {uae.dim} wide, and matminer keeps {MATMINER_WIDTH} numbers of a vector and drops the rest. "
            "Use the featurizer of embeddings.featurizers.matminer."
        )
    write_json(uae, path, missing=missing, elements=elements)


def write_aviary(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write ``{symbol: [...]}`` for ``elem_embedding=path`` of Roost, Wren and CGCNN in aviary.

    aviary has a row for every atomic number up to the highest in the file, and fills those that are not there with
    zeros; a warning names them.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    uae = as_uae(catalog)
    rows = element_rows(uae, elements, missing=missing)
    absent = [symbol for symbol in SYMBOLS[: rows.atomic_numbers.max()] if symbol not in rows.symbols]
    save_json(path, {name: numbers(vector) for name, vector in zip(*rows, strict=True)})
    if absent:
        warnings.warn(f"aviary gives zeros to the elements that are not in {path}: {', '.join(absent)}.", stacklevel=2)


def write_crabnet(
    catalog: CatalogLike, path: str | os.PathLike[str], *, missing: Missing = "raise", elements: Elements = None
) -> None:
    """Write the columns ``element, 0, 1, ...`` with a row for each of the 118 elements, in order.

    CrabNet finds an element by the place of its row and never looks at the symbol, so no row may be left out. Save the
    file as ``crabnet/data/element_properties/NAME.csv``, and build the model with ``elem_prop="NAME"``.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: all 118 or None.

    Raises:
        InputInvalid: only some elements are asked for.
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    if elements is not None and list(elements) != list(SYMBOLS):
        raise InputInvalid(
            "CrabNet takes rows by their place, so all 118 elements are written. Leave out the elements."
        )
    write_csv(catalog, path, missing=missing, elements=SYMBOLS)


def column_names(uae: ElementCatalog) -> list[str]:
    """Return a name for each number of a vector: its own, or that of the catalog with its place."""
    table = uae.manifest.table
    if table is not None and table.columns:
        return [column.name for column in table.columns]
    return [f"{uae.name} {k}" for k in range(uae.dim)]
