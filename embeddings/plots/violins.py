"""How a property of materials is distributed over the classes of their elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from embeddings.analysis.clusters import Clustering
from embeddings.display.numbers import counted
from embeddings.elements import N_ELEMENTS, atomic_number
from embeddings.errors import ColumnNotFound, InputInvalid, did_you_mean, needs
from embeddings.formula import FractionMatrix, fraction_matrix
from embeddings.plots.coloring import is_missing
from embeddings.plots.colormap import ColorMap
from embeddings.plots.figure import Figure
from embeddings.plots.marks import Areas, Axis, Lines, Panel
from embeddings.plots.palette import INK, NOISE, class_colors
from embeddings.plots.style import Style, read_style

MIXED = "mixed"

_HALF_WIDTH = 0.42
_N_LEVELS = 160
_LEAST_VALUES = 5
_MOST_VALUES = 20_000  # that a density is estimated from


def class_violins(
    table: Any,
    property: str,
    classes: Clustering | Mapping[Any, Any],
    *,
    containing: Sequence[str | int] = (),
    formula: str = "formula",
    label: str = "",
    **style: Unpack[Style],
) -> Figure:
    """Return a property's distribution over materials, one violin for each class of elements.

    A material belongs to a class if all its elements do; one with elements of several classes is "mixed". With
    ``containing=["O"]`` these are oxides, each in the class of its cations. A violin is a Gaussian kernel density
    (Scott's rule), cut at the lowest and the highest value; inside are the median and the quartiles. What is left
    out is counted under the figure.

    Args:
        table: anything with columns by name: a data frame, an Arrow table, a dictionary of lists.
        property: name of a numeric column; rows without a number are left out.
        classes: a clustering of elements, or class by symbol or atomic number.
        containing: only materials with all of these elements, whose own classes do not count.
        formula: name of the column of formulas.
        label: of the axis; the name of the property if empty.
        **style: title, size, font and cmap, see :class:`embeddings.plots.Style`.

    Raises:
        ColumnNotFound: the table has no such column.
        FormulaInvalid: a formula cannot be read.
        ElementUnknown: a class for something that is not an element.
        InputInvalid: the column is not numeric, there are more classes than colors, or none has 5 values.
        MissingExtra: SciPy is not installed.

    Example:
        >>> class_violins(table, "band_gap", cluster(uae, k=3), containing=["O"])  # doctest: +SKIP
    """
    look = read_style(style)
    panel, note = violin_panel(
        table, property, classes, containing=containing, formula=formula, label=label, cmap=look.cmap
    )
    size, _ = look.fit((1.6 + 1.4 * len(panel.x.ticks or ()), 4.6))
    return Figure(look.title, [panel], size=size, note=note, font=look.font)


def violin_panel(
    table: Any,
    property: str,
    classes: Clustering | Mapping[Any, Any],
    *,
    containing: Sequence[str | int] = (),
    formula: str = "formula",
    label: str = "",
    cmap: ColorMap | None = None,
) -> tuple[Panel, str]:
    """Return the panel of `class_violins`, and a sentence on what is left out."""
    values = _numbers(table, property)
    rows = fraction_matrix(_column(table, formula))
    names = _class_names(classes)
    order = list(dict.fromkeys(names.values()))
    inside = _contains(rows, containing)
    values, found = values[inside], classify(rows, names, ignore=containing)[inside]
    known = np.isfinite(values)
    groups = {name: values[known & (found == name)] for name in [*order, MIXED]}
    groups = {name: group for name, group in groups.items() if len(group) >= _LEAST_VALUES}
    if not groups:
        raise InputInvalid(f'No class has {_LEAST_VALUES} materials with a "{property}".')
    note = _left_out(values, found, drawn=sum(map(len, groups.values())))
    return _violins(groups, label or property, _colors(order, cmap)), note


def classify(rows: FractionMatrix, names: Mapping[int, str], *, ignore: Sequence[str | int] = ()) -> np.ndarray:
    """Return the class of each material, ``"mixed"``, or ``""`` where an element has no class or none counts.

    Args:
        rows: n materials.
        names: class by atomic number.
        ignore: elements that do not count.

    Returns:
        (n,) text.
    """
    known = list(dict.fromkeys(names.values()))
    codes = np.full(N_ELEMENTS + 1, -1)
    for z, name in names.items():
        codes[z] = known.index(name)
    counted = ~np.isin(rows.atomic_numbers, [atomic_number(element) for element in ignore])
    owner = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))[counted]
    code = codes[rows.atomic_numbers[counted]]
    low, high = np.full(len(rows), len(known)), np.full(len(rows), -1)
    np.minimum.at(low, owner, code)
    np.maximum.at(high, owner, code)
    named = np.array([*known, ""], dtype=object)[np.where(low == high, high, -1)]
    return np.where((low >= 0) & (low < high), MIXED, named)


def _violins(groups: Mapping[str, np.ndarray], label: str, colors: Mapping[str, str]) -> Panel:
    outlines = [_outline(values) + np.array([i, 0.0]) for i, values in enumerate(groups.values())]
    quartiles = [np.quantile(values, (0.25, 0.5, 0.75)) for values in groups.values()]
    hover = [
        f"{name}\n{counted(len(values), 'material')}\nmedian {q[1]:.3g}, quartiles {q[0]:.3g} and {q[2]:.3g}"
        for (name, values), q in zip(groups.items(), quartiles, strict=True)
    ]
    boxes = [np.array([[i, q[0]], [i, q[2]]]) for i, q in enumerate(quartiles)]
    medians = [np.array([[i - 0.12, q[1]], [i + 0.12, q[1]]]) for i, q in enumerate(quartiles)]
    ticks = [(float(i), f"{name}\n{len(values):,}") for i, (name, values) in enumerate(groups.items())]
    inks = [INK] * len(groups)
    return Panel(
        [
            Areas(outlines, [colors.get(name, NOISE) for name in groups], hover, opacity=0.85),
            Lines(boxes, inks, width=2.5),
            Lines(medians, inks, width=2.5),
        ],
        Axis("class, and number of materials", ticks=ticks, limits=(-0.6, len(groups) - 0.4), tick_size=9.0),
        Axis(label, ticks=None),
    )


def _contains(rows: FractionMatrix, elements: Sequence[str | int]) -> np.ndarray:
    """Return which materials (n,) contain all the elements."""
    owner = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    inside = np.ones(len(rows), dtype=bool)
    for element in elements:
        inside &= np.isin(np.arange(len(rows)), owner[rows.atomic_numbers == atomic_number(element)])
    return inside


def _outline(values: np.ndarray) -> np.ndarray:
    """Return the closed outline of a violin around x = 0, (2 n_levels, 2)."""
    with needs("scipy", "sklearn"):
        from scipy.stats import gaussian_kde
    low, high = values.min(), values.max()
    levels = np.linspace(low, high, _N_LEVELS) if high > low else np.full(_N_LEVELS, low)
    some = np.sort(values)[:: -(-len(values) // _MOST_VALUES)]
    density = gaussian_kde(some)(levels) if high > low else np.ones(_N_LEVELS)
    width = _HALF_WIDTH * density / density.max()
    return np.vstack([np.column_stack([width, levels]), np.column_stack([-width, levels])[::-1]])


def _class_names(classes: Clustering | Mapping[Any, Any]) -> dict[int, str]:
    """Return class by atomic number, in the order of the classes: numbers as numbers, then text."""
    given = classes.to_dict() if isinstance(classes, Clustering) else classes
    if MIXED in given.values():
        raise InputInvalid(f'"{MIXED}" is reserved for materials of several classes; give the class another name.')
    known = [(name, atomic_number(element)) for element, name in given.items() if not is_missing(name) and name != -1]
    return {z: str(name) for name, z in sorted(known, key=lambda item: (isinstance(item[0], str), *item))}


def _colors(order: Sequence[str], cmap: ColorMap | None) -> dict[str, str]:
    return {name: fill for name, (fill, _) in zip(order, class_colors(len(order), cmap), strict=True)}


def _column(table: Any, name: str) -> Any:
    known = [str(column) for column in getattr(table, "column_names", getattr(table, "columns", table))]
    if name not in known:
        raise ColumnNotFound(
            f'The table has no column "{name}".{did_you_mean(name, known)} It has: {", ".join(known)}.'
        )
    return table[name]


def _numbers(table: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(_column(table, name), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputInvalid(f'Column "{name}" is not numeric: {error}.') from error


def _left_out(values: np.ndarray, found: np.ndarray, *, drawn: int) -> str:
    without = int((~np.isfinite(values)).sum())
    unclassed = int((np.isfinite(values) & (found == "")).sum())
    rest = len(values) - without - unclassed - drawn
    parts = [
        f"{without:,} without a value" if without else "",
        f"{unclassed:,} with elements outside the classes" if unclassed else "",
        f"{rest:,} in classes of fewer than {_LEAST_VALUES}" if rest else "",
    ]
    return "left out: " + ", ".join(filter(None, parts)) if any(parts) else ""
