"""How many clusters there are: inertia and silhouette over k."""

from __future__ import annotations

import numpy as np

from embeddings.analysis.clusters import Clustering
from embeddings.errors import InputInvalid
from embeddings.plots.figure import Areas, Axis, Figure, Lines, Panel, Points
from embeddings.plots.palette import PALE_INK, class_colors


def elbow_and_silhouette(found: Clustering, *, title: str = "") -> Figure:
    """Return inertia and silhouette over the number of clusters: means, and bands of one standard deviation of seeds.

    A dashed line stands at the elbow on the left, and at the k that was chosen on the right.

    Args:
        found: a clustering with ``k="auto"``.
        title: of the figure.

    Raises:
        InputInvalid: only one k was scored.

    Example:
        >>> elbow_and_silhouette(cluster(load_uae("ct-multi")))  # doctest: +SKIP
    """
    scores = found.scores
    if len(scores.k) < 2:
        raise InputInvalid(f'Only k = {scores.k[0]} was scored; cluster at least 4 rows with "kmeans" or '
                           '"hierarchical" and k="auto".')  # fmt: skip
    return Figure(
        title,
        [
            _panel(scores.k, scores.inertia, "inertia", scores.elbow, f"elbow at {scores.elbow}"),
            _panel(scores.k, scores.silhouette, "mean silhouette", found.k, f"{found.k} clusters chosen"),
        ],
        size=(10.0, 4.2),
        note=f"{found.method}, {scores.inertia.shape[1]} seed{'s' * (scores.inertia.shape[1] > 1)}",
    )


def _panel(k: np.ndarray, values: np.ndarray, label: str, marked: int, title: str) -> Panel:
    mean, scatter = values.mean(axis=1), values.std(axis=1)
    low, high = (mean - scatter).min(), (mean + scatter).max()
    margin = 0.08 * (high - low) or 0.1
    limits = (float(low - margin), float(high + margin))
    (color, _), *_ = class_colors(1)
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
