"""Charts as SVG text: points, lines and bars on axes, colored by the style of the page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from embeddings.bench.wording import number
from embeddings.display.numbers import counted

WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 44


@dataclass(frozen=True)
class Axis:
    """From values to pixels.

    Attributes:
        label: beside it.
        low: value at its beginning.
        high: value at its end.
        is_log: whether equal steps are equal factors.
    """

    label: str
    low: float
    high: float
    is_log: bool = False

    @classmethod
    def over(cls, label: str, values: ArrayLike, *, is_log: bool = False) -> Axis:
        """Return an axis that holds all values with a little room."""
        array = np.asarray(values, dtype=float)
        low, high = float(array.min()), float(array.max())
        if is_log:
            room = (high / low) ** 0.06 if high > low else 1.2
            return cls(label, low / room, high * room, is_log=True)
        room = 0.04 * (high - low) or 0.5 * abs(high) or 1.0
        return cls(label, low - room, high + room)

    def at(self, value: float) -> float:
        """Return where a value lies, from 0 to 1."""
        if self.is_log:
            return float(np.log(value / self.low) / np.log(self.high / self.low))
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """Round values, three to seven of them."""
        if self.is_log:
            decades = range(int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high))) + 1)
            found = [k * 10.0**d for d in decades for k in (1, 2, 5) if self.low <= k * 10.0**d <= self.high]
            if len(found) >= 3:
                return found if len(found) <= 7 else [tick for tick in found if str(tick).strip("0.").startswith("1")]
        step = 10.0 ** np.floor(np.log10((self.high - self.low) / 4))
        step *= min((1, 2, 5, 10), key=lambda k: abs((self.high - self.low) / (k * step) - 5))
        first = int(np.ceil(self.low / step))
        return [float(k * step) for k in range(first, int(np.floor(self.high / step)) + 1)]


@dataclass(frozen=True)
class Frame:
    """Two axes, and marks placed on them."""

    x: Axis
    y: Axis

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of two values."""
        return (
            LEFT + self.x.at(x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - self.y.at(y) * (HEIGHT - TOP - BOTTOM),
        )

    def dots(self, x: Sequence[float], y: Sequence[float], titles: Sequence[str], style: str = "dot") -> str:
        """Return a dot for each pair of values, with what it says when pointed at."""
        parts = []
        for a, b, title in zip(x, y, titles, strict=True):
            at, level = self.point(a, b)
            parts.append(
                f'<circle class="{style}" cx="{at:.1f}" cy="{level:.1f}" r="3">'
                f"<title>{html.escape(title)}</title></circle>"
            )
        return "".join(parts)

    def line(self, x: Sequence[float], y: Sequence[float], style: str) -> str:
        """Return a line through values."""
        points = " ".join("{:.1f},{:.1f}".format(*self.point(a, b)) for a, b in zip(x, y, strict=True))
        return f'<polyline class="{style}" points="{points}"/>'

    def bars(self, edges: Sequence[float], heights: Sequence[float]) -> str:
        """Return a histogram."""
        parts = []
        for low, high, height in zip(edges[:-1], edges[1:], heights, strict=True):
            (left, top), (right, ground) = self.point(low, height), self.point(high, 0)
            title = f"{number(low)} to {number(high)}: {counted(int(height), 'row')}"
            parts.append(
                f'<rect class="bar" x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(0.5, right - left - 1):.1f}" '
                f'height="{ground - top:.1f}"><title>{html.escape(title)}</title></rect>'
            )
        return "".join(parts)

    def svg(self, label: str, *marks: str) -> str:
        """Return the chart.

        Args:
            label: what it shows, for those who do not see it.
            marks: what `dots`, `line` and `bars` returned.
        """
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
            f"{self._axes()}{''.join(marks)}</svg>"
        )

    def _axes(self) -> str:
        left, ground, right = LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = []
        for tick in self.x.ticks:
            at = left + self.x.at(tick) * (right - left)
            parts.append(f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{ground}"/>')
            parts.append(f'<text class="tick" x="{at:.1f}" y="{ground + 15}" text-anchor="middle">{_tick(tick)}</text>')
        for tick in self.y.ticks:
            level = ground - self.y.at(tick) * (ground - TOP)
            parts.append(f'<line class="grid" x1="{left}" y1="{level:.1f}" x2="{right}" y2="{level:.1f}"/>')
            parts.append(
                f'<text class="tick" x="{left - 6}" y="{level + 4:.1f}" text-anchor="end">{_tick(tick)}</text>'
            )
        middle, center = (left + right) / 2, (TOP + ground) / 2
        parts.append(
            f'<text class="label" x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{html.escape(self.x.label)}</text>"
            f'<text class="label" x="12" y="{center:.0f}" text-anchor="middle" transform="rotate(-90 12 {center:.0f})">'
            f"{html.escape(self.y.label)}</text>"
        )
        return "".join(parts)


def interval(low: float | None, mean: float, high: float | None, start: float, end: float) -> str:
    """Return a mean with its interval on a scale that all rows of a table share."""
    span = (end - start) or 1.0

    def place(value: float) -> float:
        return 4 + 152 * min(max((value - start) / span, 0.0), 1.0)

    bar = ""
    if low is not None and high is not None:
        bar = f'<line class="reach" x1="{place(low):.1f}" y1="9" x2="{place(high):.1f}" y2="9"/>'
    return (
        f'<svg class="interval" viewBox="0 0 160 18" aria-hidden="true">{bar}'
        f'<circle class="mean" cx="{place(mean):.1f}" cy="9" r="4"/></svg>'
    )


def _tick(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e\u2212").replace("e+", "e").replace("-", "\u2212")
    return f"{value:,.6g}".replace("-", "\u2212")
