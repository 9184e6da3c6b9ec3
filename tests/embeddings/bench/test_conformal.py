"""Intervals hold the share of new formulas that was asked for, also where errors differ from place to place."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")

from embeddings.bench.conformal import N_NEIGHBORS, Calibration, calibrate, local_errors, weighted_quantile
from embeddings.bench.neighborhood import Neighborhood


def simulated(seed: int, n: int, repeats: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return places of formulas, the formula of each row, and errors that grow from left to right."""
    random = np.random.default_rng(seed)
    places = random.uniform(size=(n, 2))
    counts = random.integers(1, repeats + 1, size=n)
    points = np.repeat(np.arange(n), counts)
    return places, points, random.standard_t(5, size=len(points)) * (0.1 + places[points, 0])


def calibrated(seed: int, coverage: float, *, n: int = 300, repeats: int = 1) -> tuple[Neighborhood, Calibration]:
    places, points, errors = simulated(seed, n, repeats)
    near = Neighborhood.of(places)
    return near, calibrate(errors, points, points % 4, near.others(N_NEIGHBORS), coverage=coverage)


def covered(seed: int, coverage: float, repeats: int = 1) -> np.ndarray:
    """Return the coverage of new formulas on the left, and on the right."""
    near, made = calibrated(seed, coverage, repeats=repeats)
    places, _, errors = simulated(1_000 + seed, 2_000)
    held = np.abs(errors) <= made.halfwidths(near.nearest(places, N_NEIGHBORS)[1])
    is_left = places[:, 0] < 0.5
    return np.array([held.mean(), held[is_left].mean(), held[~is_left].mean()])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_new_formulas_are_covered(coverage: float) -> None:
    found = np.mean([covered(seed, coverage) for seed in range(8)], axis=0)
    assert found[0] == pytest.approx(coverage, abs=0.02)
    assert found[1:] == pytest.approx([coverage] * 2, abs=0.08)  # with one width for all, 0.99 and 0.81 of 0.9


def test_repeats_do_not_make_the_intervals_narrow() -> None:
    found = np.mean([covered(seed, 0.9, repeats=6) for seed in range(8)], axis=0)
    assert 0.87 <= found[0] <= 0.93


def test_the_coverage_is_measured_out_of_fold() -> None:
    assert np.mean([calibrated(seed, 0.9)[1].measured for seed in range(8)]) == pytest.approx(0.9, abs=0.02)


def test_the_quantile_is_that_of_a_finite_sample() -> None:
    scores = np.arange(1.0, 10.0)
    assert weighted_quantile(scores, np.ones(9), 0.9) == 9  # the 10th of 10 is the new one
    assert weighted_quantile(scores, np.ones(9), 0.5) == 5
    assert weighted_quantile(scores, np.ones(9), 0.95) == np.inf


def test_too_few_formulas_give_infinite_intervals() -> None:
    near, made = calibrated(0, 0.9, n=6)
    assert np.isinf(made.halfwidths(near.nearest(near.points[:2].astype(float), N_NEIGHBORS)[1])).all()


def test_errors_that_are_not_known_do_not_count() -> None:
    errors = np.array([1.0, np.nan, 3.0])
    assert local_errors(errors, np.array([[1, 1], [2, 2]])).tolist() == pytest.approx([2.0, (6 + 10) / 7])


def test_a_model_without_errors_has_intervals_without_width() -> None:
    near = Neighborhood.of(np.random.default_rng(0).uniform(size=(40, 2)))
    made = calibrate(np.zeros(40), np.arange(40), np.arange(40) % 4, near.others(5), coverage=0.9)
    assert made.halfwidths(near.others(5)).max() == 0
