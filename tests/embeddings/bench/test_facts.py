"""Facts of a table: repeats, contradictions, values in another unit, and what a catalog lacks or has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embeddings.bench.facts import Facts, facts_of, is_seen
from embeddings.bench.measurements import measurements
from embeddings.formula import formula_digest
from testing.toys import toy_catalog, toy_table

FORMULAS = [f"{metal}{n}{anion}" for metal in ("Fe", "Co", "Na", "K") for anion in "OFS" for n in ("", "2", "3")]
VALUES = np.random.default_rng(0).uniform(1, 5, len(FORMULAS))


def facts(formulas: Sequence[str] = FORMULAS, values: Sequence[Any] | np.ndarray = VALUES, **options: Any) -> Facts:
    vectors = options.pop("vectors", {})
    return facts_of(measurements(formulas, values, **options), vectors)


def test_what_is_counted() -> None:
    found = facts([*FORMULAS, "Fe2O2", "zz"], [*VALUES, 0, 1])
    assert (found.n_rows, found.n_set_aside, found.n_formulas, found.n_repeats) == (37, 1, 36, 2)
    assert (found.n_systems, found.n_elements) == (12, 7)
    assert found.share_of_zeros == pytest.approx(1 / 37)
    assert found.quantiles[0] == 0
    assert (found.class_counts, found.other_unit) == ({}, ())


def test_classes_are_counted_and_contradict_each_other() -> None:
    found = facts([*FORMULAS, "Fe2O2"], ["metal"] * 20 + ["glass"] * 17)
    assert found.class_counts == {"glass": 17, "metal": 20}
    assert found.contradictions == (("FeO", 0.0, 1.0, (1, 37)),)
    assert found.quantiles == ()
    assert np.isnan(found.skew)


def test_one_repeat_that_differs_by_much_is_a_contradiction() -> None:
    values = [*VALUES, VALUES[0] + 4]
    assert facts([*FORMULAS, "Fe2O2"], values).contradictions == (("FeO", VALUES[0], values[-1], (1, 37)),)
    assert facts([*FORMULAS, "Fe2O2"], [*VALUES, VALUES[0] + 0.1]).contradictions == ()


def test_repeats_that_differ_as_repeats_do_are_none() -> None:
    noise = np.random.default_rng(1).uniform(0.5, 1, len(VALUES))
    noise[7] = 3.5
    found = facts(FORMULAS * 2, [*VALUES, *(VALUES + noise)])
    assert [lines for *_, lines in found.contradictions] == [(8, 44)]
    assert facts(FORMULAS * 2, [*VALUES, *VALUES]).contradictions == ()


@pytest.mark.parametrize("factor", [1000, 0.001, -1000])
@pytest.mark.parametrize("n", [5, 16])
def test_values_in_another_unit_are_pointed_at(factor: float, n: int) -> None:
    values = VALUES.copy()
    values[::2][:n] *= factor
    assert facts(values=values).other_unit == tuple(range(1, 2 * n, 2))


@pytest.mark.parametrize(
    "values",
    [
        VALUES,
        np.linspace(-1, 1, len(FORMULAS)) + 0.03,
        10.0 ** np.linspace(-6, 6, len(FORMULAS)),
        np.where(np.arange(len(FORMULAS)) % 2, VALUES, 0),
        np.append(VALUES[:-1], 0.003),
        np.append(VALUES[:-1], 100),
    ],
)
def test_other_values_are_not(values: np.ndarray) -> None:
    assert facts(values=values).other_unit == ()


def test_one_value_a_thousand_times_too_large_is_enough() -> None:
    assert facts(values=np.append(VALUES[:-1], 3000), lines=range(101, 137)).other_unit == (136,)


def test_huge_values_have_a_skew() -> None:
    assert np.isfinite(facts(values=VALUES * 1e120).skew)


def test_what_a_catalog_lacks_and_has_seen() -> None:
    found = facts([*FORMULAS, "CoO2"], [*VALUES, 1], vectors={"toy": toy_catalog()})
    assert found.lacking == {"toy": (("F", "S", "K"), 27)}
    assert found.seen == {"toy": 2}


def test_a_rounded_formula_was_seen_as_what_it_is_written_for() -> None:
    knows = replace(toy_catalog(), table=toy_table(training_formulas=formula_digest(["Fe3P2O12"])))
    rounded, whole = "Fe0.176P0.118O0.706", {"Fe": 3, "P": 2, "O": 12}  # a mapping has no text to be looked up by
    data = measurements([*FORMULAS, rounded, whole], [*VALUES, 1, 2])
    assert np.flatnonzero(is_seen(data, knows)).tolist() == [36, 37]
