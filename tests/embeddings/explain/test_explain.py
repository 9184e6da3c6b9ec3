"""What explanations say of models whose answers are known: formulas of arithmetic, encoders, and models of tables."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from embeddings import element_fractions
from embeddings.display.numbers import number
from embeddings.elements import SYMBOLS
from embeddings.errors import CatalogNotFound, EmbeddingsError, FormulaInvalid, InputInvalid
from embeddings.explain import explain
from embeddings.explain.absence import CHOICES
from embeddings.explain.models import Model
from testing.composition_encoders import write_toy_encoder

BACKGROUND = ["MgO", "NaCl", "SiO2", "Al2O3", "KBr"]
EVERY = [choice for choice in CHOICES if "ELEMENT" not in choice] + ["reference:Mg", "reference"]
WEIGHTS = dict(zip(SYMBOLS, np.random.default_rng(0).normal(size=len(SYMBOLS)), strict=True))


def linear(formulas: list[str]) -> list[float]:
    """Return the mean of the weights of the elements."""
    return [sum(WEIGHTS[e] * x for e, x in element_fractions(formula).items()) for formula in formulas]


def bound(a: str, b: str, strength: float = 40.0) -> Any:
    """Return a linear model with a bond between two elements."""

    def model(formulas: list[str]) -> list[float]:
        parts = [element_fractions(formula) for formula in formulas]
        bonds = [strength * x.get(a, 0) * x.get(b, 0) for x in parts]
        return [value + bond for value, bond in zip(linear(formulas), bonds, strict=True)]

    return model


@pytest.mark.parametrize("absent", EVERY)
@pytest.mark.parametrize("index", ["k-sii", "fsii"])
def test_base_and_values_give_the_prediction_whatever_is_absent(absent: str, index: Any) -> None:
    model = bound("Fe", "O")
    for one in explain(["LaFeAsO", "Fe2O3", "Fe"], model, absent=absent, background=BACKGROUND, order=3, index=index):
        assert one.prediction == pytest.approx(model([one.formula])[0], abs=1e-9)
        assert abs(one.residual) < 1e-9
        assert sum(one.shapley.values()) == pytest.approx(one.prediction - one.base, abs=1e-9)


def test_a_linear_model_has_no_interactions_and_values_by_share() -> None:
    one = explain(["LaFeAsO"], linear, background=BACKGROUND)[0]
    mean = np.mean(linear(BACKGROUND))
    assert one.base == pytest.approx(mean)
    assert one.shapley == pytest.approx({e: (WEIGHTS[e] - mean) / 4 for e in ("La", "Fe", "As", "O")}, abs=1e-9)
    assert list(one.pairs.values()) == pytest.approx([0] * 6, abs=1e-9)


def test_a_reference_takes_the_place_of_each_absent_element() -> None:
    one = explain(["Fe2O3"], linear, absent="reference:Mg")[0]
    assert one.base == pytest.approx(WEIGHTS["Mg"])
    assert one.shapley == pytest.approx({e: x * (WEIGHTS[e] - WEIGHTS["Mg"]) for e, x in (("O", 0.6), ("Fe", 0.4))})


def test_the_mean_reference_has_the_mean_share_of_every_element() -> None:
    one = explain(["Fe2O3"], linear, absent="reference:mean", background=BACKGROUND)[0]
    assert one.base == pytest.approx(np.mean(linear(BACKGROUND)))


def test_removed_elements_leave_the_others_scaled_up() -> None:
    asked: list[str] = []

    def model(formulas: list[str]) -> list[float]:
        asked.extend(formulas)
        return linear(formulas)

    one = explain(["Fe2O3"], model, absent="removed", background=BACKGROUND)[0]
    assert {"Fe5", "O5", "Fe2O3"} <= {"".join(f"{e}{x:g}" for e, x in sorted(_parsed(f).items())) for f in asked}
    assert one.base == pytest.approx(np.mean(linear(BACKGROUND)))


def _parsed(formula: str) -> dict[str, float]:
    from embeddings import parse_formula

    return {element: round(amount, 9) for element, amount in parse_formula(formula).items()}


def test_the_nearest_element_is_never_one_of_the_formula() -> None:
    seen: set[str] = set()

    def model(formulas: list[str]) -> list[float]:
        seen.update(element for formula in formulas for element in element_fractions(formula))
        return linear(formulas)

    found = explain(["NaKCl2"], model, absent="reference:nearest")
    assert len(seen) == 6
    assert "by the vectors of ct-multi" in str(found)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_interaction_is_always_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    elements = ["Li", "Mg", "Fe", "Cu", "O", "F"]
    a, b = random.choice(elements, 2, replace=False)
    formulas = [f"{x}{random.integers(1, 4)}{y}{random.integers(1, 4)}{z}2" for x, y, z in combinations(elements, 3)]
    overview = explain(formulas, bound(a, b), n_background=6, seed=seed).overview
    assert set(overview.pairs[0].elements) == {a, b}
    assert overview.pairs[0].mean_absolute > overview.pairs[1].mean_absolute
    names, matrix = overview.matrix()
    row, column = np.unravel_index(np.nanargmax(np.abs(matrix)), matrix.shape)
    assert {names[row], names[column]} == {a, b}


def test_amounts_are_derivatives_on_the_simplex() -> None:
    def model(formulas: list[str]) -> list[float]:
        return [element_fractions(formula).get("Fe", 0) ** 3 for formula in formulas]

    fe, o = sorted(explain(["Fe2O3"], model, amounts=True)[0].amounts, key=lambda one: one.element)
    assert fe.slope == pytest.approx(0.01 * 3 * 0.4**2, abs=1e-9)
    assert o.slope == pytest.approx(-0.01 * 3 * 0.4**2, abs=1e-9)  # iron makes room
    assert fe.more == pytest.approx(0.41**3 - 0.4**3, abs=1e-9)
    assert fe.less == pytest.approx(0.39**3 - 0.4**3, abs=1e-9)


def test_a_trace_has_a_slope_and_no_less() -> None:
    def model(formulas: list[str]) -> list[float]:
        return [(1 + element_fractions(formula).get("C", 0)) ** 4 for formula in formulas]

    carbon = explain(["FeC0.000001"], model, amounts=True)[0].amounts[1]
    assert carbon.slope == pytest.approx(0.04, rel=1e-4)
    assert carbon.less is None


def test_an_encoder_with_a_head_is_a_model(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write_toy_encoder(tmp_path)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    found = explain(["Fe2O3", "NaCl"], ("toy-encoder", lambda vectors: vectors.sum(axis=1)), background=BACKGROUND)
    assert max(abs(one.residual) for one in found) < 1e-6
    with pytest.raises(InputInvalid, match="Give a head with it"):
        explain(["Fe2O3"], "toy-encoder")
    with pytest.raises(CatalogNotFound):
        explain(["Fe2O3"], ("nowhere", len))


class Classes:
    """A classifier of formulas with iron."""

    def __init__(self, *names: str) -> None:
        self.classes_ = np.array(names)

    def predict_proba(self, formulas: list[str]) -> np.ndarray:
        iron = np.array([element_fractions(formula).get("Fe", 0) for formula in formulas])
        return np.column_stack([1 - iron, iron, *[0 * iron] * (len(self.classes_) - 2)])


def test_of_a_classifier_the_probability_of_one_class_is_explained() -> None:
    found = explain(["Fe2O3"], Classes("no", "yes"), background=BACKGROUND)
    assert (found.what, found[0].prediction) == ("probability of yes", pytest.approx(0.4))
    assert explain(["Fe2O3"], Classes("no", "yes"), of_class="no", background=BACKGROUND)[
        0
    ].prediction == pytest.approx(0.6)
    with pytest.raises(InputInvalid, match=r"name one \(--class, of_class=...\): a, b, c"):
        explain(["Fe2O3"], Classes("a", "b", "c"))
    with pytest.raises(InputInvalid, match='no class "d"'):
        explain(["Fe2O3"], Classes("a", "b"), of_class="d")


def test_many_elements_are_estimated_with_errors_and_said_so() -> None:
    formula = "FeCoNiCrMnAlTiVNbMoWTaC"
    found = explain([formula], bound("Fe", "C", 400.0), background=["MgO"], n_orders=60)
    one = found[0]
    assert one.is_estimated
    assert abs(one.residual) < 1e-9
    assert next(iter(one.pairs)) == ("C", "Fe") or next(iter(one.pairs)) == ("Fe", "C")
    assert "estimated from random orders, with standard errors" in str(found)
    exact = 400 / 13**2
    names, value = next(iter(one.pairs.items()))
    assert abs(value - exact) < 5 * one.errors[names] + 1e-6


def test_estimates_of_elements_alone_have_errors_too() -> None:
    one = explain(["FeCoNiCrMnAlTiVNbMoWTaC"], bound("Fe", "C", 400.0), background=["MgO"], n_orders=60, order=1)[0]
    (line,) = [line for line in one.text().splitlines() if line.startswith("  Fe ")]
    assert line.endswith(f" \u00b1 {number(one.errors['Fe',], 2)}")


def test_rounding_is_no_interaction_of_the_overview() -> None:
    found = explain(["LaFeAsO", "Fe2O3", "CoO"], linear, background=BACKGROUND)
    assert {effect.mean_absolute for effect in found.overview.pairs} == {0.0}


@pytest.mark.parametrize("options", [{"order": 3}, {"index": "fsii"}])
def test_what_needs_every_coalition_of_many_elements_is_refused(options: Any) -> None:
    with pytest.raises(InputInvalid, match=r"has 30 elements.*Ask for order 1 or 2 of k-SII"):
        explain(["".join(SYMBOLS[2:9] + SYMBOLS[10:17] + SYMBOLS[18:34])], linear, background=BACKGROUND, **options)


def test_a_formula_of_one_element_has_no_pairs_and_says_so() -> None:
    found = explain(["Fe"], linear, background=BACKGROUND, amounts=True)
    assert found[0].pairs == {}
    assert "Fe is of one element, so without pairs." in str(found)


@pytest.mark.parametrize(
    ("formulas", "model", "options", "said"),
    [
        ([], linear, {}, "no formula to explain"),
        (["Fe"], linear, {"absent": "reference:Fe"}, "Fe is both the only element of the formula and the reference"),
        (["Fe2O3"], linear, {"absent": "gone"}, 'No choice "gone" for absent elements. There are: background'),
        (["Fe2O3"], linear, {"absent": "reference:Xx"}, 'No reference "Xx"'),
        (["Fe2O3"], linear, {"background": []}, "hold no formula"),
        (["Fe2O3"], linear, {"n_background": 0}, "0 is too few background formulas"),
        (["Fe2O3"], linear, {"seed": -1}, "seed=-1"),
        (["Fe2O3"], linear, {"of_class": "a"}, "has no classes"),
        (["Fe2O3"], lambda formulas: [1.0], {"background": BACKGROUND}, r"shape \(1,\) for 16 formulas"),
        (["Fe2O3"], 7, {}, "A int cannot be explained"),
    ],
)
def test_bad_input_is_named(formulas: Any, model: Any, options: Any, said: str) -> None:
    with pytest.raises(InputInvalid, match=said):
        explain(formulas, model, **options)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_model_that_returns_no_number_is_told_of_with_the_composition(bad: float) -> None:
    def model(formulas: list[str]) -> list[float]:
        return [bad if element_fractions(formula).keys() == {"O", "Fe", "Mg"} else 1.0 for formula in formulas]

    with pytest.raises(InputInvalid, match=rf"The model returned {bad} for O\S+Mg\S+Fe\S+ \(1 of 16 compositions\)"):
        explain(["Fe2O3"], model, background=BACKGROUND)


def test_formulas_that_cannot_be_read_are_named() -> None:
    with pytest.raises(FormulaInvalid, match="Row 1"):
        explain(["Fe2O3", "nonsense"], linear)
    with pytest.raises(EmbeddingsError, match="A column of formulas"):
        explain("Fe2O3", linear)


def test_the_same_seed_gives_the_same_and_the_choice_is_named() -> None:
    first, again, other = (explain(["Fe2O3"], linear, n_background=8, seed=seed) for seed in (1, 1, 2))
    assert json.dumps(first.to_dict()) == json.dumps(again.to_dict())
    assert first.background != other.background
    assert "8 of the 77,551 formulas of cromel-multi (seed 1)" in str(first)


def test_how_a_formula_is_written_does_not_matter() -> None:
    first, second = explain(["Fe2O3", "Fe4O6"], bound("Fe", "O"), background=["MgO", "Mg4O4", "SiO2"])
    assert first.interactions == pytest.approx(second.interactions, abs=1e-9)


def test_a_background_is_as_large_as_it_is_written() -> None:
    """A model may know how many atoms a formula has."""
    model = Model(lambda mixtures: mixtures.totals)
    one = explain(["Fe2O3"], model, background=["La0.7Sr0.3MnO3", "Mg4O4", "MgO"])[0]
    assert (one.prediction, one.base) == pytest.approx((5, (5 + 8) / 2))


def test_formulas_share_one_call_of_the_model_and_the_background_is_in_it_once() -> None:
    asked: list[int] = []

    def model(formulas: list[str]) -> list[float]:
        asked.append(len(formulas))
        return linear(formulas)

    explain(["Fe2O3", "MgF2", "Fe"], model, background=BACKGROUND)
    each = len(BACKGROUND)
    assert asked == [each + (2 * each + 1) + (2 * each + 1) + 1]


def test_json_holds_everything() -> None:
    made = explain(["LaFeAsO", "Fe"], linear, background=BACKGROUND, order=3, amounts=True).to_dict()
    read = json.loads(json.dumps(made, allow_nan=False))
    assert read["absent"] == "background"
    assert len(read["formulas"][0]["interactions"]) == 4 + 6 + 4
    assert read["overview"]["n_formulas"] == 2
