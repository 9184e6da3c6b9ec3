"""A table of formulas at a glance: which elements matter, and which pairs of them interact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS
from embeddings.explain.explanation import Elements, Explanation

MIN_FORMULAS = 3
"""An element or pair is ranked that occurs in so many formulas; in all, if there are fewer."""


@dataclass(frozen=True)
class Effect:
    """What an element, or a pair, does over the formulas that have it.

    Attributes:
        elements: symbols, by atomic number.
        n_formulas: that have it.
        mean: of its values.
        mean_absolute: of their absolute values.
        spread: standard deviation of its values.
    """

    elements: Elements
    n_formulas: int
    mean: float
    mean_absolute: float
    spread: float


@dataclass(frozen=True)
class Overview:
    """What many explanations have in common.

    Attributes:
        n_formulas: that were explained.
        elements: by descending mean absolute Shapley value, those of few formulas last.
        pairs: likewise, by their interaction.
    """

    n_formulas: int
    elements: tuple[Effect, ...]
    pairs: tuple[Effect, ...]

    @classmethod
    def of(cls, explanations: Iterable[Explanation]) -> Overview:
        """Gather the Shapley values and pair interactions of many formulas; what is no more than rounding is zero."""
        singles: dict[Elements, list[float]] = defaultdict(list)
        pairs: dict[Elements, list[float]] = defaultdict(list)
        every = list(explanations)
        for one in every:
            for symbol, value in one.shapley.items():
                singles[(symbol,)].append(value if abs(value) >= one.rounding else 0.0)
            for names, value in one.pairs.items():
                pairs[_by_number(names)].append(value if abs(value) >= one.rounding else 0.0)
        least = min(MIN_FORMULAS, len(every))
        return cls(len(every), _ranked(singles, least), _ranked(pairs, least))

    def values(self) -> dict[str, float]:
        """Return the mean Shapley value of each element, for `embeddings.plots.periodic_table`."""
        return {effect.elements[0]: effect.mean for effect in self.elements}

    def matrix(self, symbols: Iterable[str] | None = None) -> tuple[tuple[str, ...], np.ndarray]:
        """Return the mean interaction of every pair as a symmetric matrix; NaN where no formula has both.

        Args:
            symbols: of the rows, in this order; all that occur, by atomic number, if None.
        """
        every = [effect.elements[0] for effect in self.elements]
        names = tuple(sorted(every, key=ATOMIC_NUMBERS.__getitem__) if symbols is None else symbols)
        place = {name: row for row, name in enumerate(names)}
        found = np.full((len(names), len(names)), np.nan)
        for effect in self.pairs:
            if all(name in place for name in effect.elements):
                i, j = (place[name] for name in effect.elements)
                found[i, j] = found[j, i] = effect.mean
        return names, found

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON holds."""
        plain = [
            [asdict(one) | {"elements": list(one.elements)} for one in group] for group in (self.elements, self.pairs)
        ]
        return {"n_formulas": self.n_formulas, "elements": plain[0], "pairs": plain[1]}


def _by_number(names: Elements) -> Elements:
    return tuple(sorted(names, key=ATOMIC_NUMBERS.__getitem__))


def _ranked(found: Mapping[Elements, list[float]], least: int) -> tuple[Effect, ...]:
    effects = [
        Effect(names, len(values), float(np.mean(values)), float(np.mean(np.abs(values))), float(np.std(values)))
        for names, values in found.items()
    ]
    return tuple(sorted(effects, key=lambda one: (one.n_formulas < least, -one.mean_absolute, one.elements)))
