"""How many clusters there are: inertia and silhouette over k."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from embeddings.analysis.clusters import Clustering
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Areas, Axis, Lines, Panel, Points
from embeddings.plots.palette import PALE_INK, class_colors
from embeddings.plots.style import Style, read_style


def elbow_and_silhouette(found: Clustering, **style: Unpack[Style]) -> Figure:
    """Return inertia and silhouette over the number of clusters: means, and bands of one standard deviation of seeds.

    A dashed line marks the elbow on the left, and the chosen k on the right.

    Args:
        found: a clustering with ``k="auto"``.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        InputInvalid: only one k was scored.

    Example:
        >>> elbow_and_silhouette(cluster("ct-multi"))  # doctest: +SKIP
    """
    look, scores = read_style(style), found.scores
    ((color, _),) = class_colors(1, look.cmap)
    if len(scores.k) < 2:
        raise InputInvalid(f'Only k = {scores.k[0]} was scored; cluster at least 4 rows with "kmeans" or '
                           '"hierarchical" and k="auto".')  # fmt: skip
    return Figure(
        look.title,
        [
            _panel(scores.k, scores.inertia, "inertia", scores.elbow, f"elbow at {scores.elbow}", color),
            _panel(
                scores.k, scores.silhouette, "mean silhouette", found.k, f"{counted(found.k, 'cluster')} chosen", color
            ),
        ],
        size=look.fit((10.0, 4.2))[0],
        note=f"{found.method}, {scores.inertia.shape[1]} seed{'s' * (scores.inertia.shape[1] > 1)}",
        font=look.font,
    )


def _panel(k: np.ndarray, values: np.ndarray, label: str, marked: int, title: str, color: str) -> Panel:
    mean, scatter = values.mean(axis=1), values.std(axis=1)
    low, high = (mean - scatter).min(), (mean + scatter).max()
    margin = 0.08 * (high - low) or 0.1
    limits = (float(low - margin), float(high + margin))
    band = np.vstack([np.column_stack([k, mean - scatter]), np.column_stack([k, mean + scatter])[::-1]])
    hover = [f"k = {n}\n{label} {m:.4g} ± {s:.2g}" for n, m, s in zip(k, mean, scatter, strict=True)]
    return Panel(
        [
            Areas([band], [color], ["one standard deviation"], opacity=0.2),
            Lines([np.array([[marked, limits[0]], [marked, limits[1]]])], [PALE_INK], dashed=True),
            Lines([np.column_stack([k, mean])], [color], width=1.6),
            Points(np.column_stack([k, mean]), [color] * len(k), ["circle"] * len(k), 6.0, hover=hover),
        ],
        Axis("number of clusters", ticks=[(float(n), str(n)) for n in k]),
        Axis(label, ticks=None, limits=limits),
        title=title,
    )
