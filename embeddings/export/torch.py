"""For torch: the weights of an embedding layer that is indexed by atomic number, as a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from embeddings.export.output import save
from embeddings.featurizers.torch import embedding_layer
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike


def write_torch(
    catalog: CatalogLike,
    path: str | os.PathLike[str],
    *,
    missing: Missing = "raise",
    elements: Iterable[str | int] | None = None,
) -> None:
    """Write the state of `embeddings.featurizers.torch.embedding_layer`.

    ``torch.nn.Embedding(119, dim, padding_idx=0).load_state_dict(torch.load(path))`` reads it.

    Args:
        catalog: the element vectors, loaded or by name.
        path: the file.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see `embeddings.export.element_rows`.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        OutputInvalid: the file cannot be written.
    """
    save_tensors(path, embedding_layer(catalog, missing=missing, elements=elements).state_dict())


def save_tensors(path: str | os.PathLike[str], document: Mapping[str, Any]) -> None:
    """Write what `torch.load` reads with ``weights_only``, its default.

    Raises:
        OutputInvalid: the file cannot be written.
    """
    import torch

    content = BytesIO()
    torch.save(dict(document), content)
    save(path, content.getvalue())
