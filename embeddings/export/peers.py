"""For packages that read tables of elements: pymatgen, matminer, aviary, CrabNet, and MEGNet on Keras."""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np

from embeddings.catalog import ElementCatalog
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid
from embeddings.export.files import csv_file, json_content, json_file, numbers
from embeddings.export.rows import Elements, element_rows, table_by_number
from embeddings.loaders import as_uae
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike

MATMINER_WIDTH = 200
"""The most numbers of a vector that matminer's reader keeps; it drops the rest without a word."""


def pymatgen_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return ``{symbol: {"ct-multi 0": number, ...}}``, the layout of pymatgen's ``periodic_table.json``.

    ``pandas.read_json(path, orient="index")`` reads it as well. Columns that have names keep them.
    """
    uae = as_uae(catalog)
    rows, names = element_rows(uae, elements, missing=missing), column_names(uae)
    return json_content(
        {symbol: dict(zip(names, numbers(vector), strict=True)) for symbol, vector in zip(*rows, strict=True)}
    )


def matminer_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return ``{symbol: [...]}`` for matminer's ``MatscholarElementData``, which keeps 200 numbers at most.

    A featurizer of `embeddings.featurizers.matminer` needs no file, and takes any width.

    Raises:
        InputInvalid: the vectors are wider than 200.
    """
    uae = as_uae(catalog)
    if uae.dim > MATMINER_WIDTH:
        raise InputInvalid(
            f"{uae!r} is {uae.dim} wide, and matminer keeps {MATMINER_WIDTH} numbers of a vector and drops the rest. "
            "Use the featurizer of embeddings.featurizers.matminer."
        )
    return json_file(uae, missing=missing, elements=elements)


def aviary_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return ``{symbol: [...]}`` for ``elem_embedding=path`` of Roost, Wren and CGCNN in aviary.

    aviary has a row for every atomic number up to the highest in the file, and fills those that are not there with
    zeros; a warning names them.
    """
    rows = element_rows(catalog, elements, missing=missing)
    absent = [symbol for symbol in SYMBOLS[: rows.atomic_numbers.max()] if symbol not in rows.symbols]
    if absent:
        warnings.warn(
            f"aviary gives zeros to the elements that are not in the file: {', '.join(absent)}.", stacklevel=3
        )
    return json_content({name: numbers(vector) for name, vector in zip(*rows, strict=True)})


def crabnet_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return the columns ``element, 0, 1, ...`` with a row for each of the 118 elements, in order.

    CrabNet finds an element by the place of its row and never looks at the symbol, so no row may be left out. Save the
    file as ``crabnet/data/element_properties/NAME.csv``, and build the model with ``elem_prop="NAME"``.

    Raises:
        InputInvalid: only some elements are asked for.
    """
    if elements is not None and list(elements) != list(SYMBOLS):
        raise InputInvalid(
            "CrabNet takes rows by their place, so all 118 elements are written. Leave out the elements."
        )
    return csv_file(catalog, missing=missing, elements=SYMBOLS)


def megnet_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return (119, dim) float32 as ``.npy``; row 0 is the dummy, an element that was left out is NaN.

    They are the weights of the layer ``atom_embedding`` of MEGNet on Keras (Chen et al., Chem. Mater. 31, 3564, 2019).
    Build the model with ``nvocal=len(table), embedding_dim=table.shape[1]``, then
    ``model.get_layer("atom_embedding").set_weights([table])``. The MEGNet that is maintained is matgl's; see
    `embeddings.export.matgl`.
    """
    content = BytesIO()
    np.save(content, table_by_number(catalog, elements, missing=missing), allow_pickle=False)
    return content.getvalue()


def column_names(uae: ElementCatalog) -> list[str]:
    """Return a name for each number of a vector: its own, or that of the catalog with its place."""
    table = uae.manifest.table
    if table is not None and table.columns:
        return [column.name for column in table.columns]
    return [f"{uae.name} {k}" for k in range(uae.dim)]
