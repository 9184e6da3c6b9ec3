"""What parameters of the estimators may be."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

from embeddings.errors import InputInvalid


class _Range(NamedTuple):
    """Numbers that a parameter may be."""

    kind: type
    contains: str
    holds: Any
    may_be_none: bool = False


_COUNT = _Range(Integral, "an integer, at least 1", lambda value: value >= 1)
_COUNT_OR_NONE = _Range(Integral, "an integer, at least 1, or None", lambda value: value >= 1, may_be_none=True)
_RATE = _Range(Real, "a number above 0", lambda value: 0 < value < float("inf"))
_RATE_OR_0 = _Range(Real, "a number, at least 0", lambda value: 0 <= value < float("inf"))

RANGES = {
    "n_members": _COUNT,
    "n_folds": _Range(Integral, "an integer, at least 2", lambda value: value >= 2),
    "n_repeats": _COUNT_OR_NONE,
    "epochs": _COUNT,
    "patience": _COUNT,
    "batch_size": _COUNT_OR_NONE,
    "learning_rate": _RATE,
    "encoder_learning_rate": _RATE_OR_0,
    "weight_decay": _RATE_OR_0,
    "dropout": _Range(Real, "a number from 0 to below 1", lambda value: 0 <= value < 1),
    "coverage": _Range(Real, "a number between 0 and 1", lambda value: 0 < value < 1),
    "random_state": _Range(Integral, "an integer from 0 to 4294967295", lambda value: 0 <= value < 2**32),
}
"""By parameter, the numbers that it may be."""


def check_ranges(parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter that is out of its range.

    Raises:
        InputInvalid: names the first of them.
    """
    for name, wanted in RANGES.items():
        value = parameters[name]
        if value is None and wanted.may_be_none:
            continue
        if not isinstance(value, wanted.kind) or isinstance(value, bool) or not wanted.holds(value):
            raise InputInvalid(f"{name}={value!r} must be {wanted.contains}.")
