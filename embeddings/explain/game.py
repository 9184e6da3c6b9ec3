"""A formula as a set function: the value of a model with some of the elements, and the others absent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from embeddings.elements import SYMBOLS
from embeddings.explain.absence import Absence
from embeddings.explain.mixtures import Mixtures
from embeddings.explain.models import Model
from embeddings.explain.values import coalitions

_ROWS_AT_ONCE = 1 << 15
_COALITIONS_AT_ONCE = 1 << 9


@dataclass(frozen=True, eq=False)
class Game:
    """The elements of one formula are the players.

    Attributes:
        formula: one row.
        model: whose values count.
        absence: what stands where an element is absent.
    """

    formula: Mixtures
    model: Model
    absence: Absence

    @property
    def places(self) -> np.ndarray:
        """Places of the elements among all, by descending share: (n,)."""
        there = np.flatnonzero(self.formula.fractions[0] > 0)
        return there[np.argsort(-self.formula.fractions[0][there], kind="stable")]

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols of the players, by descending share."""
        return tuple(SYMBOLS[place] for place in self.places.tolist())

    def mixtures(self, members: np.ndarray) -> Mixtures:
        """Return the compositions of coalitions that have some of the players, and not all.

        Args:
            members: (n_coalitions, n) bool.
        """
        kept = np.zeros((len(members), self.formula.fractions.shape[1]), dtype=bool)
        kept[:, self.places] = members
        return self.absence.mixtures(self.formula, kept)

    def __call__(self, members: np.ndarray) -> np.ndarray:
        """Return the values of coalitions, (n_coalitions,), from as few batches as memory allows.

        Raises:
            InputInvalid: the model gives NaN or infinity, or not one number for each.
        """
        sizes = members.sum(axis=1)
        is_inner = (sizes > 0) & (sizes < len(self.places))
        ends = self.model(Mixtures.joined([self.absence.base(self.formula), self.formula]))
        values = np.where(sizes == 0, ends[:-1].mean(), ends[-1])
        inner = members[is_inner]
        parts = np.split(inner, range(_COALITIONS_AT_ONCE, len(inner), _COALITIONS_AT_ONCE))
        values[is_inner] = np.concatenate([self.averaged(self.model(self.mixtures(part))) for part in parts])
        return values

    def averaged(self, values: np.ndarray) -> np.ndarray:
        """Return the value of each coalition, from those of its compositions."""
        averaged: np.ndarray = values.reshape(-1, self.absence.n_each).mean(axis=1)
        return averaged


def all_values(games: Sequence[Game]) -> Iterator[np.ndarray]:
    """Yield the values of all coalitions of each game, (2^n,); small games share a batch.

    Args:
        games: of one model, none with more than 12 elements.

    Raises:
        InputInvalid: the model gives NaN or infinity, or not one number for each.
    """
    waiting: list[Game] = []
    n_rows = 0
    for game in games:
        n_coalitions = 1 << len(game.places)
        if n_coalitions > _COALITIONS_AT_ONCE:
            yield from _together(waiting)
            waiting, n_rows = [], 0
            yield game(coalitions(len(game.places)))
            continue
        waiting.append(game)
        n_rows += n_coalitions * game.absence.n_each
        if n_rows >= _ROWS_AT_ONCE:
            yield from _together(waiting)
            waiting, n_rows = [], 0
    yield from _together(waiting)


def _together(games: Sequence[Game]) -> list[np.ndarray]:
    """Return the values of all coalitions of several games from one call of the model."""
    if not games:
        return []
    bases = [game.absence.base(game.formula) for game in games]
    distinct = {id(base): base for base in bases}  # formulas that share theirs pay for it once
    inner = [game.mixtures(coalitions(len(game.places))[1:-1]) for game in games]
    parts = [*distinct.values(), *inner, *(game.formula for game in games)]
    values = games[0].model(Mixtures.joined(parts))
    each = np.split(values, np.cumsum([len(part) for part in parts])[:-1])
    means = dict(zip(distinct, (some.mean() for some in each), strict=False))
    ends = each[-len(games) :]
    return [
        np.concatenate([[means[id(base)]], game.averaged(some), whole])
        for game, base, some, whole in zip(games, bases, each[len(distinct) :], ends, strict=False)
    ]
