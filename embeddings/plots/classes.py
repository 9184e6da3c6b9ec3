"""Classes of elements on a map, and what they mean for materials: figure 3 of the paper on ct-UAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack

from embeddings.analysis.clusters import cluster
from embeddings.analysis.projection import project
from embeddings.analysis.rows import Elements
from embeddings.loaders import as_uae
from embeddings.plots.coloring import color_values
from embeddings.plots.element_map import map_panel
from embeddings.plots.figure import Figure
from embeddings.plots.style import Style, read_style
from embeddings.plots.violins import violin_panel

_MAP, _VIOLINS, _HEIGHT = 6.4, 4.0, 5.6  # widths, and the height of all, inches
_AROUND = 1.8  # of the height that axes and legend take


def element_classes(
    catalog: Elements,
    table: Any,
    properties: Mapping[str, str],
    *,
    k: int | Literal["auto"] = 3,
    containing: Sequence[str | int] = ("O",),
    formula: str = "formula",
    seed: int = 0,
    **style: Unpack[Style],
) -> Figure:
    """Return a UMAP of the elements in k-means classes, and violins of properties of materials by class.

    The classes are those of the places on the map, as in figure 3 of Jin et al. (Nat. Commun. 16, 1210, 2025), which
    shows oxides and three classes. The axes of the map are stretched to fill its panel.

    Args:
        catalog: the catalog of elements, or its name.
        table: materials, as in :func:`embeddings.plots.class_violins`.
        properties: name of a numeric column -> its label.
        k: number of classes, or ``"auto"``.
        containing: only materials with all of these elements, whose own classes do not count.
        formula: name of the column of formulas.
        seed: of UMAP and k-means.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        ColumnNotFound: the table has no such column.
        FormulaInvalid: a formula cannot be read.
        InputInvalid: too few elements or materials, or a column that is not numeric.
        MissingExtra: a package is not installed.

    Example:
        >>> element_classes("ct-multi", table, {"band_gap": "band gap (eV)"})  # doctest: +SKIP
    """
    look, catalog = read_style(style), as_uae(catalog)
    size, zoom = look.fit((_MAP + _VIOLINS * len(properties), _HEIGHT))
    places = project(catalog, "umap", seed=seed)
    classes = cluster(places.at, k=k, symbols=catalog.symbols, seed=seed)
    coloring = color_values(classes, catalog.symbols, label="class", cmap=look.cmap)
    violins = [
        violin_panel(table, name, classes, containing=containing, formula=formula, label=label, cmap=look.cmap)
        for name, label in properties.items()
    ]
    notes = [f"{label}, {note}" for label, (_, note) in zip(properties.values(), violins, strict=True) if note]
    box = zoom * _MAP, zoom * (_HEIGHT - _AROUND)
    elements = map_panel(places, catalog.symbols, coloring, box=box, zoom=min(zoom, 1.0), stretched=True)
    return Figure(
        look.title,
        [elements, *(panel for panel, _ in violins)],
        size=size,
        widths=[_MAP, *[_VIOLINS] * len(violins)],
        legend=coloring.legend,
        legend_title=coloring.label,
        note="; ".join(notes),
        font=look.font,
    )
