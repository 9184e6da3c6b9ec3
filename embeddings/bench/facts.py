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

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

CONTRADICTION = 3.0
"""Repeats of a formula contradict each other if they differ by more than this many times the typical repeat's."""

FACTOR = 1000.0
"""Values that are off by about this factor may be in another unit."""


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
        contradictions: formulas whose values differ most: (formula, smallest, largest, lines), worst first.
        share_of_zeros: values that are exactly zero.
        skew: of the values; NaN for classes.
        quantiles: the 0, 5, 50, 95 and 100 % points of the values; empty for classes.
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
        contradictions=() if is_class else _contradictions(data),
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
    return np.isin(data.formulas.astype(str), list(one.overlap(sorted(set(data.formulas.tolist())))))


def _skew(values: np.ndarray) -> float:
    spread = values.std()
    return float(((values - values.mean()) ** 3).mean() / spread**3) if spread else 0.0


def _contradictions(data: Measurements) -> tuple[tuple[str, float, float, tuple[int, ...]], ...]:
    distinct, row_of = np.unique(data.formulas.astype(str), return_inverse=True)
    order = np.argsort(row_of, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(row_of[order])) + 1)
    repeated = [rows for rows in groups if len(rows) > 1]
    spreads = np.array([np.ptp(data.values[rows]) for rows in repeated])
    if not len(spreads) or not spreads.any():
        return ()
    floor = max(CONTRADICTION * float(np.median(spreads)), 0.1 * float(data.values.std()))
    worst = [k for k in np.argsort(-spreads, kind="stable") if spreads[k] > floor]
    return tuple(
        (str(distinct[row_of[rows[0]]]), float(data.values[rows].min()), float(data.values[rows].max()),
         tuple(int(line) for line in data.lines[rows]))
        for rows in (repeated[k] for k in worst)
    )  # fmt: skip


def _lacking(data: Measurements, one: Vectors) -> tuple[tuple[str, ...], int]:
    absent = ~np.isin(data.matrix.atomic_numbers, one.atomic_numbers)
    rows = np.repeat(np.arange(len(data)), data.matrix.n_elements)[absent]
    return tuple(SYMBOLS[z - 1] for z in np.unique(data.matrix.atomic_numbers[absent])), len(np.unique(rows))


def _n_seen(data: Measurements, one: Vectors) -> int | None:
    seen = is_seen(data, one)
    return None if seen is None else len(set(data.formulas[seen].tolist()))


def _other_unit(data: Measurements) -> tuple[int, ...]:
    """Return lines whose size is about a thousand times, or a thousandth of, what is usual, where few are so."""
    sizes = np.abs(data.values)
    usual = np.median(sizes[sizes > 0]) if (sizes > 0).any() else 0.0
    if not usual:
        return ()
    logs = np.log10(np.maximum(sizes, np.finfo(float).tiny) / usual)
    is_spread = np.quantile(np.abs(logs[sizes > 0]), 0.8) > 1.0  # values over decades have no usual size
    off = np.abs(np.abs(logs) - np.log10(FACTOR)) < 0.7
    few = 0 < off.sum() <= 0.2 * len(sizes)
    return tuple(int(line) for line in data.lines[off & (sizes > 0)]) if few and not is_spread else ()
