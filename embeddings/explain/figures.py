"""The figures of an explanation as SVG text, colored by the style of the page: above is one color, below the other."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import numpy as np

from embeddings.display.numbers import counted, number, signed
from embeddings.elements import SYMBOLS, atomic_number, group, period
from embeddings.explain.explanation import Elements, Explanation
from embeddings.explain.overview import Overview

WIDTH = 380
LEFT = 70
ROW = 24
MOST_ROWS = 30
"""Elements in the heat map: those that matter most."""


def bars(one: Explanation) -> str:
    """Return a bar for the Shapley value of each element, from the one that raises the prediction most on."""
    values = dict(sorted(one.shapley.items(), key=lambda item: -item[1]))
    reach = max(map(abs, values.values())) or 1.0
    middle, half = (LEFT + WIDTH) / 2, (WIDTH - LEFT) / 2 - 50
    parts = [f'<line class="guide" x1="{middle}" y1="0" x2="{middle}" y2="{ROW * len(values)}"/>']
    for row, (symbol, value) in enumerate(values.items()):
        long, y = half * abs(value) / reach, ROW * row
        start = middle if value >= 0 else middle - long
        share = one.shares[one.elements.index(symbol)]
        end, anchor = (start + long + 5, "start") if value >= 0 else (start - 5, "end")
        parts.append(
            f'<text class="label" x="0" y="{y + 16}">{symbol} <tspan class="tick">{100 * share:.3g}%</tspan></text>'
            f'<rect class="{_side(value)}" x="{start:.1f}" y="{y + 4}" width="{max(long, 0.5):.1f}" '
            f'height="{ROW - 8}"/>'
            f'<text x="{end:.1f}" y="{y + 16}" text-anchor="{anchor}">{signed(value)}</text>'
        )
    return _svg(f"Shapley values of {one.formula}", WIDTH, ROW * len(values), parts)


def force(one: Explanation) -> str:
    """Return how elements push the prediction away from the base; what raises it points to the right."""
    up = sorted(((s, v) for s, v in one.shapley.items() if v > 0), key=lambda item: item[1])
    down = sorted(((s, v) for s, v in one.shapley.items() if v < 0), key=lambda item: -item[1])
    low = one.prediction - sum(value for _, value in up)
    high = one.prediction - sum(value for _, value in down)
    low, high = min(low, one.base), max(high, one.base)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return 30 + (2 * WIDTH - 60) * (value - low) / span

    parts, edge = [], one.prediction
    for symbol, value in reversed(up):
        parts.append(_segment(symbol, value, x(edge - value), x(edge)))
        edge -= value
    edge = one.prediction
    for symbol, value in reversed(down):
        parts.append(_segment(symbol, value, x(edge), x(edge - value)))
        edge -= value
    for name, value, y in (
        (f"base {number(one.base)}", one.base, 80),
        (f"{number(one.prediction)}", one.prediction, 14),
    ):
        parts.append(f'<line class="mark" x1="{x(value):.1f}" y1="20" x2="{x(value):.1f}" y2="66"/>')
        parts.append(f'<text class="label" x="{_within(x(value)):.1f}" y="{y}" text-anchor="middle">{name}</text>')
    return _svg(f"From the base to the prediction of {one.formula}", 2 * WIDTH, 88, parts)


def network(one: Explanation) -> str:
    """Return elements on a circle: size and color are their own values, lines the interactions of pairs."""
    n, center, radius = len(one.elements), 160.0, 115.0
    angles = -np.pi / 2 + 2 * np.pi * np.arange(n) / n
    at = {
        s: (center + radius * np.cos(a), center + radius * np.sin(a)) for s, a in zip(one.elements, angles, strict=True)
    }
    reach = max(map(abs, one.interactions.values())) or 1.0
    parts = []
    for (a, b), value in reversed(one.pairs.items()):
        parts.append(
            f'<line class="{_side(value)} edge" x1="{at[a][0]:.1f}" y1="{at[a][1]:.1f}" x2="{at[b][0]:.1f}" '
            f'y2="{at[b][1]:.1f}" stroke-width="{0.5 + 11.5 * abs(value) / reach:.1f}"><title>{a}-{b}: {signed(value)}'
            "</title></line>"
        )
    for symbol, value in one.singles.items():
        x, y = at[symbol]
        size = 13 + 15 * abs(value) / reach
        parts.append(
            f'<circle class="node" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
            f'<circle class="{_side(value)}" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}">'
            f"<title>{symbol} beside its pairs: {signed(value)}</title></circle>"
            f'<text class="symbol" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{symbol}</text>'
        )
    return _svg(f"Interactions of the elements of {one.formula}", 320, 320, parts)


def heat_map(found: Overview) -> str:
    """Return the mean interaction of every pair of the elements that matter most; crossed out where none was seen."""
    chosen = {name for effect in found.pairs[: 2 * MOST_ROWS] for name in effect.elements}
    ranked = [effect.elements[0] for effect in found.elements if effect.elements[0] in chosen][:MOST_ROWS]
    names, values = found.matrix(sorted(ranked, key=atomic_number))
    counts = {effect.elements: effect.n_formulas for effect in found.pairs}
    reach = float(np.nanmax(np.abs(values), initial=0)) if np.isfinite(values).any() else 0.0
    parts = []
    for i, a in enumerate(names):
        parts.append(f'<text x="22" y="{ROW * i + 39}" text-anchor="end">{a}</text>')
        parts.append(f'<text x="{ROW * i + 36}" y="18" text-anchor="middle">{a}</text>')
        for j, b in enumerate(names):
            value = float(values[i, j])
            title = f"{a}-{b}: {signed(value)}, {counted(counts[_pair(a, b)], 'formula')}" if value == value else ""
            parts.append(_cell(ROW * j + 26, ROW * i + 24, value, reach, title))
    side = ROW * len(names) + 28
    return _svg("Mean interaction of pairs of elements", side, side, parts)


def periodic_table(found: Overview) -> str:
    """Return the periodic table, colored by the mean Shapley value of each element."""
    values = {effect.elements[0]: effect for effect in found.elements}
    reach = max((abs(effect.mean) for effect in values.values()), default=0.0)
    parts = []
    for symbol in SYMBOLS:
        column, row = _place(symbol)
        x, y, effect = 40 * (column - 1) + 2, 34 * row, values.get(symbol)
        title = f"{symbol}: {signed(effect.mean)}, {counted(effect.n_formulas, 'formula')}" if effect else ""
        parts.append(_cell(x, y, effect.mean if effect else float("nan"), reach, title, width=38, height=32))
        style = "symbol" if effect else "tick"
        parts.append(f'<text class="{style}" x="{x + 19}" y="{y + 21}" text-anchor="middle">{symbol}</text>')
    return _svg("Mean Shapley value of each element", 40 * 18 + 4, 34 * 10, parts)


def _place(symbol: str) -> tuple[int, int]:
    """Return column, from 1, and row, from 0, of an element."""
    column, row = group(symbol), period(symbol)
    return (column, row - 1) if column is not None else (3 + (atomic_number(symbol) - 57) % 32, row + 2)


def _pair(a: str, b: str) -> Elements:
    return (a, b) if atomic_number(a) < atomic_number(b) else (b, a)


def _cell(x: float, y: float, value: float, reach: float, title: str, *, width: int = 22, height: int = 22) -> str:
    if value != value:
        return f'<rect class="empty" x="{x}" y="{y}" width="{width}" height="{height}"/>'
    strength = 0.06 + 0.9 * abs(value) / (reach or 1.0)
    return (
        f'<rect class="{_side(value)} cell" x="{x}" y="{y}" width="{width}" height="{height}" '
        f'fill-opacity="{strength:.2f}"><title>{html.escape(title)}</title></rect>'
    )


def _segment(symbol: str, value: float, start: float, end: float) -> str:
    name = f'<text class="symbol" x="{(start + end) / 2:.1f}" y="47" text-anchor="middle">{symbol}</text>'
    tip = min(6.0, (end - start) / 3)
    points = (
        [(start, 26), (end - tip, 26), (end, 43), (end - tip, 60), (start, 60), (start + tip, 43)]
        if value > 0
        else [(start + tip, 26), (end, 26), (end - tip, 43), (end, 60), (start + tip, 60), (start, 43)]
    )
    return (
        f'<polygon class="{_side(value)}" points="{_points(points)}"><title>{symbol}: {signed(value)}</title></polygon>'
        f"{name if end - start > 18 else ''}"
    )


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _within(x: float) -> float:
    return min(max(x, 40.0), 2 * WIDTH - 40.0)


def _side(value: float) -> str:
    return "above" if value >= 0 else "below"


def _svg(label: str, width: float, height: float, parts: Iterable[str]) -> str:
    return (
        f'<svg class="drawing" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )
