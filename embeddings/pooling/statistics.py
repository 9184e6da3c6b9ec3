"""The statistics: what is made of the vectors of the elements in a formula.

A formula holds the elements ``e`` with atomic fractions ``w_e`` (one in sum) and vectors ``v_e``. Each statistic
works on every dimension for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embeddings.errors import InputInvalid, did_you_mean


@dataclass(frozen=True)
class Block:
    """Some formulas that all have the same number of elements."""

    values: np.ndarray  # (n_elements, n_rows, dim) float32 or float64: the vectors of the elements
    amounts: np.ndarray  # (n_elements, n_rows) float64, per formula unit as written

    @cached_property
    def totals(self) -> np.ndarray:
        """Atoms per formula unit as written: (n_rows,)."""
        return self.amounts.sum(axis=0)

    @cached_property
    def fractions(self) -> np.ndarray:
        """Atomic fractions, one in sum over a row: (n_elements, n_rows)."""
        return self.amounts / self.totals

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean vectors, which other statistics share: (n_rows, dim)."""
        return self.weighted_sum(lambda values: values)

    @cached_property
    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest values, which other statistics share: (n_rows, dim) each."""
        return self.values.min(axis=0), self.values.max(axis=0)

    def weighted_sum(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the sum over the elements of a function of their vectors, weighted by fractions: (n_rows, dim)."""
        weights = self.fractions.astype(self.values.dtype)[:, :, None]
        total = function(self.values[0]) * weights[0]
        for values, weight in zip(self.values[1:], weights[1:], strict=True):
            total += function(values) * weight
        return total


def mean(block: Block) -> np.ndarray:
    """Sum of ``w_e v_e``."""
    return block.mean


def std(block: Block) -> np.ndarray:
    """Root of the sum of ``w_e (v_e - mean)^2``: the population's standard deviation."""
    return np.sqrt(block.weighted_sum(lambda values: np.square(values - block.mean)))


def std_corrected(block: Block) -> np.ndarray:
    """``std`` over the root of ``1 - sum of w_e^2``, the unbiased estimate; 0 for a single element."""
    if len(block.values) == 1:
        return np.zeros_like(block.mean)
    correction = np.sqrt((block.fractions * (1 - block.fractions)).sum(axis=0))  # exact for a trace, too
    return std(block) / correction.astype(block.values.dtype)[:, None]


def minimum(block: Block) -> np.ndarray:
    """Smallest ``v_e``, whatever its fraction."""
    return block.extremes[0]


def maximum(block: Block) -> np.ndarray:
    """Largest ``v_e``, whatever its fraction."""
    return block.extremes[1]


def value_range(block: Block) -> np.ndarray:
    """Largest less smallest ``v_e``."""
    return block.extremes[1] - block.extremes[0]


def total(block: Block) -> np.ndarray:
    """Sum of ``n_e v_e`` over the amounts as written: the only statistic in which Fe2O3 and Fe4O6 differ."""
    return block.mean * block.totals.astype(block.values.dtype)[:, None]


def mode(block: Block) -> np.ndarray:
    """``v_e`` of the element with the largest fraction; the smallest value where several share it."""
    most = np.isclose(block.fractions, block.fractions.max(axis=0), rtol=1e-5, atol=0)
    return np.where(most[:, :, None], block.values, np.inf).min(axis=0)


def geometric(block: Block) -> np.ndarray:
    """Exponential of the sum of ``w_e ln v_e``; only of vectors that are positive throughout.

    Raises:
        InputInvalid: a value is zero or negative.
    """
    if not (block.values > 0).all():
        raise InputInvalid('The statistic "geometric" needs positive values, and the vectors hold others.')
    return np.exp(block.weighted_sum(np.log))


STATISTICS: dict[str, Callable[[Block], np.ndarray]] = {
    "mean": mean,
    "std": std,
    "std_corrected": std_corrected,
    "min": minimum,
    "max": maximum,
    "range": value_range,
    "sum": total,
    "mode": mode,
    "geometric": geometric,
}
"""Every statistic by its name."""


DEFAULT_STATS = ("mean", "std", "min", "max")
"""What is pooled where nothing else is asked for; features, rankings and the bench share it.

``python -m benchmarks pooling`` found the lowest errors for it, with linear models and with boosting.
"""


def check_statistics(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of statistics as a tuple, checked.

    Raises:
        InputInvalid: no names, an unknown one, or one given twice.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in STATISTICS:
            known = ", ".join(STATISTICS)
            raise InputInvalid(f'No statistic "{name}".{did_you_mean(str(name), STATISTICS)} Known: {known}.')
    if not names or len(set(names)) < len(names):
        raise InputInvalid(f"Statistics must be named once each, at least one; given: {', '.join(names) or 'none'}.")
    return names
