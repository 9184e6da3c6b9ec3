"""A map of many materials: one point for each structure or composition, colored by a property."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from embeddings.analysis.projection import Method, project
from embeddings.analysis.rows import finite_rows
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.plots.coloring import NO_VALUE, Coloring, color_list
from embeddings.plots.colormap import ColorMap
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Axis, Entry, Panel, Points
from embeddings.plots.palette import MISSING, class_colors
from embeddings.plots.style import Style, read_style

MAX_POINTS = 100_000
MANY_POINTS = 1_000
MIDDLE = 0.98  # of many values, that the scale spans
FRAMED = 0.99  # of many places, that the frame spans


def materials_map(
    vectors: np.ndarray,
    values: Sequence[Any] | None = None,
    *,
    names: Sequence[str] | None = None,
    label: str = "",
    method: Method = "umap",
    max_points: int = MAX_POINTS,
    seed: int = 0,
    **style: Unpack[Style],
) -> Figure:
    """Return a map of materials from their vectors, those of a catalog or of a featurizer.

    More than `max_points` rows are sampled without replacement before anything is computed, and the figure says so.
    Of 1,000 or more, a few far ones take neither the shades nor the room: the scale spans the middle 98% of the
    numbers, and the frame the middle 99% of the places along each axis; how many are outside is written below. Pages
    draw the points with the graphics card, and vector graphics hold them as a picture.

    Args:
        vectors: (n, dim), finite.
        values: (n,) numbers or text to color by; None and NaN are missing.
        names: (n,) of the materials, to hover over.
        label: what the values are.
        method: ``"umap"``, ``"pca"`` or ``"tsne"``.
        max_points: how many rows are drawn at most.
        seed: of the sample and of the map.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        InputInvalid: lengths that do not fit, vectors that are not finite, values that cannot be colored by, or too
            few rows.
        MissingExtra: a package that the method needs is not installed.

    Example:
        >>> materials_map(features, gaps, names=formulas, label="band gap (eV)")  # doctest: +SKIP
    """
    look = read_style(style)
    size, zoom = look.fit((9.0, 7.5))
    rows = finite_rows(vectors)
    values, names = _as_long(rows, values, "values"), _as_long(rows, names, "names")
    kept = _sample(len(rows), max_points, seed)
    places = project(rows[kept], method, seed=seed)
    coloring = _color(None if values is None else [values[i] for i in kept], len(kept), label, look.cmap)
    legend = [*coloring.legend]
    if values is not None and any(coloring.missing):
        legend.append(Entry(NO_VALUE, MISSING))
    hover = None if names is None else _hover([names[i] for i in kept], coloring, values is not None)
    frame = _frame(places.at)
    x, y = (Axis(name, limits=(low, high)) for name, low, high in zip(places.axes, *frame.tolist(), strict=True))
    points = Points(places.at, coloring.fills, coloring.shapes, zoom * _size(len(kept)), hover=hover, outlined=False)
    return Figure(
        look.title,
        [Panel([points], x, y)],
        size=size,
        legend=legend,
        legend_title="" if coloring.scale else coloring.label,
        scale=coloring.scale,
        note=_note(places.at, frame, len(rows), shaded=coloring.scale is not None),
        font=look.font,
    )


def _as_long(rows: np.ndarray, given: Sequence[Any] | None, what: str) -> list[Any] | None:
    if given is None:
        return None
    given = given.to_pylist() if hasattr(given, "to_pylist") else list(given)  # an Arrow array holds scalars of its own
    if len(given) != len(rows):
        raise InputInvalid(f"{counted(len(rows), 'vector')} came with {len(given):,} {what}.")
    return given


def _sample(n: int, most: int, seed: int) -> np.ndarray:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _color(values: list[Any] | None, n: int, label: str, cmap: ColorMap | None) -> Coloring:
    if values is not None:
        return color_list(values, label, middle=MIDDLE if n >= MANY_POINTS else 1.0, cmap=cmap)
    ((fill, shape),) = class_colors(1, cmap)
    return Coloring(label, [fill] * n, [shape] * n, [""] * n)


def _frame(at: np.ndarray) -> np.ndarray:
    """Return the lower and the upper ends of the axes, (2, 2), with a small margin around the places in view."""
    share = FRAMED if len(at) >= MANY_POINTS else 1.0
    low, high = np.quantile(at, (0.5 - share / 2, 0.5 + share / 2), axis=0)
    margin = 0.04 * np.maximum(high - low, np.finfo(np.float32).eps)
    return np.stack([low - margin, high + margin])


def _note(at: np.ndarray, frame: np.ndarray, n: int, *, shaded: bool) -> str:
    outside = int(((at < frame[0]) | (at > frame[1])).any(axis=1).sum())
    parts = [
        f"{len(at):,} of {n:,} materials, drawn at random" if len(at) < n else "",
        f"{outside:,} outside the frame" if outside else "",
        f"shades span the middle {MIDDLE:.0%} of the values" if shaded and len(at) >= MANY_POINTS else "",
    ]
    return "; ".join(filter(None, parts))


def _hover(names: list[str], coloring: Coloring, with_values: bool) -> list[str]:
    if not with_values:
        return names
    return [f"{name}\n{text}" for name, text in zip(names, coloring.hover(), strict=True)]


def _size(n: int) -> float:
    """Return a diameter that covers about a third of the map with n points, 1.5 to 8 points."""
    return float(np.clip(250 / np.sqrt(n), 1.5, 8.0))
