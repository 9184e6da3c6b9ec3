"""Color maps that a user asks for: by a name of matplotlib's, or as a list of colors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from embeddings.errors import InputInvalid, did_you_mean, needs

_SAMPLES = 33


class ColorMap(NamedTuple):
    """Colors, and what they are made for.

    Attributes:
        colors: as ``#rrggbb``, from the lowest to the highest.
        qualitative: whether each color is for one class; otherwise colors between two of them are used too.
    """

    colors: tuple[str, ...]
    qualitative: bool


def read_colormap(asked: str | Sequence[str]) -> ColorMap:
    """Return the colors of a color map.

    Args:
        asked: a name that matplotlib knows (``"magma"``, ``"tab10"``), or colors in any way that matplotlib reads.

    Raises:
        InputInvalid: an unknown name, fewer than two colors, or one that is not a color.
        MissingExtra: matplotlib is not installed.
    """
    with needs("matplotlib", "plot"):
        import matplotlib
        from matplotlib.colors import to_hex
    if isinstance(asked, str):
        return _named(asked, matplotlib.colormaps, to_hex)
    try:
        colors = tuple(map(to_hex, asked))
    except (TypeError, ValueError) as error:
        raise InputInvalid(f"A color map is a name or a list of colors: {error}.") from error
    if len(colors) < 2:
        raise InputInvalid(f"A color map needs at least 2 colors, but this one has {len(colors)}.")
    return ColorMap(colors, qualitative=True)


def _named(name: str, known: Any, to_hex: Any) -> ColorMap:
    if name not in known:
        raise InputInvalid(
            f'No color map "{name}".{did_you_mean(name, known)} Give the name of a matplotlib color map.'
        )
    found = known[name]
    if found.N <= 20:  # those for classes have 8 to 20 colors, the others 256
        return ColorMap(tuple(map(to_hex, found.colors)), qualitative=True)
    return ColorMap(tuple(to_hex(found(i / (_SAMPLES - 1))) for i in range(_SAMPLES)), qualitative=False)
