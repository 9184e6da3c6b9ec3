"""The tree of the elements: which are joined first, and how far apart."""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np

from embeddings.analysis.clusters import Clustering, cluster, ward_linkage
from embeddings.analysis.rows import Elements, unit_rows
from embeddings.loaders import as_uae
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Axis, Entry, Lines, Panel
from embeddings.plots.palette import PALE_INK, class_colors
from embeddings.plots.style import Style, read_style


def dendrogram(catalog: Elements, *, k: int | Literal["auto"] = "auto", **style: Unpack[Style]) -> Figure:
    """Return Ward's tree over the unit vectors of a catalog; branches have the colors of k clusters.

    Args:
        catalog: the catalog of elements, or its name.
        k: number of clusters to color, or ``"auto"``, as in :func:`embeddings.analysis.cluster` with
            ``method="hierarchical"``.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        CatalogNotFound: no catalog goes by this name.
        InputInvalid: fewer elements than clusters, or more clusters than colors.
        MissingExtra: scikit-learn is not installed.

    Example:
        >>> dendrogram("ct-multi", k=5)  # doctest: +SKIP
    """
    look = read_style(style)
    size, zoom = look.fit((13.0, 5.5))
    catalog = as_uae(catalog)
    found = cluster(catalog, "hierarchical", k)
    colors = [fill for fill, _ in class_colors(found.k, look.cmap)]
    tree = _tree(unit_rows(catalog))
    rows = [int(row) for row in tree["leaves"]]
    paths = [np.column_stack(ends) for ends in zip(tree["icoord"], tree["dcoord"], strict=True)]
    ticks = [(5.0 + 10.0 * i, catalog.symbols[row]) for i, row in enumerate(rows)]
    limits = (0.0, 10.0 * len(rows))
    tick_size = zoom * float(np.clip(700 / len(rows), 5.0, 10.0))
    return Figure(
        look.title,
        [Panel(
            [Lines(paths, _branch_colors(paths, found, rows, colors))],
            Axis(ticks=ticks, limits=limits, tick_size=tick_size, upright=True),
            Axis("distance (Ward)", ticks=None, limits=(0.0, 1.05 * max(path[:, 1].max() for path in paths))),
        )],
        size=size,
        legend=[Entry(str(i), color) for i, color in enumerate(colors)],
        legend_title="cluster",
        font=look.font,
    )  # fmt: skip


def _tree(rows: np.ndarray) -> dict[str, Any]:
    """Return where SciPy puts branches and leaves; leaf i is at 5 + 10 i."""
    tree = ward_linkage(rows)
    from scipy.cluster.hierarchy import dendrogram as lay_out
    from scipy.cluster.hierarchy import optimal_leaf_ordering

    return lay_out(optimal_leaf_ordering(tree, rows), no_plot=True)


def _branch_colors(paths: list[np.ndarray], found: Clustering, rows: list[int], of_cluster: list[str]) -> list[str]:
    """Return the color of the cluster that all leaves below a branch share; gray where they do not."""
    below: dict[float, set[int]] = {5.0 + 10.0 * i: {int(found.labels[row])} for i, row in enumerate(rows)}
    colors = []
    for path in paths:  # a branch comes after the two that it joins
        left, right = path[0, 0], path[-1, 0]
        labels = below.pop(left) | below.pop(right)
        below[(left + right) / 2] = labels
        colors.append(of_cluster[min(labels)] if len(labels) == 1 else PALE_INK)
    return colors
