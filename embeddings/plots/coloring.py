"""From values to colors: classes, numbers on a scale, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embeddings.analysis.clusters import Clustering, cluster
from embeddings.analysis.properties import PROPERTIES, property_values
from embeddings.catalog import ElementCatalog
from embeddings.elements import block, symbol
from embeddings.errors import InputInvalid, did_you_mean
from embeddings.plots.colormap import ColorMap
from embeddings.plots.marks import Entry, Scale
from embeddings.plots.palette import MISSING, NOISE, SEQUENTIAL, class_colors, shades

COLORINGS = ("block", "cluster", "n_structures", *PROPERTIES)
"""What elements can be colored by, by name."""

NO_VALUE = "no value"
NOISE_NAME = "noise"
MOST_TICKS = 6


@dataclass(frozen=True)
class Coloring:
    """How n things are colored, and why.

    Attributes:
        label: what the colors show.
        fills: (n) colors.
        shapes: (n) shapes, which tell classes apart where colors alone would not.
        texts: (n) values as text, empty where missing.
        legend: classes, and what is missing; empty for none.
        scale: of numbers; None for classes.
    """

    label: str
    fills: Sequence[str]
    shapes: Sequence[str]
    texts: Sequence[str]
    legend: Sequence[Entry] = ()
    scale: Scale | None = None

    @property
    def missing(self) -> list[bool]:
        """Which of the things have no value."""
        return [not text for text in self.texts]

    def hover(self) -> list[str]:
        """Return (n) descriptions of the values."""
        what = f"{self.label}: " if self.label else ""
        return [what + text if text else NO_VALUE for text in self.texts]


def color_elements(
    catalog: ElementCatalog, by: str | Mapping[Any, Any] | Clustering, *, cmap: ColorMap | None = None
) -> Coloring:
    """Color the elements of a catalog, in its order.

    Args:
        catalog: the catalog of elements.
        by: one of :data:`COLORINGS`, values by element, or a clustering.
        cmap: colors to use instead of the usual ones.

    Raises:
        InputInvalid: unknown name, or values that are neither numbers nor text.
        ElementUnknown: values for something that is not an element.
        MissingExtra: a package that the name needs is not installed.
    """
    if not isinstance(by, str):
        return color_values(by, catalog.symbols, cmap=cmap)
    if by == "block":
        return by_class([block(z) for z in catalog.symbols], "block", order="spdf", cmap=cmap)
    if by == "cluster":
        return color_values(cluster(catalog), catalog.symbols, cmap=cmap)
    if by == "n_structures":
        if catalog.table.n_structures is None:
            raise InputInvalid(f"{catalog!r} does not count its training structures; choose another coloring.")
        return by_number(catalog.table.n_structures, "training structures", log=True, cmap=cmap)
    if by not in PROPERTIES:
        raise InputInvalid(
            f'Elements cannot be colored by "{by}".{did_you_mean(by, COLORINGS)} Known: {", ".join(COLORINGS)}.'
        )
    found = PROPERTIES[by]
    label = f"{found.label} ({found.unit})" if found.unit else found.label
    return by_number(property_values(by)[catalog.atomic_numbers - 1], label, cmap=cmap)


def color_values(
    values: Mapping[Any, Any] | Clustering,
    symbols: Sequence[str],
    *,
    label: str = "",
    log: bool = False,
    cmap: ColorMap | None = None,
) -> Coloring:
    """Color elements by given values; elements without one are missing.

    Args:
        values: numbers or text by symbol or atomic number; or a clustering of elements.
        symbols: which elements, in order.
        label: what the values are.
        log: shade numbers by their logarithm.
        cmap: colors to use instead of the usual ones.

    Raises:
        InputInvalid: values that are neither numbers nor text, or more classes than colors.
        ElementUnknown: values for something that is not an element.
    """
    if isinstance(values, Clustering):
        return _by_cluster(values, symbols, label or "cluster", cmap)
    known = {symbol(element): value for element, value in values.items()}
    return color_list([known.get(name) for name in symbols], label, log=log, cmap=cmap)


def color_list(
    values: Sequence[Any],
    label: str = "",
    *,
    log: bool = False,
    middle: float = 1.0,
    cmap: ColorMap | None = None,
) -> Coloring:
    """Color by a list: as classes if it holds text, on a scale if it holds numbers.

    Args:
        values: (n) of them; None, NaN and empty text are missing.
        label: what the values are.
        log: shade numbers by their logarithm.
        middle: share of the numbers, around the median, that the scale spans.
        cmap: colors to use instead of the usual ones.

    Raises:
        InputInvalid: values that are neither numbers nor text, or more classes than colors.
    """
    values = [None if is_missing(value) else value for value in values]
    given = {type(value) for value in values if value is not None}
    if given and all(issubclass(kind, str) for kind in given):
        return by_class(values, label, cmap=cmap)
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputInvalid(f"Values have to be all numbers or all text to be colored by: {error}.") from error
    return by_number(numbers, label, log=log, middle=middle, cmap=cmap)


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN or empty text."""
    return value is None or value == "" or bool(value != value)


