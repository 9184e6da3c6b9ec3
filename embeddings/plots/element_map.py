"""A map of the elements: vectors brought to two or three dimensions, each point with its symbol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from embeddings.analysis.clusters import Clustering
from embeddings.analysis.projection import Method, Projection, project
from embeddings.analysis.rows import Elements
from embeddings.loaders import as_uae
from embeddings.plots.coloring import NO_VALUE, Coloring, color_elements
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Axis, Entry, Lines, Mark, Panel, Points
from embeddings.plots.palette import LINE, MISSING
from embeddings.plots.spread import spread
from embeddings.plots.style import Look, Style, read_style

DISC = 16.0  # diameter, points
_LONG, _SHORT = 8.2, 2.6  # sides of a map, inches: the longer one, and the shorter one at least
_LEFT, _RIGHT = 0.4, 0.9  # what the label of an axis takes, and a bar of colors, inches
_ABOVE, _BELOW, _LEGEND = 0.35, 0.3, 0.5  # what the title, the label of an axis and the legend take, inches
_SPACING = 1.25  # of the centers of discs, in diameters


def embedding_map(
    catalog: Elements,
    method: Method = "umap",
    *,
    dims: int = 2,
    color: str | Mapping[Any, Any] | Clustering = "block",
    seed: int = 0,
    **style: Unpack[Style],
) -> Figure:
    """Return a map of a catalog's elements, labeled by symbol.

    In two dimensions discs that would cover each other are moved apart; a line leads from each to its place.

    Args:
        catalog: the catalog of elements, or its name.
        method: ``"umap"``, ``"pca"`` or ``"tsne"``, see :func:`embeddings.analysis.project`.
        dims: 2 or 3.
        color: ``"block"``, ``"cluster"``, ``"n_structures"``, a name out of
            :data:`embeddings.analysis.properties.PROPERTIES` (``"group"`` is one), values by element, or a
            clustering.
        seed: of UMAP and t-SNE.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: unknown method, coloring or number of dimensions, or too few elements.
        MissingExtra: a package that the method or the coloring needs is not installed.

    Example:
        >>> embedding_map("ct-multi", color="electronegativity")  # doctest: +SKIP
    """
    look, catalog = read_style(style), as_uae(catalog)
    coloring = color_elements(catalog, color, cmap=look.cmap)
    places = project(catalog, method, dims=dims, seed=seed)
    return map_figure(places, catalog.symbols, coloring, look)


def map_figure(places: Projection, symbols: tuple[str, ...], coloring: Coloring, look: Look) -> Figure:
    """Return the figure of a projection of elements, as wide and tall as the map needs unless a size is asked for."""
    legend = [*coloring.legend]
    if any(coloring.missing):
        legend.append(Entry(NO_VALUE, MISSING))
    beside = _LEFT + (_RIGHT if coloring.scale else 0.0)
    around = _ABOVE + _BELOW + (_LEGEND if legend else 0.0)
    across, up = _sides(places.at)
    size, zoom = look.fit((across + beside, up + around))
    box = max(size[0] - beside, 0.1), max(size[1] - around, 0.1)
    return Figure(
        look.title,
        [map_panel(places, symbols, coloring, box=box, zoom=min(zoom, 1.0))],
        size=size,
        legend=legend,
        legend_title="" if coloring.scale else coloring.label,
        scale=coloring.scale,
        font=look.font,
    )


def map_panel(
    places: Projection,
    symbols: tuple[str, ...],
    coloring: Coloring,
    *,
    box: tuple[float, float],
    zoom: float = 1.0,
    stretched: bool = False,
) -> Panel:
    """Return the panel of a projection of elements.

    Args:
        places: of the elements.
        symbols: of the elements.
        coloring: of the elements.
        box: width and height that the panel will have, inches.
        zoom: how large the discs are, relative to their usual size.
        stretched: let each axis fill its side, so that no part of the box is empty.
    """
    x, y, *z = map(Axis, places.axes)
    if z:
        return Panel([_discs(places.at, symbols, coloring, zoom)], x, y, z[0])
    at = _stretched(places.at, box) if stretched else places.at
    inch = (np.ptp(at, axis=0) / box).max()
    discs = spread(at, _SPACING * zoom * DISC / 72 * inch)
    marks: list[Mark] = [_discs(discs, symbols, coloring, zoom)]
    far = np.linalg.norm(discs - at, axis=1) > 0
    if far.any():
        paths = [np.stack(ends) for ends in zip(at[far], discs[far], strict=True)]
        marks.insert(0, Lines(paths, [LINE] * len(paths), width=0.8))
    return Panel(marks, x, y, equal=not stretched)


def _stretched(at: np.ndarray, box: tuple[float, float]) -> np.ndarray:
    """Return places in inches: each axis spans its side of a box; one without a spread stays at 0."""
    spans = np.ptp(at, axis=0)
    return np.divide((at - at.min(axis=0)) * box, spans, out=np.zeros_like(at), where=spans > 0)


def _sides(at: np.ndarray) -> tuple[float, float]:
    """Return a map's width and height in inches that leave no empty stripes beside or above it."""
    if at.shape[1] == 3:
        return _LONG, 0.8 * _LONG
    spans = np.maximum(np.ptp(at, axis=0), np.finfo(float).tiny)
    across, up = np.maximum(_LONG * spans / spans.max(), _SHORT)
    return float(across), float(up)


def _discs(at: np.ndarray, symbols: tuple[str, ...], coloring: Coloring, zoom: float) -> Points:
    hover = [f"{name}\n{text}" for name, text in zip(symbols, coloring.hover(), strict=True)]
    return Points(at, coloring.fills, coloring.shapes, zoom * DISC, names=symbols, hover=hover)
