"""For matgl: MEGNet, M3GNet, CHGNet, TensorNet and SO3Net that start from a catalog, or from vectors of sites.

Each of these models holds a table with one row for each of its ``element_types`` and looks its nodes up in it by
``node_type``. `init_node_embedding` fills that table by symbol. For vectors of sites, `accept_site_vectors` puts
something in its place that takes the rows themselves, and `set_site_vectors` puts them into a graph. The models are
matgl's own, unmodified; see https://github.com/materialyzeai/matgl.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.errors import InputInvalid, needs
from embeddings.export.rows import Elements, element_rows
from embeddings.export.sites import site_array
from embeddings.export.torch import tensor_content
from embeddings.loaders import as_uae
from embeddings.missing import Missing
from embeddings.protocols import CatalogLike
from embeddings.vectors.sites import Sites

with needs("torch", "torch"):
    import torch

TABLES = ("embedding.layer_node_embedding", "atom_embedding", "tensor_embedding.emb", "embedding")
"""Where the models keep their tables: MEGNet and M3GNet, CHGNet, TensorNet, SO3Net."""


class SiteInput(torch.nn.Module):
    """Stands in for the table of a model whose graphs hold vectors beside their row numbers."""

    def __init__(self, dim: int, elements: torch.nn.Embedding | None = None) -> None:
        """Take site vectors `dim` wide, alone or with the rows of a table behind them."""
        super().__init__()
        self.dim, self.elements = dim, elements

    def forward(self, node_type: torch.Tensor) -> torch.Tensor:
        """Return the vectors that `set_site_vectors` put into the graph, and those of the elements where there are any.

        Raises:
            InputInvalid: the graph holds row numbers, or vectors of another width.
        """
        if not node_type.is_floating_point() or node_type.shape[1:] != (self.dim + 1,):
            raise InputInvalid(
                f"This model takes site vectors of width {self.dim}, but the graph holds {node_type.dtype} of shape "
                f"{tuple(node_type.shape)} as node_type. Call set_site_vectors on every graph."
            )
        vectors, row_numbers = node_type[:, 1:], node_type[:, 0]
        if self.elements is None:
            return vectors
        return torch.cat([vectors, self.elements(row_numbers.long())], dim=1)


def init_node_embedding(model: Any, catalog: CatalogLike, *, freeze: bool = False, missing: Missing = "raise") -> None:
    """Start the element table of a matgl model from a catalog: each row by its symbol in ``model.element_types``.

    matgl's ``save`` keeps the vectors but not the freeze; call this again after ``load`` to go on with it.

    Args:
        model: a model whose table is as wide as the catalog: ``MEGNet(dim_node_embedding=catalog.dim, ...)``.
        catalog: the element vectors, loaded or by name.
        freeze: whether training leaves the vectors as they are.
        missing: policy for elements of the model without a vector, see `embeddings.export.POLICIES`.

    Raises:
        ElementNotCovered: elements of the model have no vector and `missing` is ``"raise"``.
        InputInvalid: not such a model, or another width.
    """
    uae = as_uae(catalog)
    table = model.get_submodule(_table_path(model, uae.dim))
    rows = element_rows(uae, model.element_types, missing=missing)
    with torch.no_grad():
        table.weight.copy_(torch.from_numpy(rows.vectors))
    table.padding_idx = None  # SO3Net takes row 0, which is hydrogen, for padding and would never train it
    table.weight.requires_grad_(not freeze)


def accept_site_vectors(
    model: Any, dim: int, *, beside: CatalogLike | None = None, freeze: bool = False, missing: Missing = "raise"
) -> None:
    """Let a matgl model take one vector for each site, from graphs of `set_site_vectors`, in place of its table.

    Args:
        model: a MEGNet, M3GNet, CHGNet or TensorNet whose table is as wide as all that stands for an atom.
        dim: width of the site vectors.
        beside: element vectors, loaded or by name, to append to those of the sites, ``dim + beside.dim`` numbers
            in all; None for none.
        freeze: whether training leaves the element vectors as they are.
        missing: policy for elements of the model without a vector, see `embeddings.export.POLICIES`.

    Raises:
        ElementNotCovered: elements of the model have no vector and `missing` is ``"raise"``.
        InputInvalid: not such a model, another width, or SO3Net, which takes nothing but row numbers.
    """
    uae = None if beside is None else as_uae(beside)
    path = _table_path(model, dim + (0 if uae is None else uae.dim))
    if path == "embedding":
        raise InputInvalid(f"{type(model).__name__} rounds what its graphs hold to row numbers; it takes no vectors.")
    elements = None
    if uae is not None:
        rows = element_rows(uae, model.element_types, missing=missing)
        elements = torch.nn.Embedding.from_pretrained(torch.from_numpy(rows.vectors), freeze=freeze)
    model.set_submodule(path, SiteInput(dim, elements))


def set_site_vectors(
    graph: Any,
    sites: Sites | tuple[np.ndarray, np.ndarray],
    element_types: Sequence[str],
    *,
    name: str = "the crystal",
) -> None:
    """Put the vectors of the sites of one crystal into its matgl graph, behind the row numbers of their elements.

    ``graph.node_type`` becomes (n_sites, 1 + dim) float32; a second call replaces the vectors.

    Args:
        graph: what a graph converter of matgl returns first.
        sites: vectors (n_sites, dim) and atomic numbers (n_sites,), in the order of the structure.
        element_types: of the converter: what the row numbers of the graph stand for.
        name: of the crystal, for messages.

    Raises:
        InputInvalid: not one finite vector for each site, or one for another element than the graph has in that place.
    """
    row_numbers = graph.node_type.reshape(graph.num_nodes, -1)[:, :1]
    vectors = site_array(sites, _elements(row_numbers, element_types, name), name)
    graph.node_type = torch.cat([row_numbers.float(), torch.from_numpy(vectors).to(row_numbers.device)], dim=1)


def _elements(row_numbers: torch.Tensor, element_types: Sequence[str], name: str) -> list[int]:
    """Return the atomic numbers of a graph's nodes."""
    rows = row_numbers.ravel().long().tolist()
    if rows and max(rows) >= len(element_types):
        raise InputInvalid(
            f"The graph of {name} has an element of row {max(rows)}, but {len(element_types)} element types were "
            "given. Give those of its converter."
        )
    return [ATOMIC_NUMBERS[element_types[row]] for row in rows]


def matgl_file(catalog: CatalogLike, *, missing: Missing, elements: Elements) -> bytes:
    """Return a table for matgl as a torch file: ``{"element_types": [...], "weight": (n, dim) float32}``.

    A model built with these ``element_types`` loads it; `init_node_embedding` fills a model without a file.
    """
    rows = element_rows(catalog, elements, missing=missing)
    return tensor_content({"element_types": list(rows.symbols), "weight": torch.from_numpy(rows.vectors)})


def _table_path(model: Any, dim: int) -> str:
    """Return the path of a model's element table, whose width is checked."""
    for path in TABLES if hasattr(model, "element_types") else ():
        try:
            table = model.get_submodule(path)
        except AttributeError:
            continue
        if isinstance(table, torch.nn.Embedding) and table.num_embeddings == len(model.element_types):
            _check_width(model, table.embedding_dim, dim)
            return path
    raise InputInvalid(
        f"{type(model).__name__} is not a matgl model with a table of elements; give the model itself, not its trainer."
    )


def _check_width(model: Any, width: int, dim: int) -> None:
    if width != dim:
        raise InputInvalid(
            f"The element table of this {type(model).__name__} is {width} wide, but the vectors have {dim} numbers. "
            "Build the model with that width."
        )
