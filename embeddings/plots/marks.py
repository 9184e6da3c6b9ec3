"""Marks, and the panels that they stand on, as plain data that any library can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
