"""For MEGNet on Keras (Chen et al., Chem. Mater. 31, 3564, 2019): the weights of its layer ``atom_embedding``.

The MEGNet that is maintained is matgl's; see `embeddings.export.matgl`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO

import numpy as np

from embeddings.export.output import save
from embeddings.export.rows import table_by_number
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike


def write_megnet(
    catalog: CatalogLike,
    path: str | os.PathLike[str],
    *,
    missing: Missing = "raise",
    elements: Iterable[str | int] | None = None,
) -> None:
    """Write (119, dim) float32 as ``.npy``; row 0 is the dummy, an element that was left out is NaN.

    Build the model with ``nvocal=len(table), embedding_dim=table.shape[1]``, then
    ``model.get_layer("atom_embedding").set_weights([table])``.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    content = BytesIO()
    np.save(content, table_by_number(catalog, elements, missing=missing), allow_pickle=False)
    save(path, content.getvalue())
