"""Files for everyone: CSV, JSON and HDF5, with the symbol of each element beside its vector.

Each function here, and of this form in the modules beside it, returns the content of a file; what it takes and raises
says `embeddings.export.write`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np

from embeddings.errors import needs
from embeddings.export.rows import Elements, element_rows
from embeddings.loaders import as_uae
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike
from embeddings.store.tables import essentials_of


def csv_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return the columns ``element, 0, 1, ...``, as `ElementEmbeddings` reads them; for CrabNet see `.peers`."""
    rows = element_rows(catalog, elements, missing=missing)
    lines = [",".join(["element", *map(str, range(rows.vectors.shape[1]))])]
    lines += [f"{name},{','.join(map(str, vector))}" for name, vector in zip(*rows, strict=True)]
    return ("\n".join(lines) + "\n").encode()


def json_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return ``{symbol: [...]}``, as `ElementEmbeddings` and aviary read it."""
    rows = element_rows(catalog, elements, missing=missing)
    return json_content({name: numbers(vector) for name, vector in zip(*rows, strict=True)})


def hdf5_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return the data sets ``atomic_number``, ``symbol``, ``n_structures`` and ``vector``, one row per element.

    A row that the policy filled in has no training structures; where a catalog does not know its training structures,
    there is no such data set. Attributes of the file say what a catalog's own
    ``vectors.h5`` says: name, version, recipe, licence.
    """
    with needs("h5py", "hdf5"):
        import h5py
    uae, content = as_uae(catalog), BytesIO()
    rows = element_rows(uae, elements, missing=missing)
    counts = np.array([uae.n_structures.get(name, 0) for name in rows.symbols], dtype=np.int32)
    with h5py.File(content, "w") as file:
        file["atomic_number"], file["symbol"] = rows.atomic_numbers.astype(np.int16), np.array(rows.symbols, dtype="S2")
        file["vector"] = rows.vectors
        if uae.n_structures:
            file["n_structures"] = counts
        file.attrs.update(essentials_of(uae.manifest))
    return content.getvalue()


def json_content(document: Mapping[str, Any]) -> bytes:
    """Return JSON with one line for each key."""
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def numbers(vector: np.ndarray) -> list[float]:
    """Return float32 values as the shortest decimals that give them back."""
    return [float(str(value)) for value in vector]
