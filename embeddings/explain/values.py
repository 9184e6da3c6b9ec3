"""Shapley values and interactions of a set function, exactly, from its value on every coalition.

A set function of n players is an array of 2^n values: entry ``m`` is the value of the coalition whose players are the
bits of ``m``. Every index here is a weighted sum of its Möbius transform, and the weight of a coalition depends on two
sizes only: that of the interaction and that of the coalition.

- **k-SII**: Shapley interactions (Grabisch and Roubens, Int. J. Game Theory 28, 547, 1999), aggregated with Bernoulli
  numbers so that all orders add up to the whole: n-Shapley values (Bordt and von Luxburg, AISTATS 2023, definition 4),
  called k-SII by Fumagalli et al. (SHAP-IQ, NeurIPS 2023).
- **FSII**: faithful Shapley interactions, the polynomial of a given order that is nearest to the set function under
  Shapley's weights and meets it at both ends (Tsai, Yeh and Ravikumar, JMLR 24, 1, 2023, theorem 19).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import combinations
from math import comb
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from embeddings.display.numbers import share_of
from embeddings.errors import InputInvalid

Index = Literal["k-sii", "fsii"]
Players = tuple[int, ...]

MAX_PLAYERS = 12
"""Of more, coalitions are too many to be listed."""

MAX_ORDER = 3

_BERNOULLI = (1.0, -1 / 2, 1 / 6)


def shapley_values(values: ArrayLike) -> np.ndarray:
    """Return the Shapley value of each player, (n,); their sum is the value of all less that of none.

    Args:
        values: (2^n,) of each coalition.

    Raises:
        InputInvalid: the number of values is no power of two from 2 to 4,096, or one is not a finite number.
    """
    return np.array(list(interactions(values, order=1).values()))


def interactions(values: ArrayLike, *, order: int = 2, index: Index = "k-sii") -> dict[Players, float]:
    """Return the interaction of every set of 1 to `order` players; their sum is the value of all less that of none.

    Args:
        values: (2^n,) of each coalition.
        order: size of the largest sets, 1 to 3.
        index: ``"k-sii"`` or ``"fsii"``; the two agree for order 1, where they are the Shapley values.

    Raises:
        InputInvalid: the number of values is no power of two from 2 to 4,096, one is not a finite number, or there is
            no such order or index.

    Example:
        >>> interactions([0, 1, 1, 4])  # alone each gives 1, together 2 more than that
        {(0,): 1.0, (1,): 1.0, (0, 1): 2.0}
    """
    game = _checked(values)
    order, index = check_order(order), check_index(index)
    n = len(game).bit_length() - 1
    found = _weights(n, min(order, n), index) @ moebius(game)
    return dict(zip(player_sets(n, order), found.tolist(), strict=True))


def moebius(values: np.ndarray) -> np.ndarray:
    """Return the Möbius transform of a set function, (2^n,): what each coalition adds to all coalitions within it."""
    result = np.array(values, dtype=np.float64)
    n = len(result).bit_length() - 1
    for player in range(n):
        halves = result.reshape(-1, 2, 1 << player)
        halves[:, 1] -= halves[:, 0]
    return result


def coalitions(n: int) -> np.ndarray:
    """Return who is in each coalition, (2^n, n) bool, in the order of `interactions`."""
    return (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(bool)


@cache
def player_sets(n: int, order: int) -> tuple[Players, ...]:
    """Return all sets of 1 to `order` players, small ones first."""
    return tuple(chosen for size in range(1, min(n, order) + 1) for chosen in combinations(range(n), size))


def check_order(order: int) -> int:
    """Return an order, checked.

    Raises:
        InputInvalid: it is not 1, 2 or 3.
    """
    if order not in range(1, MAX_ORDER + 1):
        raise InputInvalid(f"order={order!r} is not known; use 1 (elements), 2 (and pairs) or 3 (and triples).")
    return int(order)


def check_index(index: str) -> Index:
    """Return the name of an index, checked.

    Raises:
        InputInvalid: there is none of this name.
    """
    if index not in get_args(Index):
        raise InputInvalid(f'No index "{index}". There are: {", ".join(get_args(Index))}.')
    return index  # type: ignore[return-value]


def _checked(values: ArrayLike) -> np.ndarray:
    game = np.asarray(values, dtype=np.float64)
    if game.ndim != 1 or len(game) not in {1 << n for n in range(1, MAX_PLAYERS + 1)}:
        raise InputInvalid(
            f"Values of shape {game.shape} are not those of all coalitions of 1 to {MAX_PLAYERS} players: 2^n of them."
        )
    if not np.isfinite(game).all():
        raise InputInvalid(
            f"{share_of((~np.isfinite(game)).sum(), len(game), 'coalition', 'has')} a value that is NaN or infinite."
        )
    return game


@lru_cache(maxsize=32)
def _weights(n: int, order: int, index: Index) -> np.ndarray:
    """Return the weight of each coalition's Möbius transform in each interaction, (n_sets, 2^n)."""
    weight_of: Callable[[int, int, int], float] = _ksii_weight if index == "k-sii" else _fsii_weight
    masks = np.arange(1 << n)
    sizes = coalitions(n).sum(axis=1)
    sets = player_sets(n, order)
    weights = np.zeros((len(sets), 1 << n))
    for row, chosen in enumerate(sets):
        mask = sum(1 << player for player in chosen)
        table = np.array([weight_of(len(chosen), size, order) if size >= len(chosen) else 0.0 for size in range(n + 1)])
        weights[row] = np.where(masks & mask == mask, table[sizes], 0.0)
    return weights


def _ksii_weight(s: int, t: int, order: int) -> float:
    """Return the sum over j of ``B_j C(t-s, j) / (t-s-j+1)``: SII of all sets that are larger by j, aggregated."""
    rest = t - s
    return sum(_BERNOULLI[j] * comb(rest, j) / (rest - j + 1) for j in range(min(order - s, rest) + 1))


def _fsii_weight(s: int, t: int, order: int) -> float:
    if t <= order:
        return float(s == t)
    sign = (-1) ** (order - s)
    return sign * s / (order + s) * comb(order, s) * comb(t - 1, order) / comb(t + order - 1, order + s)
