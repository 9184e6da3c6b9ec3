"""What stands where an element of a formula is absent. The choice gives all numbers their meaning, so it has words.

Of a formula with fractions ``f``, a coalition S of its elements keeps theirs. What happens to the share of the others:

- ``"background"``: formulas ``b`` of a background fill it, ``sum of f_e over S + (1 - f_S) b``, one after the other,
  and the values are averaged. Nothing kept is the background itself. A model that is linear in the fractions has no
  interactions, and its Shapley values are ``f_e (w_e - mean)``. This is interventional, or marginal, SHAP (Lundberg and
  Lee, NeurIPS 2017) on the simplex.
- ``"reference:Fe"``, ``"reference:mean"``, ``"reference:nearest"``: one element fills it, or all elements in their mean
  shares in the background, or each absent element is replaced by that which is nearest to it by its vector.
- ``"removed"``: the others are scaled to one. With nothing kept, the value is the mean over the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from embeddings.elements import N_ELEMENTS, SYMBOLS, atomic_number
from embeddings.errors import ElementNotCovered, ElementUnknown, InputInvalid
from embeddings.explain.background import Background
from embeddings.explain.mixtures import Mixtures
from embeddings.explain.models import Model
from embeddings.loaders import load_uae
from embeddings.search.neighbors import cosine_similarity

DEFAULT = "background"
CHOICES = ("background", "removed", "reference:mean", "reference:nearest", "reference:ELEMENT")

NEAREST_BY = "ct-multi"
"""Vectors by which elements are near, where the model has none of its own."""


class Absence(Protocol):
    """What coalitions of a formula look like."""

    def words(self) -> str:
        """Return what it does, as part of a sentence, such as ``"replaced by Mg"``."""

    def base_words(self) -> str:
        """Return what the value with nothing kept is, such as ``"the mean prediction for these formulas"``."""

    @property
    def n_each(self) -> int:
        """Number of compositions of each coalition, whose values are averaged."""

    def base(self, formula: Mixtures) -> Mixtures:
        """Return the compositions with nothing kept: one and the same object where they do not depend on the formula.

        Args:
            formula: one row.
        """

    def mixtures(self, formula: Mixtures, kept: np.ndarray) -> Mixtures:
        """Return the compositions of coalitions that keep something, and not all: `n_each` rows for each.

        Args:
            formula: one row.
            kept: (n_coalitions, 118) bool, elements that are kept.
        """


@dataclass(frozen=True, eq=False)
class Filled:
    """Formulas of a background fill the share of what is absent."""

    background: Background

    def words(self) -> str:
        """Return how the value is averaged."""
        return f"replaced by other formulas, and the value averaged over {self.background.words()}"

    def base_words(self) -> str:
        """Return that the value is that of the background."""
        return "the mean prediction for these formulas"

    @property
    def n_each(self) -> int:
        """As many as formulas of the background."""
        return len(self.background.mixtures)

    def base(self, formula: Mixtures) -> Mixtures:
        """Return the formulas of the background."""
        return self.background.mixtures

    def mixtures(self, formula: Mixtures, kept: np.ndarray) -> Mixtures:
        """Return what is kept and each of the formulas, mixed."""
        fillers = self.background.mixtures
        shares = formula.fractions * kept
        rest = 1 - shares.sum(axis=1, keepdims=True)  # (n_coalitions, 1)
        fractions = shares[:, None, :] + rest[:, :, None] * fillers.fractions
        totals = (1 - rest) * formula.totals[0] + rest * fillers.totals
        return Mixtures(fractions.reshape(-1, N_ELEMENTS), totals.reshape(-1))


@dataclass(frozen=True, eq=False)
class Removed:
    """What is kept is scaled to one; with nothing kept, the background stands in."""

    background: Background

    def words(self) -> str:
        """Return that nothing takes their place."""
        return "removed, and the others scaled up to the whole"

    def base_words(self) -> str:
        """Return what stands in for the empty composition."""
        return f"the mean prediction for {self.background.words()}, for without elements there is no composition"

    @property
    def n_each(self) -> int:
        """One."""
        return 1

    def base(self, formula: Mixtures) -> Mixtures:
        """Return the formulas of the background."""
        return self.background.mixtures

    def mixtures(self, formula: Mixtures, kept: np.ndarray) -> Mixtures:
        """Return what is kept, scaled to one."""
        shares = formula.fractions * kept
        return Mixtures(shares / shares.sum(axis=1, keepdims=True), np.full(len(kept), formula.totals[0]))


@dataclass(frozen=True, eq=False)
class Replaced:
    """Something else takes the share of each absent element.

    Attributes:
        said: what it is, for people.
        by: given the elements of the formula, (118,) bool, the fractions that take the place of each element, (118,
            118), each row one in sum.
        single: symbol of the element where it is one and the same for all; empty otherwise.
    """

    said: str
    by: Callable[[np.ndarray], np.ndarray]
    single: str = ""

    def words(self) -> str:
        """Return what takes their place."""
        return f"replaced by {self.said}"

    def base_words(self) -> str:
        """Return that everything is replaced."""
        return f"the prediction with every element replaced by {self.said}"

    @property
    def n_each(self) -> int:
        """One."""
        return 1

    def base(self, formula: Mixtures) -> Mixtures:
        """Return the formula with every element replaced.

        Raises:
            InputInvalid: the reference is its only element.
        """
        there = formula.fractions[0] > 0
        if self.single and there.sum() == 1 and there[atomic_number(self.single) - 1]:
            raise InputInvalid(
                f"{self.single} is both the only element of the formula and the reference, so nothing would change. "
                f"Choose another: {', '.join(CHOICES)}."
            )
        return self.mixtures(formula, np.zeros((1, N_ELEMENTS), dtype=bool))

    def mixtures(self, formula: Mixtures, kept: np.ndarray) -> Mixtures:
        """Return what is kept, and the replacement in the share of the others."""
        by = self.by(formula.fractions[0] > 0)
        fractions = formula.fractions * kept + (formula.fractions * ~kept) @ by
        return Mixtures(fractions, np.full(len(kept), formula.totals[0]))


def absence(asked: str, model: Model, background: Callable[[], Background]) -> Absence:
    """Return what was asked for, by name.

    Args:
        asked: one of `CHOICES`, with a symbol for ``ELEMENT``; ``"reference"`` is the mean.
        model: that is explained; elements are near by its vectors.
        background: makes the background, if it is needed.

    Raises:
        InputInvalid: no such choice.
        ElementNotCovered: the model was not trained on the reference.
        CatalogNotFound: vectors are needed, and there are none.
    """
    kind, _, reference = asked.partition(":")
    if asked == "background":
        return Filled(background())
    if asked == "removed":
        return Removed(background())
    if kind != "reference" or asked.endswith(":"):
        raise InputInvalid(f'No choice "{asked}" for absent elements. There are: {", ".join(CHOICES)}.')
    if reference in ("", "mean"):
        return _mean(background())
    return _nearest(model) if reference == "nearest" else _element(reference, model)


def _mean(background: Background) -> Replaced:
    said = f"all elements in their mean shares in {background.pool_words()}"
    return Replaced(said, lambda there: np.broadcast_to(background.mean, (N_ELEMENTS, N_ELEMENTS)))


def _element(symbol: str, model: Model) -> Replaced:
    try:
        row = atomic_number(symbol) - 1
    except ElementUnknown as error:
        raise InputInvalid(f'No reference "{symbol}": {error} There are: {", ".join(CHOICES)}.') from error
    if model.elements is not None and symbol not in model.elements:
        raise ElementNotCovered(
            f"The model was not trained on the reference {symbol}. Choose an element that it knows."
        )
    by = np.zeros((N_ELEMENTS, N_ELEMENTS))
    by[:, row] = 1
    return Replaced(symbol, lambda there: by, single=symbol)


def _nearest(model: Model) -> Replaced:
    catalog = load_uae(NEAREST_BY) if model.vectors is None else model.vectors
    rows = catalog.atomic_numbers.astype(int) - 1
    near = np.full((N_ELEMENTS, N_ELEMENTS), -np.inf)
    near[np.ix_(rows, rows)] = cosine_similarity(catalog.vectors)
    strange = [] if model.elements is None else [row for row in range(N_ELEMENTS) if SYMBOLS[row] not in model.elements]
    near[:, strange] = -np.inf

    def by(there: np.ndarray) -> np.ndarray:
        others = np.where(there, -np.inf, near)  # an element of the formula stands in for none of them
        lost = [SYMBOLS[row] for row in np.flatnonzero(there) if not np.isfinite(others[row]).any()]
        if lost:
            raise ElementNotCovered(
                f"{catalog.name} has no vector for {', '.join(lost)}, so it has no nearest element."
            )
        return np.eye(N_ELEMENTS)[others.argmax(axis=1)]

    return Replaced(f"the element nearest to it by the vectors of {catalog.name}", by)
