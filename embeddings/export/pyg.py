"""For PyTorch Geometric (Fey and Lenssen, 2019): the elements of a catalog as the nodes of a ``Data`` object."""

from __future__ import annotations

from typing import Any

from embeddings.errors import needs
from embeddings.export.rows import Elements, element_rows
from embeddings.export.torch import tensor_content
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike


def element_data(catalog: CatalogLike, *, missing: Missing = "raise", elements: Elements = None) -> Any:
    """Return ``Data(x=vectors, z=atomic numbers, row_of=rows by atomic number)`` without edges.

    ``data.x[data.row_of[z]]`` are the vectors of atomic numbers ``z``; -1 stands for an element without one.

    Args:
        catalog: the element vectors, loaded or by name.
        missing: policy for elements without a vector, see `embeddings.export.POLICIES`.
        elements: which elements; see `embeddings.export.element_rows`.

    Returns:
        ``x`` (n, dim) float32, ``z`` (n,) int64, ``row_of`` (119,) int64.

    Raises:
        ElementNotCovered: elements have no vector and `missing` is ``"raise"``.
        MissingExtra: torch_geometric is not installed.
    """
    with needs("torch_geometric", "backends"):
        import torch
        from torch_geometric.data import Data
    rows = element_rows(catalog, elements, missing=missing)
    z = torch.from_numpy(rows.atomic_numbers)
    row_of = torch.full((119,), -1)
    row_of[z] = torch.arange(len(z))
    return Data(x=torch.from_numpy(rows.vectors.copy()), z=z, row_of=row_of)


def pyg_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return what `element_data` returns as a dictionary of tensors: ``Data.from_dict(torch.load(path))``.

    A pickled ``Data`` object would be refused by `torch.load`, which reads tensors alone by default.
    """
    return tensor_content(element_data(catalog, missing=missing, elements=elements).to_dict())
