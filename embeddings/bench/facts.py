"""What a table of measurements is, before anything is learned from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embeddings.bench.folds import systems
from embeddings.bench.measurements import Measurements
from embeddings.elements import SYMBOLS
from embeddings.formula.bulk import known_formulas

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

CONTRADICTION = 3.0
"""Repeats of a formula contradict each other if they differ by more than this many times the typical repeat's."""

FACTOR = 1000.0
"""Values that are off by about this factor may be in another unit."""

TOLERANCE = 0.7
"""Decades by which such a factor may be missed."""

GAP = 0.7
"""Decades without a value that part values of one unit from those of another."""

MAX_DECADES = 2.5
"""Values over more decades than this have no usual size."""

FEW_REPEATS = 5
"""Fewer repeated formulas than this do not tell how much repeats differ."""


@dataclass(frozen=True)
class Facts:
    """What can be said of the rows.

    Attributes:
        n_rows: rows that can be used.
        n_set_aside: rows that cannot.
        n_formulas: distinct reduced formulas.
        n_systems: chemical systems.
        n_elements: elements that occur.
        n_repeats: rows whose formula occurs more than once.
        contradictions: formulas whose values differ most: (formula, smallest, largest, lines), worst first; for classes
            all formulas with more than one, smallest and largest as numbers of classes.
        share_of_zeros: values that are exactly zero.
        skew: of the values; NaN for classes.
        quantiles: the 0, 5, 50, 95 and 100% points of the values; empty for classes.
        class_counts: class -> rows; empty for numbers.
        lacking: catalog -> (elements without a vector, rows that hold one).
        seen: catalog -> distinct formulas that its training saw; None where that is not known.
        other_unit: lines whose value is off by a factor of a thousand.
    """

    n_rows: int
    n_set_aside: int
    n_formulas: int
    n_systems: int
    n_elements: int
    n_repeats: int
    contradictions: tuple[tuple[str, float, float, tuple[int, ...]], ...]
    share_of_zeros: float
    skew: float
    quantiles: tuple[float, ...]
    class_counts: dict[str, int]
    lacking: dict[str, tuple[tuple[str, ...], int]]
    seen: dict[str, int | None]
    other_unit: tuple[int, ...]


def facts_of(data: Measurements, vectors: Mapping[str, Vectors]) -> Facts:
    """Describe the rows, and what catalogs know of them."""
    counts = Counter(data.formulas.tolist())
    is_class, values = data.is_classification, data.values
    return Facts(
        n_rows=len(data),
        n_set_aside=len(data.set_aside),
        n_formulas=len(counts),
        n_systems=len(set(systems(data))),
        n_elements=len(np.unique(data.matrix.atomic_numbers)),
        n_repeats=sum(n for n in counts.values() if n > 1),
        contradictions=_contradictions(data),
        share_of_zeros=0.0 if is_class else float((values == 0).mean()),
        skew=float("nan") if is_class else _skew(values),
        quantiles=() if is_class else tuple(np.quantile(values, [0, 0.05, 0.5, 0.95, 1]).tolist()),
        class_counts={name: int((values == k).sum()) for k, name in enumerate(data.classes)},
        lacking={name: found for name, one in vectors.items() if (found := _lacking(data, one))[1]},
        seen={name: _n_seen(data, one) for name, one in vectors.items()},
        other_unit=() if is_class else _other_unit(data),
    )


def is_seen(data: Measurements, one: Vectors) -> np.ndarray | None:
    """Return which rows are of formulas that the training of a catalog saw, (n,) bool; None where that is not known."""
    if one.manifest.training.formula_digest is None:
        return None
    written = _as_written(data)
    return np.isin(written, one.overlap(sorted(set(written.tolist()))))


def _as_written(data: Measurements) -> np.ndarray:
    """Return the formulas as the table has them, whose decimals tell how they were rounded, (n,) text; canonical ones
    in place of what is no text of a formula.
    """  # noqa: D205
    read = np.array(known_formulas(data.spelled.tolist()), dtype=object)
    return np.where(read == data.formulas, data.spelled, data.formulas).astype(str)


def _skew(values: np.ndarray) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread else 0.0


def _contradictions(data: Measurements) -> tuple[tuple[str, float, float, tuple[int, ...]], ...]:
    distinct, row_of = np.unique(data.formulas.astype(str), return_inverse=True)
    order = np.argsort(row_of, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(row_of[order])) + 1)
    repeated = [rows for rows in groups if len(rows) > 1]
    spreads = np.array([np.ptp(data.values[rows]) for rows in repeated])
    floor = 0.0 if data.is_classification else _usual_spread(spreads, data.values)
    worst = [k for k in np.argsort(-spreads, kind="stable") if spreads[k] > floor]
    return tuple(
        (str(distinct[row_of[rows[0]]]), float(data.values[rows].min()), float(data.values[rows].max()),
         tuple(int(line) for line in data.lines[rows]))
        for rows in (repeated[k] for k in worst)
    )  # fmt: skip


def _usual_spread(spreads: np.ndarray, values: np.ndarray) -> float:
    """Return the spread beyond which repeats of a formula contradict each other."""
    low, high = np.quantile(values, [0.16, 0.84])
    scale = (high - low) / 2 or float(values.std())
    if len(spreads) < FEW_REPEATS:
        return float(scale)
    return max(CONTRADICTION * float(np.median(spreads)), 0.1 * scale)


def _lacking(data: Measurements, one: Vectors) -> tuple[tuple[str, ...], int]:
    absent = ~np.isin(data.matrix.atomic_numbers, one.atomic_numbers)
    rows = np.repeat(np.arange(len(data)), data.matrix.n_elements)[absent]
    return tuple(SYMBOLS[z - 1] for z in np.unique(data.matrix.atomic_numbers[absent])), len(np.unique(rows))


def _n_seen(data: Measurements, one: Vectors) -> int | None:
    seen = is_seen(data, one)
    return None if seen is None else len(set(data.formulas[seen].tolist()))


def _other_unit(data: Measurements) -> tuple[int, ...]:
    """Return lines of values that stand apart from most, about a thousand times as large, or as small.

    Values that lie over decades have no usual size. A few small ones are no sign: where values go through zero, some
    are small by chance.
    """
    rows = np.flatnonzero(data.values)
    if not len(rows):
        return ()
    logs = np.log10(np.abs(data.values[rows]))
    order = np.argsort(logs, kind="stable")
    clusters = np.split(order, np.flatnonzero(np.diff(logs[order]) > GAP) + 1)
    main = max(clusters, key=len)
    if np.ptp(np.quantile(logs[main], [0.05, 0.95])) > MAX_DECADES:
        return ()
    off = [
        part for part in clusters if _is_factor(float(np.median(logs[part]) - np.median(logs[main])), part, len(rows))
    ]
    return tuple(sorted(int(data.lines[row]) for part in off for row in rows[part]))


def _is_factor(decades: float, part: np.ndarray, n_rows: int) -> bool:
    """Whether values that are so many decades off the others may be in another unit."""
    by_chance = 2 + 5 * n_rows / FACTOR if decades < 0 else 0
    return abs(abs(decades) - np.log10(FACTOR)) < TOLERANCE and len(part) > by_chance
