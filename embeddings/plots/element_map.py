"""A map of the elements: vectors brought to two or three dimensions, each point with its symbol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from embeddings.analysis.clusters import Clustering
from embeddings.analysis.projection import Method, Projection, project
from embeddings.catalog import ElementCatalog
from embeddings.plots.coloring import NO_VALUE, Coloring, color_elements
from embeddings.plots.figure import Axis, Entry, Figure, Lines, Mark, Panel, Points
from embeddings.plots.palette import LINE, MISSING
from embeddings.plots.spread import spread

DISC = 16.0  # diameter, points
_LONG, _SHORT = 8.2, 4.0  # sides of a map, inches: the longer one, and the shorter one at least
_SPACING = 1.25  # of the centers of discs, in diameters


def embedding_map(
    catalog: ElementCatalog,
    method: Method = "umap",
    *,
    dims: int = 2,
    color: str | Mapping[Any, Any] | Clustering = "block",
    seed: int = 0,
    title: str = "",
) -> Figure:
    """Return a map of a catalog's elements, labeled by symbol.

    In two dimensions discs that would cover each other are moved apart; a line leads from each to its place.

    Args:
        catalog: whose elements.
        method: ``"umap"``, ``"pca"`` or ``"tsne"``, as told in :func:`embeddings.analysis.projection.project`.
        dims: 2 or 3.
        color: ``"block"``, ``"cluster"``, ``"n_structures"``, a name out of
            :data:`embeddings.analysis.properties.PROPERTIES` (``"group"`` is one), values by element, or a
            clustering.
        seed: of UMAP and t-SNE.
        title: of the figure.

    Raises:
        InputInvalid: unknown method, coloring or number of dimensions, or too few elements.
        MissingExtra: a package that the method or the coloring needs is not installed.

    Example:
        >>> embedding_map(load_uae("ct-multi"), color="electronegativity")  # doctest: +SKIP
    """
    coloring = color_elements(catalog, color)
    places = project(catalog, method, dims=dims, seed=seed)
    return map_figure(places, catalog.symbols, coloring, title=title)


def map_figure(places: Projection, symbols: tuple[str, ...], coloring: Coloring, *, title: str = "") -> Figure:
    """Return the figure of a projection of elements that is there already."""
    across, up = _sides(places.at)
    legend = [*coloring.legend]
    if any(coloring.missing):
        legend.append(Entry(NO_VALUE, MISSING))
    return Figure(
        title,
        [map_panel(places, symbols, coloring, box=(across, up))],
        size=(across + 0.4, up + 0.9),
        legend=legend,
        legend_title="" if coloring.scale else coloring.label,
        scale=coloring.scale,
    )


def map_panel(places: Projection, symbols: tuple[str, ...], coloring: Coloring, *, box: tuple[float, float]) -> Panel:
    """Return the panel of a projection of elements, which will have a box of inches across and up."""
    x, y, *z = map(Axis, places.axes)
    if z:
        return Panel([_discs(places.at, symbols, coloring)], x, y, z[0])
    inch = (np.ptp(places.at, axis=0) / box).max()
    discs = spread(places.at, _SPACING * DISC / 72 * inch)
    marks: list[Mark] = [_discs(discs, symbols, coloring)]
    far = np.linalg.norm(discs - places.at, axis=1) > 0
    if far.any():
        paths = [np.stack(ends) for ends in zip(places.at[far], discs[far], strict=True)]
        marks.insert(0, Lines(paths, [LINE] * len(paths), width=0.8))
    return Panel(marks, x, y, equal=True)


def _sides(at: np.ndarray) -> tuple[float, float]:
    """Return a map's width and height in inches that leave no empty stripes beside or above it."""
    if at.shape[1] == 3:
        return _LONG, 0.8 * _LONG
    spans = np.maximum(np.ptp(at, axis=0), np.finfo(float).tiny)
    across, up = np.maximum(_LONG * spans / spans.max(), _SHORT)
    return float(across), float(up)


def _discs(at: np.ndarray, symbols: tuple[str, ...], coloring: Coloring) -> Points:
    hover = [f"{name}\n{text}" for name, text in zip(symbols, coloring.hover(), strict=True)]
    return Points(at, coloring.fills, coloring.shapes, DISC, names=symbols, hover=hover)
