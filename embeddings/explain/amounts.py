"""What a little more of each element does: steps and derivatives on the simplex of compositions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.explain.mixtures import Mixtures
from embeddings.explain.models import Model

STEP = 0.01
"""One atomic per cent."""

_MIDDLE = np.array([-2, -1, 1, 2]) * STEP / 4
_MIDDLE_WEIGHTS = np.array([1, -8, 8, -1]) / (3 * STEP)
_EDGE = np.array([1, 2, 3, 4]) * STEP / 4
_EDGE_WEIGHTS = np.array([48, -36, 16, -3]) / (3 * STEP)
_EDGE_AT_ZERO = -25 / (3 * STEP)


@dataclass(frozen=True)
class Amount:
    """The effect of more of one element, while the others keep their ratios.

    Attributes:
        element: symbol.
        more: by how much the prediction changes with one atomic per cent more of it; None where it is more than 99 %.
        less: with one atomic per cent less of it; None where there is no more than that.
        slope: derivative by its fraction, times one per cent: what the change would be along a straight line. Zero, or
            of no use, for models that change in steps, such as trees.
    """

    element: str
    more: float | None
    less: float | None
    slope: float


def amounts_of(model: Model, formula: Mixtures, places: np.ndarray, elements: tuple[str, ...]) -> tuple[Amount, ...]:
    """Return the effect of each element's amount; of a formula of one element there is none.

    The derivative is a central difference of fourth order over steps of a quarter and half of a per cent, exact for
    polynomials of fourth degree; for less than half a per cent, or for more than 99.5, it is one-sided, of the same
    order.

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
    steps = [_steps(share) for share in shares.tolist()]
    moved = [
        _moved(formula, place, step) for place, row in zip(places, steps, strict=True) for step in (STEP, -STEP, *row)
    ]
    values = model(Mixtures(np.array([formula.fractions[0], *moved]), np.full(len(moved) + 1, formula.totals[0])))
    now, then = values[0], values[1:].reshape(len(places), -1)
    found = []
    for element, share, row, (more, less, *rest) in zip(elements, shares.tolist(), steps, then, strict=True):
        slope = _slope(row, np.array(rest), now)
        found.append(
            Amount(
                element,
                float(more - now) if share + STEP <= 1 else None,
                float(less - now) if share - STEP > 0 else None,
                STEP * slope,
            )
        )
    return tuple(found)


def _steps(share: float) -> np.ndarray:
    """Return four steps of an element's fraction within the simplex."""
    reach = _MIDDLE[-1]
    if share <= reach:
        return _EDGE
    return -_EDGE if share >= 1 - reach else _MIDDLE


def _slope(steps: np.ndarray, values: np.ndarray, now: float) -> float:
    if steps[0] * steps[-1] < 0:
        return float(_MIDDLE_WEIGHTS @ values)
    return float(np.sign(steps[0]) * (_EDGE_WEIGHTS @ values + _EDGE_AT_ZERO * now))


def _moved(formula: Mixtures, place: int, step: float) -> np.ndarray:
    """Return the fractions with more of one element, at most all and at least none, and the others in their ratios."""
    old = formula.fractions[0]
    share = float(np.clip(old[place] + step, 0, 1))
    new = old * (1 - share) / (1 - old[place])
    new[place] = share
    return new
