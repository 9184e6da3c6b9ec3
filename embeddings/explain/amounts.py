"""What a little more of each element does: steps and derivatives on the simplex of compositions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.explain.mixtures import Mixtures
from embeddings.explain.models import Model

STEP = 0.01
"""One atomic percent."""

_STEPS = np.array([-2, -1, 1, 2])
_WEIGHTS = np.array([1, -8, 8, -1]) / 12

_LONGEST = STEP / 16
_PART = 1 / 32
"""A step of the difference is at most this part of the share of the element, and of that of all others: an amount of a
hundredth percent may count by its logarithm."""


@dataclass(frozen=True)
class Amount:
    """The effect of more of one element, while the others keep their ratios.

    Attributes:
        element: symbol.
        more: by how much the prediction changes with one atomic percent more of it; None where it is more than 99%.
        less: with one atomic percent less of it; None where there is no more than that.
        slope: derivative by its fraction, times one percent: what the change would be along a straight line. Zero, or
            of no use, for models that change in steps, such as trees.
    """

    element: str
    more: float | None
    less: float | None
    slope: float


def amounts_of(model: Model, formula: Mixtures, places: np.ndarray, elements: tuple[str, ...]) -> tuple[Amount, ...]:
    """Return the effect of each element's amount; of a formula of one element there is none.

    The derivative is a central difference of fourth order, exact for polynomials of fourth degree. Its steps are a
    sixteenth and an eighth of a percent; or less, so that no share changes by more than a sixteenth of itself.
    Encoders of ours compute in double precision for it.

    Args:
        model: whose values count.
        formula: one row.
        places: (n,) of the elements among all.
        elements: their symbols.

    Raises:
        InputInvalid: the model gives NaN or infinity.
    """
    if len(places) < 2:
        return ()
    shares = formula.fractions[0, places]
    lengths = np.minimum(_LONGEST, _PART * np.minimum(shares, 1 - shares))
    moved = [
        _moved(formula, place, step)
        for place, length in zip(places, lengths.tolist(), strict=True)
        for step in (0, STEP, -STEP, *(length * _STEPS))
    ]
    values = model.in_double_precision()(Mixtures(np.array(moved), np.full(len(moved), formula.totals[0])))
    found = []
    rows = values.reshape(len(places), -1)
    for element, share, length, (now, more, less, *near) in zip(elements, shares, lengths, rows, strict=True):
        found.append(
            Amount(
                element,
                float(more - now) if share + STEP <= 1 else None,
                float(less - now) if share - STEP > 0 else None,
                float(STEP / length * (_WEIGHTS @ near)),
            )
        )
    return tuple(found)


def _moved(formula: Mixtures, place: int, step: float) -> np.ndarray:
    """Return the fractions with more of one element, at most all and at least none, and the others in their ratios."""
    old = formula.fractions[0]
    share = float(np.clip(old[place] + step, 0, 1))
    new = old * (1 - share) / (1 - old[place])
    new[place] = share
    return new
