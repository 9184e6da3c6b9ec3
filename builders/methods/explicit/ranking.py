"""Which templates are most like a formula, and which of its elements takes which place in each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from builders.methods.explicit.likeness import Likeness
from builders.methods.explicit.templates import TemplatePool, runs, whole_composition
from embeddings.elements import SYMBOLS
from embeddings.errors import FormulaInvalid

MAX_PERMUTED = 5
"""Up to so many elements of equal amounts are tried in every order; more are assigned by the Hungarian algorithm."""


@dataclass(frozen=True)
class Ranked:
    """Templates for a formula, the nearest first.

    Attributes:
        rows: (n,) of the pool.
        distances: (n,) mean distance of the elements from those whose places they take.
        new: (n_elements,) atomic numbers of the formula.
        old: (n, n_elements) atomic numbers of the template that they replace.
    """

    rows: np.ndarray
    distances: np.ndarray
    new: np.ndarray
    old: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def rank(formula: str, pool: TemplatePool, likeness: Likeness, *, most: int) -> Ranked:
    """Return the nearest templates of another formula that have its anonymous formula.

    Args:
        formula: canonical and reduced.
        pool: where to look.
        likeness: of elements.
        most: how many, at most.

    Raises:
        FormulaInvalid: the amounts are not whole numbers, or an element has no vector.
    """
    new, amounts = whole_composition(formula)
    bare = [SYMBOLS[z - 1] for z in new.tolist() if not likeness.covered[z]]
    if bare:
        raise FormulaInvalid(f"{formula}: no vector of {', '.join(bare)}, so nothing tells which elements are like it.")
    kind = pool.kinds.get(amounts)
    if kind is None:
        return Ranked(np.zeros(0, dtype=np.int64), np.zeros(0), new, np.zeros((0, len(new)), dtype=np.int64))
    own = pool.rows_of.get(formula, np.zeros(0, dtype=np.int64))
    fits = ~np.isin(kind.rows, own) & likeness.covered[kind.elements].all(axis=1)
    rows, elements = kind.rows[fits], kind.elements[fits]
    distances, old = _assign(new, elements, runs(amounts), likeness.distances)
    nearest = np.lexsort((rows, distances))[:most]
    return Ranked(rows[nearest], distances[nearest] / len(new), new, old[nearest])


def _assign(
    new: np.ndarray, elements: np.ndarray, spans: list[tuple[int, int]], distances: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least sum of distances for each template, (n,), and the order of its elements that gives it."""
    total, old = np.zeros(len(elements)), elements.copy()
    for start, stop in spans:
        costs, chosen = _best_order(new[start:stop], elements[:, start:stop], distances)
        total += costs
        old[:, start:stop] = chosen
    return total, old


def _best_order(new: np.ndarray, there: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assign elements of equal amounts, (g,), to those of each template, (n, g)."""
    if len(new) > MAX_PERMUTED:
        return _hungarian(new, there, distances)
    orders = np.array(list(permutations(range(len(new)))))
    costs = distances[new[None, None, :], there[:, orders]].sum(axis=-1)  # (n, n_orders)
    best = costs.argmin(axis=1)
    return costs[np.arange(len(there)), best], np.take_along_axis(there, orders[best], axis=1)


def _hungarian(new: np.ndarray, there: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    costs, chosen = np.zeros(len(there)), np.empty_like(there)
    for row, elements in enumerate(there):
        pairs = distances[np.ix_(new, elements)]
        places, taken = linear_sum_assignment(pairs)
        costs[row], chosen[row] = pairs[places, taken].sum(), elements[taken]
    return costs, chosen
