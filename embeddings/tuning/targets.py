"""What is predicted: numbers, numbers that are often exactly zero, or classes; and how outputs become that."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Self

import numpy as np

from embeddings.display.numbers import all_of, counted
from embeddings.errors import InputInvalid, TargetInvalid

MIN_SHARE = 0.1
"""There is a gate if at least this share of the values is exactly zero, and as large a share is not."""

MIN_OF_A_KIND = 10
"""Zeros, and other values, that a gate needs."""


@dataclass(frozen=True)
class Target:
    """What is learned, and how a model says it.

    A model says a row of numbers of each formula: its value; or its value were it not zero, and the probability that it
    is not, if there is a gate; or the probability of each class. What models say can be averaged.

    Attributes:
        n_classes: 0 for numbers.
        has_gate: whether zero is told from all else.
        shift: taken from values before a network learns them.
        scale: by which they are then divided.
    """

    n_classes: int = 0
    has_gate: bool = False
    shift: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, values: np.ndarray, *, gate: bool | None = None) -> Self:
        """Return the target of numbers (n,); a gate where they ask for one, or as told."""
        passed = values != 0
        gate = asks_for_gate(values) if gate is None else gate and bool(passed.any())
        learned = values[passed] if gate else values
        return cls(0, gate, float(learned.mean()), float(learned.std()) or 1.0)

    @property
    def n_outputs(self) -> int:
        """Outputs of a network."""
        return self.n_classes or 1 + self.has_gate

    def wanted(self, values: np.ndarray) -> np.ndarray:
        """Return what a network learns: (n,) int64 classes, or (n, n_outputs) float32 standardized values and gate."""
        if self.n_classes:
            return values.astype(np.int64)
        columns = [(values - self.shift) / self.scale]
        return np.column_stack([*columns, values != 0] if self.has_gate else columns).astype(np.float32)

    def said(self, outputs: np.ndarray) -> np.ndarray:
        """Return what the outputs of a network (n, n_outputs) say, (n, n_outputs)."""
        if self.n_classes:
            powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        columns = [outputs[:, 0] * self.scale + self.shift]
        if self.has_gate:
            columns.append(1 / (1 + np.exp(-np.clip(outputs[:, 1], -50, 50))))
        return np.column_stack(columns)

    def decided(self, said: np.ndarray) -> np.ndarray:
        """Return the value of each row, (n,): zero where that is likelier than not. Of classes, their numbers."""
        if self.n_classes:
            return said.argmax(axis=1)
        return np.where(said[:, 1] >= 0.5, said[:, 0], 0.0) if self.has_gate else said[:, 0]

    def loss(self, said: np.ndarray, values: np.ndarray) -> float:
        """Return the mean absolute error of numbers, or the log loss of classes."""
        if self.n_classes:
            right = said[np.arange(len(values)), values.astype(int)]
            return float(-np.log(np.clip(right, 1e-3, 1.0)).mean())
        return float(np.abs(self.decided(said) - values).mean())


def asks_for_gate(values: np.ndarray) -> bool:
    """Whether enough of the values are exactly zero, and enough are not."""
    n_zeros = int((values == 0).sum())
    n_fewer = min(n_zeros, len(values) - n_zeros)
    return n_fewer >= max(MIN_OF_A_KIND, MIN_SHARE * len(values))


def is_numeric(y: Any) -> bool:
    """Whether a target holds numbers and no classes: of a numeric type, or objects that are all numbers or missing."""
    values = np.asarray(y)
    if values.dtype != object:
        return values.dtype.kind in "iuf"
    there = [value for value in values.ravel().tolist() if not _is_missing(value)]
    return bool(there) and all(isinstance(value, Real | Decimal) and not isinstance(value, bool) for value in there)


def checked_numbers(y: Any, n: int) -> np.ndarray:
    """Return a target as (n,) float64.

    Raises:
        TargetInvalid: it holds something other than finite numbers, or is constant.
        InputInvalid: another length.
    """
    _refuse_masked(y)
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TargetInvalid(
            f"The target holds something other than numbers: {error}. To predict classes, use a classifier."
        ) from error
    _check_shape(values, n)
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values))
        raise TargetInvalid(
            f"The target is NaN or infinite in {counted(len(rows), 'row')}, the first of them {rows[0]}. Leave them "
            "out."
        )
    if np.ptp(values) == 0:
        raise TargetInvalid(f"{all_of(n, 'value', 'of the target', 'is')} {values[0]:g}: there is nothing to learn.")
    return values


def checked_classes(y: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct classes, ascending, and the number of each row's class, (n,) int64.

    Raises:
        TargetInvalid: there are missing values, text beside something else, or fewer than two classes.
        InputInvalid: another length.
    """
    _refuse_masked(y)
    labels = np.asarray(y)
    _check_shape(labels, n)
    given = np.asarray(y, dtype=object).tolist()
    rows = [row for row, label in enumerate(given) if _is_missing(label)]
    if rows:
        raise TargetInvalid(
            f"The class is missing in {counted(len(rows), 'row')}, the first of them {rows[0]}. Leave them out."
        )
    if len({isinstance(label, str) for label in given}) > 1:
        raise TargetInvalid("Some classes are text and others are not. Write all as text.")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise TargetInvalid(f"{all_of(n, 'row', '', 'is')} of one class, {', '.join(map(repr, classes.tolist()))}.")
    return classes, codes.astype(np.int64)


def _is_missing(label: Any) -> bool:
    return label is None or str(label) == "<NA>" or label != label


def _refuse_masked(y: Any) -> None:
    """Refuse a masked array, of which an array would be made of all that lies under the mask."""
    if np.ma.is_masked(y):
        rows = np.flatnonzero(np.ma.getmaskarray(y))
        raise TargetInvalid(
            f"The target is masked in {counted(len(rows), 'row')}, the first of them {rows[0]}. Leave them out."
        )


def _check_shape(values: np.ndarray, n: int) -> None:
    if not n:
        raise InputInvalid("There is no formula to learn from. Give at least two.")
    if values.shape != (n,):
        raise InputInvalid(f"{counted(n, 'formula', 'needs')} a target of shape ({n},), not {values.shape}.")
