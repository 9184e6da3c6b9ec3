"""Shapley values and interactions: the axioms, the definitions word for word, and another implementation."""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb, factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.errors import InputInvalid
from embeddings.explain import interactions, shapley_values
from embeddings.explain.sampling import sampled_interactions
from embeddings.explain.values import coalitions, moebius

INDICES = ("k-sii", "fsii")
BERNOULLI = {0: 1.0, 1: -0.5, 2: 1 / 6}


def games(most: int = 5) -> Any:
    """Set functions of 1 to `most` players."""
    value = st.floats(-100, 100)
    return st.integers(1, most).flatmap(lambda n: st.lists(value, min_size=1 << n, max_size=1 << n)).map(np.array)


def game_of(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=1 << n)


def mask(players: Any) -> int:
    return sum(1 << int(player) for player in players)


def relabeled(game: np.ndarray, order: list[int]) -> np.ndarray:
    """Return the game in which player ``i`` plays the part of ``order[i]``."""
    members = coalitions(len(order))
    return game[(members << np.array(order)).sum(axis=1)]


@settings(deadline=None, max_examples=40)
@given(games(), st.sampled_from(INDICES), st.integers(1, 3))
def test_values_add_up_to_the_whole(game: np.ndarray, index: Any, order: int) -> None:
    whole = game[-1] - game[0]
    assert sum(interactions(game, order=order, index=index).values()) == pytest.approx(whole, abs=1e-9)
    assert shapley_values(game).sum() == pytest.approx(whole, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(games(), st.sampled_from(INDICES), st.integers(1, 3), st.randoms(use_true_random=False))
def test_names_of_players_do_not_matter(game: np.ndarray, index: Any, order: int, random: Any) -> None:
    n = len(game).bit_length() - 1
    names = random.sample(range(n), n)
    plain = interactions(game, order=order, index=index)
    for players, value in interactions(relabeled(game, names), order=order, index=index).items():
        assert value == pytest.approx(plain[tuple(sorted(names[player] for player in players))], abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(games(4), st.floats(-10, 10), st.sampled_from(INDICES), st.integers(1, 3))
def test_a_dummy_gets_what_it_adds_and_interacts_with_nobody(
    game: np.ndarray, adds: float, index: Any, order: int
) -> None:
    dummy = len(game).bit_length() - 1
    for players, value in interactions(np.concatenate([game, game + adds]), order=order, index=index).items():
        if dummy in players:
            assert value == pytest.approx(adds if players == (dummy,) else 0.0, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(games(4), st.floats(-3, 3), st.sampled_from(INDICES), st.integers(1, 3))
def test_values_of_a_sum_are_sums_of_values(game: np.ndarray, factor: float, index: Any, order: int) -> None:
    n = len(game).bit_length() - 1
    other = game_of(n, seed=1)
    both = interactions(game + factor * other, order=order, index=index)
    first, second = (interactions(one, order=order, index=index) for one in (game, other))
    assert both == pytest.approx({s: first[s] + factor * second[s] for s in first}, abs=1e-8)


@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_equal_players_get_the_same(index: Any, order: int) -> None:
    sizes = coalitions(5).sum(axis=1)
    found = interactions(np.sqrt(sizes), order=order, index=index)
    for size in range(1, order + 1):
        values = [value for players, value in found.items() if len(players) == size]
        assert np.ptp(values) < 1e-12


@pytest.mark.parametrize("index", INDICES)
def test_a_game_of_pairs_is_given_back(index: Any) -> None:
    random = np.random.default_rng(0)
    own = {(i,): float(random.normal()) for i in range(6)} | {
        p: float(random.normal()) for p in combinations(range(6), 2)
    }
    game = [
        3 + sum(value for players, value in own.items() if members[list(players)].all()) for members in coalitions(6)
    ]
    found = interactions(game, order=3, index=index)
    assert found == pytest.approx(own | dict.fromkeys(combinations(range(6), 3), 0.0), abs=1e-10)


def test_shapley_values_are_the_mean_over_all_orders() -> None:
    game, expected = game_of(5), np.zeros(5)
    for order in permutations(range(5)):
        for place, player in enumerate(order):
            expected[player] += game[mask(order[: place + 1])] - game[mask(order[:place])]
    assert shapley_values(game) == pytest.approx(expected / factorial(5), abs=1e-10)


def derivative(game: np.ndarray, players: Any, before: Any) -> float:
    """Return the discrete derivative of a set of players, given others."""
    subsets = [part for size in range(len(players) + 1) for part in combinations(players, size)]
    return sum((-1) ** (len(players) - len(part)) * game[mask((*before, *part))] for part in subsets)


def shapley_interaction(game: np.ndarray, players: Any) -> float:
    """Return SII as Grabisch and Roubens define it."""
    n, s = len(game).bit_length() - 1, len(players)
    others = [player for player in range(n) if player not in players]
    return sum(
        factorial(n - t - s) * factorial(t) / factorial(n - s + 1) * derivative(game, players, before)
        for t in range(len(others) + 1)
        for before in combinations(others, t)
    )


def aggregated(game: np.ndarray, players: Any, order: int) -> float:
    """Return the n-Shapley value as Bordt and von Luxburg define it: by recursion over the order."""
    if len(players) == order:
        return shapley_interaction(game, players)
    n = len(game).bit_length() - 1
    others = [player for player in range(n) if player not in players]
    more = order - len(players)
    above = sum(shapley_interaction(game, (*players, *rest)) for rest in combinations(others, more))
    return aggregated(game, players, order - 1) + BERNOULLI[more] * above


@pytest.mark.parametrize("order", [1, 2, 3])
def test_ksii_is_its_definition(order: int) -> None:
    game = game_of(5)
    for players, value in interactions(game, order=order, index="k-sii").items():
        assert value == pytest.approx(aggregated(game, players, order), abs=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_fsii_is_the_nearest_polynomial_that_meets_both_ends(order: int) -> None:
    n, game = 5, game_of(5)
    members = coalitions(n)
    found = interactions(game, order=order, index="fsii")
    columns = np.array([members[:, list(players)].all(axis=1) for players in found]).T.astype(float)
    sizes = members.sum(axis=1)
    inner = (sizes > 0) & (sizes < n)
    weights = np.array([(n - 1) / (comb(n, s) * s * (n - s)) for s in sizes[inner]])
    design, wanted = columns[inner], game[inner] - game[0]
    end = np.ones(len(found))  # all sets are within the set of all players
    normal = np.block([[design.T * weights @ design, end[:, None]], [end, np.zeros(1)]])
    solved = np.linalg.solve(normal, [*(design.T * weights @ wanted), game[-1] - game[0]])
    assert list(found.values()) == pytest.approx(solved[:-1], abs=1e-10)


@pytest.mark.parametrize("n", [2, 3, 6, 8])
@pytest.mark.parametrize(("index", "name"), [("k-sii", "k-SII"), ("fsii", "FSII")])
def test_shapiq_says_the_same(n: int, index: Any, name: str) -> None:
    pytest.importorskip("shapiq")
    from shapiq.game_theory.moebius_converter import MoebiusConverter
    from shapiq.interaction_values import InteractionValues

    game = game_of(n)
    sets = {tuple(np.flatnonzero(members).tolist()): row for row, members in enumerate(coalitions(n))}
    given = InteractionValues(
        moebius(game), index="Moebius", max_order=n, n_players=n, min_order=0, interaction_lookup=sets,
        estimated=False, baseline_value=float(game[0]),
    )  # fmt: skip
    for order in range(2, min(n, 3) + 1):
        theirs = MoebiusConverter(given)(name, order=order)
        for players, value in interactions(game, order=order, index=index).items():
            assert value == pytest.approx(theirs[players], abs=1e-10)
    theirs = MoebiusConverter(given)("SV", order=1)
    assert shapley_values(game) == pytest.approx([theirs[(i,)] for i in range(n)], abs=1e-10)


def test_twelve_players_are_exact() -> None:
    game = game_of(12)
    for order in (1, 2, 3):
        assert abs(sum(interactions(game, order=order).values()) - (game[-1] - game[0])) < 1e-9


def test_estimates_agree_with_exact_values_within_their_errors() -> None:
    game = game_of(8)
    exact = interactions(game)
    found, errors, shapley = sampled_interactions(lambda m: game[(m << np.arange(8)).sum(axis=1)], 8, n_orders=2_000)
    off = np.array([abs(found[players] - exact[players]) / errors[players] for players in exact])
    assert (off < 4).all()
    assert np.mean(off) > 0.4  # the errors are not simply large
    assert sum(found.values()) == pytest.approx(game[-1] - game[0], abs=1e-9)
    assert shapley == pytest.approx(shapley_values(game), abs=0.15)


@pytest.mark.parametrize("values", [[], [1.0], [1, 2, 3], [[1, 2]], np.zeros(1 << 13)], ids="0 1 3 matrix 13".split())
def test_other_shapes_are_refused(values: Any) -> None:
    with pytest.raises(InputInvalid, match="not those of all coalitions"):
        interactions(values)


@pytest.mark.parametrize(
    ("options", "said"), [({"order": 4}, "order=4"), ({"order": 0}, "order=0"), ({"index": "stii"}, 'No index "stii"')]
)
def test_other_options_are_refused(options: Any, said: str) -> None:
    with pytest.raises(InputInvalid, match=said):
        interactions([0, 1], **options)


def test_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InputInvalid, match="1 of 2 coalitions"):
        interactions([0, np.nan])
