"""Formulas and a model in, explanations out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from embeddings.display.text import shortened
from embeddings.errors import InputInvalid
from embeddings.explain.absence import DEFAULT, Absence, absence
from embeddings.explain.amounts import amounts_of
from embeddings.explain.background import N_DRAWS, Background, default_background, given_background
from embeddings.explain.explanation import Explanation
from embeddings.explain.game import Game, all_values
from embeddings.explain.mixtures import Mixtures
from embeddings.explain.models import Model, ModelLike, as_model
from embeddings.explain.report import Explanations
from embeddings.explain.sampling import N_ORDERS, sampled_interactions
from embeddings.explain.values import (
    MAX_PLAYERS,
    Index,
    Players,
    check_index,
    check_order,
    interactions,
    player_sets,
    shapley_values,
)
from embeddings.formula.bulk import fraction_matrix


def explain(
    formulas: Iterable[Any],
    model: ModelLike,
    *,
    absent: str = DEFAULT,
    background: Iterable[Any] | None = None,
    background_name: str = "given formulas",
    n_background: int = N_DRAWS,
    order: int = 2,
    index: Index = "k-sii",
    amounts: bool = False,
    of_class: Any = None,
    n_orders: int = N_ORDERS,
    seed: int = 0,
    advance: Callable[[int], None] = lambda n: None,
) -> Explanations:
    """Divide the predictions of a model among the elements of formulas and their interactions.

    Up to 12 elements every coalition of them is predicted, so that the values are exact. Of more, Shapley values and
    pairs are estimated, with standard errors.

    Args:
        formulas: n formulas: a list, array or Series of whatever `embeddings.parse_formula` reads.
        model: a fitted `PropertyModel`; an estimator of scikit-learn that takes formulas; a pair of a composition
            encoder, or its name, and a head, which is an estimator or a function of vectors; or a function that takes a
            list of formulas such as ``"Fe0.4O0.6"`` and returns a number for each.
        absent: what stands where an element is absent: ``"background"``, ``"removed"``, ``"reference:mean"``,
            ``"reference:nearest"`` or ``"reference:Fe"``; see `embeddings.explain.absence`.
        background: formulas to draw from, best those of the training. If None, formulas of the training of the packaged
            encoder ``cromel-multi``: those that the model saw, or of the elements that it saw.
        background_name: what they are, for people, such as ``"formulas of training.csv"``.
        n_background: formulas that are drawn.
        order: 1 for elements, 2 for pairs, 3 for triples.
        index: ``"k-sii"`` or ``"fsii"``; see `embeddings.explain.values`.
        amounts: whether to tell what one percent more of each element does, too.
        of_class: the class whose probability is explained; of two, the second if None.
        n_orders: random orders from which values are estimated.
        seed: of the background and of the estimates.
        advance: called after each formula with 1.

    Raises:
        FormulaInvalid: a formula cannot be read.
        ElementNotCovered: the encoder, or the vectors by which elements are near, lack an element.
        CatalogNotFound: no encoder goes by a name.
        InputInvalid: there are no formulas, the model gives NaN, the reference is the only element, triples or FSII of
            more than 12 elements, or an option is not known.

    Example:
        >>> from embeddings.explain import explain
        >>> found = explain(["Fe2O3"], model)  # doctest: +SKIP
        >>> found[0].pairs  # doctest: +SKIP
        {('O', 'Fe'): 0.21}
    """
    formulas = formulas if isinstance(formulas, str) else list(formulas)
    matrix = Mixtures.of(fraction_matrix(formulas))
    if not len(matrix):
        raise InputInvalid("There is no formula to explain.")
    asked = _Asked(
        as_model(model, of_class=of_class), absent, background, background_name, n_background, check_order(order),
        check_index(index), amounts, n_orders, seed,
    )  # fmt: skip
    games = [Game(Mixtures(matrix.fractions[row : row + 1], matrix.totals[row : row + 1]), asked.model, asked.absence)
             for row in range(len(matrix))]  # fmt: skip
    names = [shortened(formula if isinstance(formula, str) else str(formula)) for formula in formulas]
    for name, game in zip(names, games, strict=True):
        asked.check(name, game)
    return asked.explanations(names, games, advance)


@dataclass(frozen=True)
class _Asked:
    """What was asked for, checked."""

    model: Model
    absent: str
    formulas: Iterable[Any] | None
    source: str
    n_draws: int
    order: int
    index: Index
    with_amounts: bool
    n_orders: int
    seed: int

    @cached_property
    def absence(self) -> Absence:
        return absence(self.absent, self.model, lambda: self.background)

    @cached_property
    def background(self) -> Background:
        if self.formulas is None:
            return default_background(self.model, n_draws=self.n_draws, seed=self.seed)
        return given_background(self.formulas, self.source, n_draws=self.n_draws, seed=self.seed)

    def check(self, name: str, game: Game) -> None:
        """Refuse what cannot be explained, before any work."""
        if len(game.places) <= MAX_PLAYERS:
            return
        if self.order > 2 or self.index == "fsii":
            raise InputInvalid(
                f"{name} has {len(game.places)} elements. Triples and FSII need every coalition, and of more than "
                f"{MAX_PLAYERS} elements there are too many. Ask for order 1 or 2 of k-SII, which are then estimated."
            )
        if self.n_orders < 2:
            raise InputInvalid(
                f"{name} needs an estimate, and n_orders={self.n_orders} is less than two random orders."
            )

    def explanations(self, names: list[str], games: list[Game], advance: Callable[[int], None]) -> Explanations:
        """Return what was found of all formulas."""
        exact = all_values([game for game in games if len(game.places) <= MAX_PLAYERS])
        each = []
        for name, game in zip(names, games, strict=True):
            each.append(self._one(name, game, exact))
            advance(1)
        used = "background" in vars(self)
        return Explanations(
            tuple(each), self.model.what, self.model.unit, self.absent, self.absence.words(), self.absence.base_words(),
            self.background.formulas if used else (), self.index, self.order, self.seed,
        )  # fmt: skip

    def _one(self, name: str, game: Game, exact: Iterator[np.ndarray]) -> Explanation:
        n = len(game.places)
        errors: dict[Players, float] = {}
        if n <= MAX_PLAYERS:
            values = next(exact)
            base, prediction = float(values[0]), float(values[-1])
            found, shapley = interactions(values, order=self.order, index=self.index), shapley_values(values)
        else:
            base, prediction = game(np.array([[False] * n, [True] * n])).tolist()
            found, errors, shapley = sampled_interactions(
                game, n, order=self.order, n_orders=self.n_orders, seed=self.seed
            )
        symbols = game.elements
        sets = {players: tuple(symbols[player] for player in players) for players in player_sets(n, self.order)}
        return Explanation(
            formula=name,
            what=self.model.what,
            unit=self.model.unit,
            elements=symbols,
            shares=tuple(game.formula.fractions[0, game.places].tolist()),
            prediction=prediction,
            base=base,
            shapley=dict(zip(symbols, shapley.tolist(), strict=True)),
            interactions={sets[players]: found[players] for players in sets},
            order=self.order,
            index=self.index,
            unseen=tuple(symbol for symbol in symbols if symbol not in (self.model.elements or symbols)),
            errors={sets[players]: errors[players] for players in errors},
            amounts=amounts_of(game.model, game.formula, game.places, symbols) if self.with_amounts else (),
        )
