"""Every element against every other: a matrix of cosines."""

from __future__ import annotations

from typing import Literal, Unpack, get_args

import numpy as np

from embeddings.analysis.clusters import ward_linkage
from embeddings.analysis.properties import property_values
from embeddings.analysis.rows import Elements, unit_rows
from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid, did_you_mean
from embeddings.loaders import as_uae
from embeddings.plots.coloring import format_number, nice_ticks
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Axis, Panel, Raster, Scale
from embeddings.plots.palette import DIVERGING
from embeddings.plots.style import Style, read_style
from embeddings.search.neighbors import cosine_similarity

Order = Literal["atomic_number", "cluster", "mendeleev"]


def similarity_heatmap(catalog: Elements, *, order: Order = "atomic_number", **style: Unpack[Style]) -> Figure:
    """Return the cosine of every pair of elements as a matrix of colors.

    Red is similar and blue is opposite. The colors reach as far as the strongest similarity or dissimilarity between
    two different elements, with white at zero.

    Args:
        catalog: the catalog of elements, or its name.
        order: ``"atomic_number"``, ``"cluster"`` (leaves of Ward's tree, so that similar elements are side by side) or
            ``"mendeleev"`` (Mendeleev numbers: down the groups, one after another).
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: unknown order, or a catalog with one element.
        MissingExtra: a package that the order needs is not installed.

    Example:
        >>> similarity_heatmap("ct-multi", order="cluster")  # doctest: +SKIP
    """
    look = read_style(style)
    size, zoom = look.fit((9.5, 8.5))
    colors = DIVERGING if look.cmap is None else look.cmap.colors
    catalog = as_uae(catalog)
    if len(catalog) < 2:
        raise InputInvalid(f"{catalog!r} has one element; similarities need at least two.")
    rows = _row_order(catalog, order)
    cosines = cosine_similarity(catalog.vectors[rows])
    reach = float(np.abs(cosines[~np.eye(len(cosines), dtype=bool)]).max()) or 1.0
    symbols = [catalog.symbols[row] for row in rows]
    tick_size = zoom * float(np.clip(490 / len(symbols), 4.5, 9.0))
    hover = [[f"{a}, {b}: {value:+.3f}" for b, value in zip(symbols, line, strict=True)]
             for a, line in zip(symbols, cosines, strict=True)]  # fmt: skip
    ticks = tuple(enumerate(symbols))
    return Figure(
        look.title,
        [Panel(
            [Raster(cosines, -reach, reach, colors, hover)],
            Axis(ticks=ticks, tick_size=tick_size, upright=True),
            Axis(ticks=ticks, tick_size=tick_size),
            equal=True,
            framed=False,
        )],
        size=size,
        scale=Scale("cosine similarity", colors, _ticks(reach)),
        font=look.font,
    )  # fmt: skip


def _row_order(catalog: ElementCatalog, order: Order) -> np.ndarray:
    if order == "atomic_number":
        return np.arange(len(catalog))
    if order == "cluster":
        return _leaves(unit_rows(catalog))
    if order == "mendeleev":
        return np.argsort(property_values("mendeleev_number")[catalog.atomic_numbers - 1], kind="stable")
    known = get_args(Order)
    raise InputInvalid(f'Order "{order}" is not known; use {", ".join(known)}.{did_you_mean(str(order), known)}')


def _leaves(rows: np.ndarray) -> np.ndarray:
    """Return the order of the leaves of Ward's tree in which neighbors are as near as the tree allows."""
    tree = ward_linkage(rows)
    from scipy.cluster.hierarchy import leaves_list, optimal_leaf_ordering

    return leaves_list(optimal_leaf_ordering(tree, rows))


def _ticks(reach: float) -> tuple[tuple[float, str], ...]:
    return tuple((0.5 + tick / (2 * reach), format_number(tick)) for tick in nice_ticks(-reach, reach))
