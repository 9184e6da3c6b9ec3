"""What a figure is: marks on panels, as plain data that any library can draw.

The functions of `embeddings.plots` return a `Figure`. Nothing is drawn before it is asked for: `Figure.matplotlib`
gives a matplotlib figure, `Figure.plotly` one to hover over, and `embeddings.plots.write_figure` a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embeddings.display.numbers import counted
from embeddings.plots.marks import Entry, Panel, Scale

if TYPE_CHECKING:
    import plotly.graph_objects
    from matplotlib.figure import Figure as MatplotlibFigure


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
        panels = counted(len(self.panels), "panel")
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
