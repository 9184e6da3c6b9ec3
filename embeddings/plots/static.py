"""Figures drawn with matplotlib: for png, svg and pdf, without a browser and without a display."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import InputInvalid, did_you_mean, needs
from embeddings.plots.marks import Areas, Axis, Entry, Lines, Panel, Points, Raster, Scale, Tiles
from embeddings.plots.palette import HATCH, INK, LINE, PALE_INK, ink_on

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from embeddings.plots.figure import Figure

MARKERS = {"circle": "o", "square": "s", "diamond": "D"}
MANY_POINTS = 5_000
GENERIC = ("serif", "sans-serif", "monospace")
FALLBACK = "DejaVu Sans"  # comes with matplotlib, and has signs that other fonts lack
_NOTE_HEIGHT = 0.3  # inches
_GAP = 0.06  # between the cells of a periodic table


def draw(figure: Figure) -> MatplotlibFigure:
    """Return the figure as one of matplotlib, drawn without pyplot, so that no global state changes.

    Raises:
        InputInvalid: its font is not installed.
        MissingExtra: matplotlib is not installed.
    """
    with needs("matplotlib", "plot"):
        from matplotlib.figure import Figure as Canvas
    check_font(figure.font)
    canvas: Any = Canvas(figsize=figure.size, layout="constrained", facecolor="white")
    body = _above_note(canvas, figure) if figure.note else canvas
    grid = body.add_gridspec(1, len(figure.panels), width_ratios=figure.widths or None)
    for place, panel in zip(grid, figure.panels, strict=True):
        axes = body.add_subplot(place, projection="3d" if panel.z else None)
        for mark in panel.marks:
            draw_mark(mark, axes, figure.zoom)
        _dress(axes, panel)
    body.suptitle(figure.title, color=INK, fontsize=13, parse_math=False)
    _explain(body, figure)
    if figure.font:
        _set_font(canvas, [figure.font, FALLBACK])
    return canvas


def check_font(font: str) -> None:
    """Refuse a font that matplotlib would replace by another.

    Raises:
        InputInvalid: it is not installed.
        MissingExtra: matplotlib is not installed.
    """
    if not font:
        return
    with needs("matplotlib", "plot"):
        from matplotlib.font_manager import fontManager
    known = [*GENERIC, *fontManager.get_font_names()]
    if font not in known:
        hint = did_you_mean(font, known) or f" Installed are, among others: {', '.join(sorted(known)[:5])}."
        raise InputInvalid(f'No font "{font}" is installed.{hint}')


def _set_font(canvas: Any, family: list[str]) -> None:
    from matplotlib.text import Text

    for axes in canvas.findobj(lambda artist: hasattr(artist, "tick_params")):
        axes.tick_params(labelfontfamily=family)  # of ticks to come, too
    for text in canvas.findobj(Text):
        text.set_fontfamily(family)


def _above_note(canvas: Any, figure: Figure) -> Any:
    """Write the note at the bottom and return the part of the canvas above it."""
    heights = [figure.size[1] - _NOTE_HEIGHT, _NOTE_HEIGHT]
    body, foot = canvas.subfigures(2, 1, height_ratios=heights)
    foot.text(0.5, 0.5, figure.note, ha="center", va="center", fontsize=8, color=PALE_INK, parse_math=False)
    return body


@singledispatch
def draw_mark(mark: Any, axes: Any, zoom: float) -> None:
    """Draw one mark on axes; the text in tiles is `zoom` times as large as usual."""
    raise NotImplementedError(type(mark))


@draw_mark.register
def _(mark: Tiles, axes: Any, zoom: float) -> None:
    from matplotlib.patches import Rectangle

    side = 1 - _GAP
    for x, y, fill, hatched in zip(mark.x, mark.y, mark.fills, mark.hatched, strict=True):
        hatch = {"hatch": "////", "edgecolor": HATCH, "linewidth": 0.5} if hatched else {"edgecolor": "none"}
        axes.add_patch(Rectangle((x - side / 2, y - side / 2), side, side, facecolor=fill, **hatch))
    inks = [PALE_INK if hatched else ink_on(fill) for fill, hatched in zip(mark.fills, mark.hatched, strict=True)]
    for dx, dy, size, align, texts in (
        (-0.41, -0.3, 6, "left", mark.corners),
        (0.0, -0.02, 13, "center", mark.names),
        (0.0, 0.33, 6.5, "center", mark.texts),
    ):
        for x, y, text, ink in zip(mark.x, mark.y, texts, inks, strict=True):
            _write(axes, (x + dx, y + dy), text, ink, size=zoom * size, ha=align)


@draw_mark.register
def _(mark: Points, axes: Any, zoom: float) -> None:
    fills, shapes = np.array(mark.fills), np.array(mark.shapes)
    edge = {"edgecolors": "white", "linewidths": 0.6} if mark.outlined else {"linewidths": 0}
    depth = {"depthshade": False} if mark.at.shape[1] == 3 else {}
    for shape in np.unique(shapes):
        at = shapes == shape
        area = mark.size**2 * (0.85 if shape == "diamond" else 1.0)
        axes.scatter(
            *mark.at[at].T, s=area, c=fills[at], marker=MARKERS[shape], zorder=3,
            rasterized=len(mark.at) > MANY_POINTS, **edge, **depth,
        )  # fmt: skip
    for place, name, fill in zip(mark.at, mark.names, fills, strict=True) if mark.names else ():
        _write(axes, place, name, ink_on(fill), size=mark.size * 0.48, ha="center", zorder=4)


@draw_mark.register
def _(mark: Lines, axes: Any, zoom: float) -> None:
    from matplotlib.collections import LineCollection

    style = "dashed" if mark.dashed else "solid"
    axes.add_collection(LineCollection(mark.paths, colors=mark.colors, linewidths=mark.width, linestyles=style))
    axes.autoscale_view()


@draw_mark.register
def _(mark: Areas, axes: Any, zoom: float) -> None:
    from matplotlib.collections import PolyCollection

    edges = PolyCollection(mark.outlines, facecolors=mark.fills, alpha=mark.opacity, linewidths=0)
    axes.add_collection(edges)
    axes.autoscale_view()


@draw_mark.register
def _(mark: Raster, axes: Any, zoom: float) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("scale", mark.colors)
    axes.imshow(mark.values, vmin=mark.low, vmax=mark.high, cmap=colors, interpolation="nearest")


def _write(axes: Any, at: Any, text: str, ink: str, **style: Any) -> None:
    """Write text as it is: a dollar sign opens no formula."""
    if text:
        axes.text(*at, text, color=ink, va="center_baseline", parse_math=False, **style)


def _dress(axes: Any, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=11, color=INK, parse_math=False)
    if panel.equal:
        axes.set_aspect("equal", adjustable="datalim" if panel.framed else "box")
    for name, axis in (("x", panel.x), ("y", panel.y), ("z", panel.z)):
        if axis is not None:
            _dress_axis(axes, name, axis)
    if panel.z is None:
        axes.spines[:].set_visible(panel.framed)
        axes.spines[:].set_color(LINE)
        axes.spines[["top", "right"]].set_visible(False)


def _dress_axis(axes: Any, name: str, axis: Axis) -> None:
    getattr(axes, f"set_{name}label")(axis.label, color=INK, fontsize=10, parse_math=False)
    if axis.limits:
        getattr(axes, f"set_{name}lim")(axis.limits)
    axes.tick_params(name, labelsize=axis.tick_size, colors=INK, color=LINE)
    if axis.ticks is None:
        return
    places, texts = [at for at, _ in axis.ticks], [text for _, text in axis.ticks]
    getattr(axes, f"set_{name}ticks")(places, texts, rotation=90 if axis.upright else 0, parse_math=False)


def _explain(canvas: Any, figure: Figure) -> None:
    first = canvas.axes[0]
    if figure.key_box:
        box = first.inset_axes(figure.key_box)
        box.set_axis_off()
        _add_scale(canvas, figure.scale, box, inside=True, zoom=figure.zoom)
        _add_legend(box, figure, loc="upper center", ncols=_columns(figure, 7), zoom=figure.zoom)
    else:
        _add_scale(canvas, figure.scale, first, inside=False)
        _add_legend(canvas, figure, loc="outside lower center", ncols=_columns(figure, 10))


def _add_scale(canvas: Any, scale: Scale | None, axes: Any, *, inside: bool, zoom: float = 1.0) -> None:
    if scale is None:
        return
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap

    shades = ScalarMappable(cmap=LinearSegmentedColormap.from_list("scale", scale.colors))
    shades.set_clim(0, 1)
    place: dict[str, Any] = {"ax": axes, "shrink": 0.6, "pad": 0.12 if hasattr(axes, "zaxis") else 0.02, "aspect": 30}
    if inside:
        place = {"cax": axes.inset_axes((0.05, 0.3, 0.9, 0.16)), "orientation": "horizontal"}
    bar = canvas.colorbar(shades, **place)
    bar.set_ticks([at for at, _ in scale.ticks], labels=[text for _, text in scale.ticks])
    bar.ax.tick_params(labelsize=8 * zoom, colors=INK, color=LINE)
    bar.outline.set_visible(False)
    bar.set_label(scale.label, color=INK, fontsize=10 * zoom, parse_math=False)


def _add_legend(where: Any, figure: Figure, *, zoom: float = 1.0, **style: Any) -> None:
    if not figure.legend:
        return
    handles = [_handle(entry, zoom) for entry in figure.legend]
    legend = where.legend(
        handles=handles, title=figure.legend_title, frameon=False, fontsize=9 * zoom, title_fontsize=10 * zoom,
        labelcolor=INK, handletextpad=0.4, columnspacing=1.4, **style,
    )  # fmt: skip
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_parse_math(False)


def _columns(figure: Figure, most: int) -> int:
    """Return in how many columns the legend's rows are evenly full."""
    n = max(len(figure.legend), 1)
    return math.ceil(n / math.ceil(n / most))


def _handle(entry: Entry, zoom: float) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if entry.hatched:
        return Patch(facecolor=entry.fill, edgecolor=HATCH, hatch="////", linewidth=0.5, label=entry.name)
    look: dict[str, Any] = {
        "marker": MARKERS[entry.shape],
        "color": entry.fill,
        "linestyle": "",
        "markersize": 8 * zoom,
    }
    return Line2D([], [], label=entry.name, **look)
