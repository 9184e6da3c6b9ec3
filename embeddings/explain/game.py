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

Batch = tuple[Mixtures, np.ndarray]
"""Compositions of coalitions, and how many belong to each."""

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

    def mixtures(self, members: np.ndarray) -> Batch:
        """Return the compositions of coalitions, and how many belong to each.

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
        parts = np.split(members, range(_COALITIONS_AT_ONCE, len(members), _COALITIONS_AT_ONCE))
        return np.concatenate([_together(self.model, [self.mixtures(part)])[0] for part in parts])


def all_values(games: Sequence[Game]) -> Iterator[np.ndarray]:
    """Yield the values of all coalitions of each game, (2^n,); small games share a batch.

    Args:
        games: of one model, none with more than 12 elements.

    Raises:
        InputInvalid: the model gives NaN or infinity, or not one number for each.
    """
    waiting: list[Batch] = []
    for game in games:
        members = coalitions(len(game.places))
        if len(members) > _COALITIONS_AT_ONCE:
            yield from _together(game.model, waiting)
            waiting = []
            yield game(members)
            continue
        waiting.append(game.mixtures(members))
        if sum(len(made) for made, _ in waiting) >= _ROWS_AT_ONCE:
            yield from _together(game.model, waiting)
            waiting = []
    yield from _together(games[0].model, waiting) if games else ()


def _together(model: Model, waiting: Sequence[Batch]) -> list[np.ndarray]:
    """Return the values of several batches of coalitions from one call of the model."""
    if not waiting:
        return []
    values = model(Mixtures.joined(made for made, _ in waiting))
    ends = np.cumsum([len(made) for made, _ in waiting])
    parts = np.split(values, ends[:-1])
    return [_averaged(part, counts) for part, (_, counts) in zip(parts, waiting, strict=True)]


def _averaged(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    averaged: np.ndarray = np.add.reduceat(values, starts) / counts
    return averaged
