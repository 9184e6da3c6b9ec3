"""The periodic table, colored by numbers or by classes; what is missing is hatched."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, Unpack

from embeddings.analysis.clusters import Clustering
from embeddings.analysis.rows import Elements
from embeddings.catalog import ElementCatalog
from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS, atomic_number, group, period, symbol
from embeddings.errors import InputInvalid
from embeddings.loaders import as_uae
from embeddings.plots.coloring import NO_VALUE, Coloring, color_elements, color_values, is_missing
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Axis, Entry, Panel, Tiles
from embeddings.plots.palette import MISSING
from embeddings.plots.style import Look, Style, read_style

NO_VECTOR = "no vector"

_F_BLOCK_DOWN = 2.4  # rows between a period and its part of the f block
_KEY_BOX = (0.17, 0.76, 0.47, 0.22)  # the empty place above the transition metals


def periodic_table(
    data: Elements | Mapping[Any, Any] | Clustering,
    *,
    color: str | Mapping[Any, Any] | Clustering = "cluster",
    label: str = "",
    log: bool = False,
    **style: Unpack[Style],
) -> Figure:
    """Return the table of all 118 elements, with symbol, number and value in each cell.

    Elements that a catalog does not cover are hatched, and so are those without one of the given values.

    Args:
        data: numbers (a scale of shades) or text (classes) by symbol or atomic number; a clustering of elements; or
            a catalog, or its name.
        color: what to color a catalog by, as in :func:`embeddings.plots.embedding_map`.
        label: what the given values are.
        log: shade given numbers by their logarithm.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: values that cannot be colored by, or more classes than colors.
        ElementUnknown: a value for something that is not an element.
        MissingExtra: a package that the coloring needs is not installed.

    Example:
        >>> periodic_table({"H": 2.2, "O": 3.44}, label="electronegativity")  # doctest: +SKIP
    """
    look = read_style(style)
    if isinstance(data, ElementCatalog | str | os.PathLike):
        catalog = as_uae(data)
        return _figure(color_elements(catalog, color, cmap=look.cmap), catalog.symbols, NO_VECTOR, look)
    if isinstance(data, Clustering):
        symbols = tuple(data.to_dict())
        return _figure(color_values(data, symbols, label=label, cmap=look.cmap), symbols, NO_VECTOR, look)
    known = {symbol(element): value for element, value in data.items() if not is_missing(value)}
    symbols = tuple(name for name in SYMBOLS if name in known)
    return _figure(color_values(known, symbols, label=label, log=log, cmap=look.cmap), symbols, NO_VALUE, look)


def cell(element: str | int) -> tuple[int, float]:
    """Return the column, 1 to 18, and the row, 1 to 7 or further below for the f block, of an element."""
    column, row = group(element), period(element)
    if column is not None:
        return column, row
    return 3 + (atomic_number(element) - 57) % 32, row + _F_BLOCK_DOWN


def _figure(coloring: Coloring, symbols: Collection[str], absent: str, look: Look) -> Figure:
    if not symbols:
        raise InputInvalid("No element has a value, so there is nothing to draw.")
    legend = [*coloring.legend]
    if any(coloring.missing):
        legend.append(Entry(NO_VALUE, MISSING, "square"))
    if len(symbols) < len(SYMBOLS):
        legend.append(Entry(absent, MISSING, "square", hatched=True))
    tiles = _tiles(coloring, symbols, absent)
    size, zoom = look.fit((12.0, 6.7))
    return Figure(
        look.title,
        [Panel([tiles], Axis(limits=(0.4, 18.6)), Axis(limits=(10.0, 0.4)), equal=True, framed=False)],
        size=size,
        legend=legend,
        legend_title="" if coloring.scale else coloring.label,
        scale=coloring.scale,
        key_box=_KEY_BOX,
        font=look.font,
        zoom=zoom,
    )


def _tiles(coloring: Coloring, symbols: Collection[str], absent: str) -> Tiles:
    columns, rows = zip(*map(cell, SYMBOLS), strict=True)
    fills = dict(zip(symbols, coloring.fills, strict=True))
    texts = dict(zip(symbols, coloring.texts, strict=True))
    hover = dict.fromkeys(SYMBOLS, absent) | dict(zip(symbols, coloring.hover(), strict=True))
    return Tiles(
        columns,
        rows,
        fills=[fills.get(name, MISSING) for name in SYMBOLS],
        hatched=[name not in fills for name in SYMBOLS],
        corners=[str(z) for z in ATOMIC_NUMBERS.values()],
        names=SYMBOLS,
        texts=[texts.get(name, "") for name in SYMBOLS],
        hover=[f"{name} ({ATOMIC_NUMBERS[name]})\n{hover[name]}" for name in SYMBOLS],
    )
