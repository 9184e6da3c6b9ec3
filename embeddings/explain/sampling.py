"""Values of formulas with too many elements for every coalition: estimated from random orders of them.

In a random order of the players, what one adds to those before it is an unbiased estimate of its Shapley value (Castro,
Gómez and Tejada, Comput. Oper. Res. 36, 1726, 2009). The set before two neighbors of that order has the weight that the
Shapley interaction index gives it, so what the two add together, less what each adds alone, is an unbiased estimate of
their interaction.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from embeddings.explain.values import Players

N_ORDERS = 256
"""Random orders of the players."""

ValueOf = Callable[[np.ndarray], np.ndarray]


def sampled_interactions(
    value_of: ValueOf, n: int, *, order: int = 2, n_orders: int = N_ORDERS, seed: int = 0
) -> tuple[dict[Players, float], dict[Players, float], np.ndarray]:
    """Return k-SII of order 1 or 2 as it is estimated; it adds up to the whole all the same.

    Args:
        value_of: (n_coalitions, n) bool -> (n_coalitions,) values.
        n: players, at least 3.
        order: 1 or 2.
        n_orders: random orders; the standard error falls with its root.
        seed: of the orders.

    Returns:
        Interactions, their standard errors (NaN where one draw at most was made), and the Shapley values, (n,).
    """
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (n_orders, 1)), axis=1)
    chain = _chain(value_of, orders)
    gains = np.empty((n_orders, n))
    np.put_along_axis(gains, orders, np.diff(chain, axis=1), axis=1)
    shapley, spread = gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(n_orders)
    found: dict[Players, float] = {}
    wide: dict[Players, float] = {}
    if order == 1:
        found.update({(i,): float(shapley[i]) for i in range(n)})
        wide.update({(i,): float(spread[i]) for i in range(n)})
        return found, wide, shapley
    pairs, errors = _pairs(value_of, orders, chain)
    for i in range(n):
        mine = [pair for pair in pairs if i in pair]
        found[(i,)] = float(shapley[i]) - sum(pairs[pair] for pair in mine) / 2
        wide[(i,)] = float(np.sqrt(spread[i] ** 2 + sum(errors[pair] ** 2 for pair in mine) / 4))
    return found | pairs, wide | errors, shapley


def _chain(value_of: ValueOf, orders: np.ndarray) -> np.ndarray:
    """Return the values as players join one by one, (n_orders, n + 1)."""
    n_orders, n = orders.shape
    ranks = np.argsort(orders, axis=1)
    joined = ranks[:, None, :] < np.arange(n + 1)[:, None]  # (n_orders, n + 1, n)
    return _distinct(value_of, joined.reshape(-1, n)).reshape(n_orders, n + 1)


def _pairs(
    value_of: ValueOf, orders: np.ndarray, chain: np.ndarray
) -> tuple[dict[Players, float], dict[Players, float]]:
    """Return the Shapley interactions of pairs and their standard errors."""
    n_orders, n = orders.shape
    ranks = np.argsort(orders, axis=1)
    before = ranks[:, None, :] < np.arange(n - 1)[:, None]  # those before each pair of neighbors
    second = before | (ranks[:, None, :] == np.arange(1, n)[:, None])
    alone = _distinct(value_of, second.reshape(-1, n)).reshape(n_orders, n - 1)
    gains = chain[:, 2:] - chain[:, 1:-1] - alone + chain[:, :-2]
    low, high = np.minimum(orders[:, :-1], orders[:, 1:]), np.maximum(orders[:, :-1], orders[:, 1:])
    found: dict[Players, float] = {}
    errors: dict[Players, float] = {}
    for i, j in combinations(range(n), 2):
        drawn = gains[(low == i) & (high == j)]
        found[i, j] = float(drawn.mean()) if len(drawn) else 0.0
        errors[i, j] = float(drawn.std(ddof=1) / np.sqrt(len(drawn))) if len(drawn) > 1 else float("nan")
    return found, errors


def _distinct(value_of: ValueOf, members: np.ndarray) -> np.ndarray:
    """Return the values of coalitions, each distinct one asked for once."""
    distinct, places = np.unique(members, axis=0, return_inverse=True)
    return value_of(distinct)[places.reshape(-1)]
