"""Figures drawn with plotly: for pages to hover over, zoom and turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import needs
from embeddings.plots.marks import Areas, Axis, Entry, Lines, Panel, Points, Raster, Scale, Tiles
from embeddings.plots.palette import HATCH, INK, LINE, PALE_INK, ink_on

if TYPE_CHECKING:
    import plotly.graph_objects

    from embeddings.plots.figure import Figure

WEBGL_FROM = 2_000
"""Number of points from which they are drawn by the graphics card."""

_PIXELS_PER_INCH = 100
_PIXELS_PER_POINT = 0.85 * _PIXELS_PER_INCH / 72  # pages leave more room around the panels
_BELOW_AXES, _BELOW_LEGEND, _BELOW_NOTE = 55, 40, 25  # pixels
_ABOVE, _ABOVE_TITLED = 45, 75  # pixels: without and with titles of panels
_HATCHING = {"fillmode": "replace", "bgcolor": HATCH, "size": 6, "solidity": 0.65}  # drawn in the color of the cell
_SIDE = 0.94  # of a periodic table's cell


def draw(figure: Figure) -> plotly.graph_objects.Figure:
    """Return the figure as one of plotly.

    Raises:
        MissingExtra: plotly is not installed.
    """
    with needs("plotly", "plot"):
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots
    kinds = [{"type": "scene" if panel.z else "xy"} for panel in figure.panels]
    titles = [plain(panel.title) for panel in figure.panels]
    canvas = make_subplots(
        1,
        len(figure.panels),
        specs=[kinds],
        subplot_titles=titles if any(titles) else None,
        column_widths=list(figure.widths) or None,
    )
    for column, panel in enumerate(figure.panels, start=1):
        for mark in panel.marks:
            for trace in draw_mark(mark, go):
                canvas.add_trace(trace, 1, column)
        _dress(canvas, panel, column)
    for trace in _explain(figure, go):
        canvas.add_trace(trace, 1, 1)
    below = _BELOW_AXES + (_BELOW_LEGEND if figure.legend and not figure.key_box else 0)
    canvas.update_layout(_layout(figure), margin_b=below + (_BELOW_NOTE if figure.note else 0))
    note = {"text": plain(figure.note), "font": {"size": 11, "color": PALE_INK}, "showarrow": False}
    canvas.add_annotation(note, xref="paper", yref="paper", x=0.5, y=0, yanchor="top", yshift=-below)
    return canvas


def plain(text: str) -> str:
    """Return text so that plotly shows it as it is: no tags, no entities; lines stay lines."""
    return escape(text, quote=False).replace("\n", "<br>")


@singledispatch
def draw_mark(mark: Any, go: Any) -> Iterator[Any]:
    """Yield the traces of one mark."""
    raise NotImplementedError(type(mark))


@draw_mark.register
def _(mark: Tiles, go: Any) -> Iterator[Any]:
    inks = [PALE_INK if hatched else ink_on(fill) for fill, hatched in zip(mark.fills, mark.hatched, strict=True)]
    texts = [
        f"{_small(corner)}<br><b>{plain(name)}</b><br>{_small(text)}"
        for corner, name, text in zip(mark.corners, mark.names, mark.texts, strict=True)
    ]
    yield go.Bar(
        x=list(mark.x), y=[_SIDE] * len(mark.x), base=[y - _SIDE / 2 for y in mark.y], width=_SIDE,
        marker={"color": list(mark.fills), "line": {"width": 0},
                "pattern": {"shape": ["/" if h else "" for h in mark.hatched], **_HATCHING}},
        text=texts, textposition="inside", insidetextanchor="middle", textangle=0, textfont={"color": inks},
        hovertext=[plain(text) for text in mark.hover], hoverinfo="text", showlegend=False,
    )  # fmt: skip


def _small(text: str) -> str:
    return f"<span style='font-size:9px'>{plain(text) or '&nbsp;'}</span>"


@draw_mark.register
def _(mark: Points, go: Any) -> Iterator[Any]:
    deep = mark.at.shape[1] == 3
    kind = go.Scatter3d if deep else go.Scattergl if len(mark.at) >= WEBGL_FROM else go.Scatter
    size = mark.size * _PIXELS_PER_POINT
    edge = {"color": "white", "width": 0.8 if mark.outlined else 0}
    hover = None if mark.hover is None else [plain(text) for text in mark.hover]
    yield kind(
        **dict(zip("xyz", mark.at.astype(np.float32).T, strict=False)),
        hovertext=hover, hoverinfo="skip" if hover is None else "text", showlegend=False,
        marker={"color": list(mark.fills), "symbol": list(mark.shapes), "size": size / 3 if deep else size,
                "opacity": 1, "line": edge},
        **({"mode": "markers"} | _names(mark, size, deep)),
    )  # fmt: skip


def _names(mark: Points, size: float, deep: bool) -> dict[str, Any]:
    """Return what writes names on points; in space, where points are small, above them."""
    if mark.names is None:
        return {}
    inks = INK if deep else [ink_on(fill) for fill in mark.fills]
    style = {"textfont": {"color": inks, "size": 11 if deep else size * 0.5}}
    place = "top center" if deep else "middle center"
    return {"mode": "markers+text", "text": [plain(name) for name in mark.names], "textposition": place, **style}


@draw_mark.register
def _(mark: Lines, go: Any) -> Iterator[Any]:
    for color in dict.fromkeys(mark.colors):
        paths = [path for path, own in zip(mark.paths, mark.colors, strict=True) if own == color]
        joined = np.concatenate([np.vstack([path, np.full((1, 2), np.nan)]) for path in paths])
        line = {"color": color, "width": mark.width * _PIXELS_PER_POINT, "dash": "dash" if mark.dashed else "solid"}
        yield go.Scatter(x=joined[:, 0], y=joined[:, 1], mode="lines", line=line, hoverinfo="skip", showlegend=False)


@draw_mark.register
def _(mark: Areas, go: Any) -> Iterator[Any]:
    for outline, fill, hover in zip(mark.outlines, mark.fills, mark.hover, strict=True):
        yield go.Scatter(
            x=outline[:, 0], y=outline[:, 1], mode="lines", line={"width": 0}, fill="toself", fillcolor=fill,
            opacity=mark.opacity, hoveron="fills", text=plain(hover), hoverinfo="text", showlegend=False,
        )  # fmt: skip


@draw_mark.register
def _(mark: Raster, go: Any) -> Iterator[Any]:
    hover = [[plain(text) for text in row] for row in mark.hover]
    yield go.Heatmap(
        z=mark.values, zmin=mark.low, zmax=mark.high, colorscale=_stops(mark.colors), hovertext=hover,
        hoverinfo="text", showscale=False,
    )  # fmt: skip


def _dress(canvas: Any, panel: Panel, column: int) -> None:
    if panel.z is not None:
        axes = {f"{name}axis": _axis(axis) for name, axis in (("x", panel.x), ("y", panel.y), ("z", panel.z))}
        canvas.update_scenes({**axes, "aspectmode": "cube"}, row=1, col=column)
        return
    reverse = any(isinstance(mark, Raster) for mark in panel.marks)
    frame = {"showline": panel.framed, "linecolor": LINE}
    canvas.update_xaxes({**_axis(panel.x), **frame}, row=1, col=column)
    canvas.update_yaxes({**_axis(panel.y), **frame}, row=1, col=column)
    if reverse:
        canvas.update_yaxes(autorange="reversed", row=1, col=column)
    if panel.equal:
        anchor = "x" if column == 1 else f"x{column}"
        canvas.update_yaxes(scaleanchor=anchor, constrain="domain", row=1, col=column)
        canvas.update_xaxes(constrain="domain", row=1, col=column)


def _axis(axis: Axis) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "title": {"text": plain(axis.label)}, "zeroline": False, "showgrid": False,
        "tickfont": {"size": axis.tick_size * _PIXELS_PER_POINT},
    }  # fmt: skip
    if axis.limits:
        shown["range"] = list(axis.limits)
    if axis.ticks is None:
        return shown
    places, texts = [at for at, _ in axis.ticks], [plain(text) for _, text in axis.ticks]
    shown |= {"tickvals": places, "ticktext": texts, "tickmode": "array"}
    return shown | ({"tickangle": -90} if axis.upright else {})


def _explain(figure: Figure, go: Any) -> Iterator[Any]:
    """Yield traces without points that bring a legend and a color bar."""
    nowhere: dict[str, Any] = {"x": [None], "y": [None]}
    kind = go.Scatter
    if figure.panels[0].z is not None:
        nowhere, kind = nowhere | {"z": [None]}, go.Scatter3d
    for entry in figure.legend:
        yield _legend_trace(entry, go) if entry.hatched else kind(
            **nowhere, mode="markers", name=plain(entry.name), showlegend=True, hoverinfo="skip",
            marker={"color": entry.fill, "symbol": entry.shape, "size": 10},
        )  # fmt: skip
    if figure.scale is not None:
        bar = _bar(figure.scale, figure.key_box)
        shades = {"color": [0], "cmin": 0, "cmax": 1, "colorscale": _stops(figure.scale.colors), "colorbar": bar}
        yield kind(**nowhere, mode="markers", showlegend=False, hoverinfo="skip", marker={**shades, "showscale": True})


def _legend_trace(entry: Entry, go: Any) -> Any:
    marker = {"color": entry.fill, "pattern": {"shape": "/", **_HATCHING}}
    return go.Bar(x=[None], y=[None], name=plain(entry.name), marker=marker, showlegend=True, hoverinfo="skip")


def _bar(scale: Scale, box: tuple[float, float, float, float] | None) -> dict[str, Any]:
    bar: dict[str, Any] = {
        "title": {"text": plain(scale.label), "side": "right"}, "thickness": 14, "outlinewidth": 0,
        "tickvals": [at for at, _ in scale.ticks], "ticktext": [plain(text) for _, text in scale.ticks],
        "len": 0.7,
    }  # fmt: skip
    if box is None:
        return bar
    left, bottom, width, height = box
    title = {"text": plain(scale.label), "side": "top"}
    place = {"x": left + width / 2, "y": bottom + 0.2 * height, "yanchor": "bottom", "len": width * 0.9}
    return bar | place | {"orientation": "h", "title": title}


def _layout(figure: Figure) -> dict[str, Any]:
    width, height = (round(inches * _PIXELS_PER_INCH) for inches in figure.size)
    lift = _BELOW_NOTE if figure.note else 5
    legend = {"title": {"text": plain(figure.legend_title)}, "itemsizing": "constant", "orientation": "h",
              "x": 0.5, "xanchor": "center", "y": lift / height, "yref": "container", "yanchor": "bottom",
              "itemclick": False, "itemdoubleclick": False}  # fmt: skip
    if figure.key_box:
        left, bottom, across, up = figure.key_box
        legend |= {"x": left + across / 2, "y": bottom + up, "yref": "paper", "yanchor": "top"}
    family = {"family": f"{figure.font}, sans-serif"} if figure.font else {}
    titled = any(panel.title for panel in figure.panels)
    return {
        "title": {"text": plain(figure.title), "x": 0.5}, "width": width, "height": height, "template": "plotly_white",
        "barmode": "overlay", "legend": legend, "font": {"color": INK, **family}, "hoverlabel": {"align": "left"},
        "margin": {"t": _ABOVE_TITLED if titled else _ABOVE, "l": 50, "r": 30},
    }  # fmt: skip


def _stops(colors: Sequence[str]) -> list[tuple[float, str]]:
    return [(i / (len(colors) - 1), color) for i, color in enumerate(colors)]
