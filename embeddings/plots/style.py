"""What every figure takes by name, whatever it shows: title, size, font and color map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from embeddings.display.text import printable
from embeddings.errors import InputInvalid
from embeddings.plots.colormap import ColorMap, read_colormap

SMALLEST, LARGEST = 1.0, 100.0  # sides of a figure, inches
_FONT = re.compile(r"[\w .-]+")


class Style(TypedDict, total=False):
    """Options of every function that returns a figure.

    Attributes:
        title: above the figure.
        size: width and height, inches; symbols and discs shrink and grow with it.
        font: family of all text: one that is installed, or "serif", "sans-serif" or "monospace".
        cmap: a color map of matplotlib by its name, or colors from the lowest to the highest, or of the classes.
    """

    title: str
    size: tuple[float, float] | None
    font: str
    cmap: str | Sequence[str] | None


@dataclass(frozen=True)
class Look:
    """A style, checked.

    Attributes:
        title: above the figure.
        size: width and height that were asked for, inches; None for the usual ones.
        font: family of all text; the library's own if empty.
        cmap: colors to use; None for the usual ones.
    """

    title: str = ""
    size: tuple[float, float] | None = None
    font: str = ""
    cmap: ColorMap | None = None

    def fit(self, usual: tuple[float, float]) -> tuple[tuple[float, float], float]:
        """Return the size of a figure, inches, and how large symbols and discs are, relative to the usual size."""
        if self.size is None:
            return usual, 1.0
        return self.size, min(self.size[0] / usual[0], self.size[1] / usual[1])


def read_style(style: Style) -> Look:
    """Check a style.

    Raises:
        InputInvalid: a size that is not two numbers of 1 to 100, no name of a font, or an unknown color map.
        MissingExtra: a color map is asked for, and matplotlib is not installed.
    """
    unknown = [name for name in style if name not in Style.__annotations__]
    if unknown:
        raise TypeError(f'A figure has no "{unknown[0]}"; it takes {", ".join(Style.__annotations__)}.')
    size, font, cmap = style.get("size"), style.get("font", ""), style.get("cmap")
    if font and not _FONT.fullmatch(font):
        raise InputInvalid(f"{font!r} is not the name of a font family.")
    return Look(
        printable(style.get("title", "")),
        None if size is None else _checked_size(size),
        font,
        None if cmap is None else read_colormap(cmap),
    )


def _checked_size(size: Any) -> tuple[float, float]:
    try:
        width, height = map(float, size)
    except (TypeError, ValueError):
        width = height = float("nan")
    if not all(SMALLEST <= side <= LARGEST for side in (width, height)):
        raise InputInvalid(f"size is {size!r}; give width and height in inches, each from {SMALLEST:g} to {LARGEST:g}.")
    return width, height
