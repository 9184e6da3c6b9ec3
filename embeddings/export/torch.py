"""For torch: the weights of an embedding layer that is indexed by atomic number, as a file."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from embeddings.export.rows import Elements
from embeddings.featurizers.torch import embedding_layer
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike


def torch_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return the state of `embeddings.featurizers.torch.embedding_layer`.

    ``torch.nn.Embedding(119, dim, padding_idx=0).load_state_dict(torch.load(path))`` reads it.
    """
    return tensor_content(embedding_layer(catalog, missing=missing, elements=elements).state_dict())


def tensor_content(document: Mapping[str, Any]) -> bytes:
    """Return what `torch.load` reads with ``weights_only``, its default."""
    import torch

    content = BytesIO()
    torch.save(dict(document), content)
    return content.getvalue()
