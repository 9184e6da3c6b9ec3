"""Colors that people with any kind of color vision can tell apart, and the text that is readable on them.

Classes take six colors of Okabe and Ito (https://jfly.uni-koeln.de/color, 2008), then the same ones darkened with
squares for circles, then lightened with diamonds, their yellow last: beyond six classes, shape and color together
tell them apart. Shades come from viridis, whose lightness rises evenly, and from a scale from blue (low, opposite) to
red (high, similar), whose middle is white, or nearly black on a dark page. The explorer uses the same colors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embeddings.errors import InputInvalid
from embeddings.plots.colormap import ColorMap

MISSING = "#e6e6e6"
NOISE = "#9a9a9a"
INK = "#262626"
PALE_INK = "#666666"
LINE = "#b8b8b8"
HATCH = "#ffffff"

SHAPES = ("circle", "square", "diamond")

SEQUENTIAL = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
DIVERGING = ("#053061", "#2166ac", "#4393c3", "#92c5de", "#f7f7f7", "#f4a582", "#d6604d", "#b2182b", "#67001f")
DIVERGING_ON_DARK = ("#a6cff5", "#5f9fdb", "#31628f", "#23282e", "#8f3f38", "#dd7263", "#f7b3a6")

_OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
_YELLOW = "#f0e442"
_TIERS = ((0.0, 0.0), (0.0, 0.45), (1.0, 0.6))  # toward black or white, and by how much
_LOOKS = [
    *((color, *tier, shape) for tier, shape in zip(_TIERS, SHAPES, strict=True) for color in _OKABE_ITO),
    *((_YELLOW, *tier, shape) for tier, shape in zip(_TIERS[:2], SHAPES[:2], strict=True)),
]
MAX_CLASSES = len(_LOOKS)


def class_colors(n: int, cmap: ColorMap | None = None) -> list[tuple[str, str]]:
    """Return a color and a shape for each of n classes.

    Args:
        n: how many.
        cmap: where the colors come from; without it, those that everybody can tell apart.

    Raises:
        InputInvalid: more classes than colors.
    """
    if cmap is not None:
        return [(color, SHAPES[0]) for color in _of_classes(n, cmap)]
    if n > MAX_CLASSES:
        raise InputInvalid(f"{n} classes cannot be told apart by color; draw at most {MAX_CLASSES}.")
    return [(_mixed(color, toward, share), shape) for color, toward, share, shape in _LOOKS[:n]]


def shades(colors: Sequence[str], positions: np.ndarray) -> list[str]:
    """Return the colors at positions (n,) from 0 to 1 of evenly spaced colors; that of `MISSING` at NaN."""
    stops = np.linspace(0.0, 1.0, len(colors))
    there = np.nan_to_num(positions)
    channels = [np.interp(there, stops, channel) for channel in zip(*map(_rgb, colors), strict=True)]
    found = map(_hex, np.column_stack(channels).tolist())
    return [MISSING if gone else color for color, gone in zip(found, np.isnan(positions), strict=True)]


def ink_on(fill: str) -> str:
    """Return black or white, whichever has the higher contrast on a color: at least 4.58 (WCAG 2.2)."""
    return "#000000" if (luminance(fill) + 0.05) ** 2 >= 0.05 * 1.05 else "#ffffff"


def luminance(color: str) -> float:
    """Return the relative luminance of a color, 0 to 1 (WCAG 2.2)."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(color)]
    return float(np.dot(channels, (0.2126, 0.7152, 0.0722)))


def _of_classes(n: int, cmap: ColorMap) -> list[str]:
    if not cmap.qualitative:
        return shades(cmap.colors, np.linspace(0.0, 1.0, n) if n > 1 else np.array([0.5]))
    if n > len(cmap.colors):
        raise InputInvalid(f"There are {n} classes, but the color map has {len(cmap.colors)} colors.")
    return list(cmap.colors[:n])


def _mixed(color: str, toward: float, share: float) -> str:
    return _hex([channel + (toward - channel) * share for channel in _rgb(color)])


def _rgb(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(channels: Sequence[float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