def by_class(
    values: Sequence[str | None],
    label: str = "",
    *,
    order: Sequence[str] | None = None,
    cmap: ColorMap | None = None,
) -> Coloring:
    """Color by class, in the given order of classes, else sorted; None is missing.

    Raises:
        InputInvalid: more classes than colors.
    """
    there = {value for value in values if value is not None}
    names = [name for name in order if name in there] if order else sorted(there)
    looks = dict(zip(names, class_colors(len(names), cmap), strict=True))
    return _in_looks(values, looks, label)


def _by_cluster(found: Clustering, symbols: Sequence[str], label: str, cmap: ColorMap | None) -> Coloring:
    there = [label for label in found.members() if label >= 0]
    colors = class_colors(max(there, default=-1) + 1, cmap)
    looks = {str(label): colors[label] for label in there}
    names = {name: str(value) if value >= 0 else NOISE_NAME for name, value in found.to_dict().items()}
    if NOISE_NAME in names.values():
        looks[NOISE_NAME] = (NOISE, "circle")
    return _in_looks([names.get(name) for name in symbols], looks, label)


def _in_looks(values: Sequence[str | None], looks: Mapping[str, tuple[str, str]], label: str) -> Coloring:
    seen = [looks[value] if value is not None else (MISSING, "circle") for value in values]
    return Coloring(
        label,
        fills=[fill for fill, _ in seen],
        shapes=[shape for _, shape in seen],
        texts=[value or "" for value in values],
        legend=tuple(Entry(name, *look) for name, look in looks.items()),
    )


def by_number(
    values: np.ndarray,
    label: str = "",
    *,
    log: bool = False,
    middle: float = 1.0,
    cmap: ColorMap | None = None,
) -> Coloring:
    """Color numbers by a scale from the lowest to the highest; NaN is missing.

    Args:
        values: (n,) numbers.
        label: what the values are.
        log: shade by the logarithm.
        middle: share of the numbers, around the median, that the scale spans; values outside get its end colors.
        cmap: colors to use instead of the usual ones.

    Raises:
        InputInvalid: infinite values, or values of zero or less with `log`.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = numbers[~np.isnan(numbers)]
    if np.isinf(known).any() or (log and (known <= 0).any()):
        raise InputInvalid(f'Values of "{label}" have to be finite{" and above zero for a logarithm" * log}.')
    low, high = np.quantile(known, (0.5 - middle / 2, 0.5 + middle / 2)) if len(known) else (0.0, 1.0)
    at = _positions(numbers, low, high, log)
    colors = SEQUENTIAL if cmap is None else cmap.colors
    texts = ["" if np.isnan(value) else format_number(value) for value in numbers]
    fills, scale = shades(colors, at), _scale(label, colors, (low, high), log)
    return Coloring(label, fills, ["circle"] * len(numbers), texts, scale=scale)


def format_number(value: float) -> str:
    """Write a number with three digits, or in full from a thousand on."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def nice_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from low to high: multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / MOST_TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(nice * power for nice in (1, 2, 5, 10) if nice * power >= rough)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(i * step) + 0.0 for i in np.arange(first, last + 1)]  # adding zero turns -0 into 0


def _positions(values: np.ndarray, low: float, high: float, log: bool) -> np.ndarray:
    """Return where values stand between low and high, 0 to 1; the middle if they are all equal."""
    if low == high:
        return np.where(np.isnan(values), np.nan, 0.5)
    if log:
        values, low, high = np.log10(values), np.log10(low), np.log10(high)
    return (values - low) / (high - low)


def _scale(label: str, colors: Sequence[str], ends: tuple[float, float], log: bool) -> Scale:
    low, high = ends
    ticks = [10.0**power for power in range(-300, 300) if low <= 10.0**power <= high] if log else []
    ticks = ticks if len(ticks) > 1 else nice_ticks(low, high)
    at = _positions(np.array(ticks), low, high, log)
    return Scale(label, colors, tuple((float(p), format_number(t)) for p, t in zip(at, ticks, strict=True)))
