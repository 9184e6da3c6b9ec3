"""What a figure is: marks on panels, as plain data that any library can draw.

The functions of `embeddings.plots` return a `Figure`. Nothing is drawn before it is asked for: `Figure.matplotlib`
gives a matplotlib figure, `Figure.plotly` one to hover over, and `embeddings.plots.write_figure` a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import plotly.graph_objects
    from matplotlib.figure import Figure as MatplotlibFigure


@dataclass(frozen=True)
class Tiles:
    """Unit squares around (x, y), with text: the cells of a periodic table."""

    x: Sequence[float]
    y: Sequence[float]
    fills: Sequence[str]
    hatched: Sequence[bool]
    corners: Sequence[str]  # small, above on the left
    names: Sequence[str]  # large, in the middle
    texts: Sequence[str]  # small, below
    hover: Sequence[str]


@dataclass(frozen=True, eq=False)
class Points:
    """Points in two or three dimensions."""

    at: np.ndarray  # (n, 2) or (n, 3)
    fills: Sequence[str]
    shapes: Sequence[str]  # of palette.SHAPES
    size: float  # diameter, points
    names: Sequence[str] | None = None  # written on the points
    hover: Sequence[str] | None = None
    outlined: bool = True


@dataclass(frozen=True, eq=False)
class Lines:
    """Polylines, each with a color of its own."""

    paths: Sequence[np.ndarray]  # (m, 2) each
    colors: Sequence[str]
    width: float = 1.2  # points
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Areas:
    """Filled polygons."""

    outlines: Sequence[np.ndarray]  # (m, 2) each
    fills: Sequence[str]
    hover: Sequence[str]
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class Raster:
    """A matrix as colored cells; cell [i, j] is centered on (j, i)."""

    values: np.ndarray  # (n_rows, n_columns)
    low: float
    high: float
    colors: Sequence[str]  # from low to high, evenly spaced
    hover: Sequence[Sequence[str]]


Mark = Tiles | Points | Lines | Areas | Raster


@dataclass(frozen=True)
class Axis:
    """One axis. Empty ticks show only its label; with None the drawing library places the ticks."""

    label: str = ""
    ticks: Sequence[tuple[float, str]] | None = ()
    limits: tuple[float, float] | None = None
    tick_size: float = 8.0  # points
    upright: bool = False  # turn the tick labels by a quarter


@dataclass(frozen=True)
class Panel:
    """Marks on a pair of axes, or on three."""

    marks: Sequence[Mark]
    x: Axis = Axis()
    y: Axis = Axis()
    z: Axis | None = None
    equal: bool = False  # one unit is as long in x as in y
    framed: bool = True
    title: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of a legend."""

    name: str
    fill: str
    shape: str = "circle"
    hatched: bool = False


@dataclass(frozen=True)
class Scale:
    """A bar of colors, with what they mean."""

    label: str
    colors: Sequence[str]  # from 0 to 1, evenly spaced
    ticks: Sequence[tuple[float, str]]  # positions from 0 to 1


@dataclass(frozen=True, repr=False)
class Figure:
    """Panels side by side, with what explains their colors.

    Attributes:
        title: above the panels.
        panels: from left to right.
        size: width and height, inches.
        widths: how wide the panels are, relative to each other; all alike if empty.
        legend: what colors and shapes stand for; empty for none.
        legend_title: above the legend.
        scale: what shades stand for; None for none.
        key_box: where the scale and the legend go, as (left, bottom, width, height) in fractions of the one panel;
            beside and below the panels if None.
        note: small, under everything: what was left out, or where the data is from.
        font: family of all text; the library's own if empty.
        zoom: how large the text in tiles and in the key box is, relative to its usual size.
    """

    title: str
    panels: Sequence[Panel]
    size: tuple[float, float]
    widths: Sequence[float] = ()
    legend: Sequence[Entry] = ()
    legend_title: str = ""
    scale: Scale | None = None
    key_box: tuple[float, float, float, float] | None = None
    note: str = ""
    font: str = ""
    zoom: float = 1.0

    def __repr__(self) -> str:
        width, height = self.size
        panels = f"{len(self.panels)} panel{'s' * (len(self.panels) > 1)}"
        return f"Figure({self.title!r}, {panels}, {width:g} x {height:g} in)"

    def matplotlib(self) -> MatplotlibFigure:
        """Draw the figure with matplotlib.

        Raises:
            InputInvalid: its font is not installed.
            MissingExtra: matplotlib is not installed.
        """
        from embeddings.plots.static import draw

        return draw(self)

    def plotly(self) -> plotly.graph_objects.Figure:
        """Draw the figure with plotly, to hover and zoom.

        Raises:
            MissingExtra: plotly is not installed.
        """
        from embeddings.plots.interactive import draw

        return draw(self)

    def _repr_png_(self) -> bytes:
        """Show the figure in notebooks."""
        from embeddings.plots.write import render

        return render(self, "png")
