"""PropertyModel: an estimator of formulas, with intervals, a word on what is unlike the training, and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from embeddings.bench.model import PropertyModel
from embeddings.errors import CatalogNotFound, FormulaInvalid, InputInvalid, TargetInvalid
from embeddings.loaders import load_catalog
from testing.measured import FORMULAS, VALUES

pytestmark = pytest.mark.usefixtures("knowing")

RIDGE: dict[str, Any] = {"catalogs": ("knowing",), "heads": ("ridge",)}
PLAIN: dict[str, Any] = {"catalogs": (), "heads": ("ridge",)}


def test_a_model_knows_what_its_catalog_knows(model: PropertyModel) -> None:
    half = len(FORMULAS) // 2
    halved = PropertyModel(**RIDGE).fit(FORMULAS[:half], VALUES[:half])
    assert halved.score(FORMULAS[half:], VALUES[half:]) > 0.9
    assert model.learned_.estimate.metrics["r2"] > 0.99
    assert "knowing" in model.learned_.maker.vectors


def test_every_kind_of_column_is_read(model: PropertyModel) -> None:
    wanted = model.predict(FORMULAS)
    frame = pd.DataFrame({"formula": FORMULAS})
    for column in (tuple(FORMULAS), np.array(FORMULAS), np.array(FORMULAS)[:, None], frame, frame["formula"]):
        np.testing.assert_array_equal(model.predict(column), wanted)
    assert wanted.shape == (len(FORMULAS),)


def test_parameters_are_those_of_an_estimator() -> None:
    model = PropertyModel(budget=5.0, random_state=3, **RIDGE)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(coverage=0.8).coverage == 0.8
    assert len(cross_val_score(PropertyModel(**PLAIN), FORMULAS, VALUES, cv=2)) == 2


def test_catalogs_are_given_by_name_or_as_they_are(model: PropertyModel) -> None:
    given = PropertyModel(catalogs=load_catalog("knowing"), heads=("ridge",)).fit(FORMULAS, VALUES)
    np.testing.assert_array_equal(given.predict(FORMULAS), model.predict(FORMULAS))


def test_the_same_seed_gives_the_same_model() -> None:
    settings: dict[str, Any] = {"catalogs": (), "heads": ("ridge", "neighbors")}
    one, other = (PropertyModel(**settings).fit(FORMULAS[:40], VALUES[:40]) for _ in range(2))
    np.testing.assert_array_equal(one.predict(FORMULAS), other.predict(FORMULAS))


def test_intervals_hold_the_predictions(model: PropertyModel) -> None:
    values, ends = model.predict(FORMULAS, return_interval=True)
    np.testing.assert_array_equal(values, model.predict(FORMULAS))
    assert ends.shape == (len(FORMULAS), 2)
    assert ((ends[:, 0] <= values) & (values <= ends[:, 1])).all()


def test_intervals_cover_formulas_that_were_left_out() -> None:
    random, held = np.random.default_rng(5), []
    elements = ["Fe", "Co", "Ni", "Cu", "Zn", "Mn", "O", "S", "N", "F"]
    for seed in range(4):
        formulas = list(dict.fromkeys(f"{a}{b}{k}" for a, b in random.choice(elements, (260, 2)) for k in (2, 3)))
        formulas = [formula for formula in formulas if formula[:2].strip("O") not in formula[2:]]
        values = np.array([hash_value(formula) for formula in formulas]) + random.normal(0, 0.5, len(formulas))
        cut = 2 * len(formulas) // 3
        model = PropertyModel(random_state=seed, **PLAIN).fit(formulas[:cut], values[:cut])
        ends = model.predict(formulas[cut:], return_interval=True)[1]
        held += ((ends[:, 0] <= values[cut:]) & (values[cut:] <= ends[:, 1])).tolist()
    assert 0.84 <= np.mean(held) <= 0.96


def hash_value(formula: str) -> float:
    """Return a number that depends on the letters of a formula."""
    return sum(map(ord, formula)) / 100


def test_what_is_unlike_the_training_is_said(model: PropertyModel) -> None:
    found = model.unlike([FORMULAS[0], "UO2", "Xe99He"])
    assert found.unseen == ((), ("U",), ("Xe", "He"))
    assert found.percentile[0] == 0
    assert found.percentile[2] == 100
    assert model.overlap([FORMULAS[3], "UO2"]) == [FORMULAS[3]]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([True, False], [False, True]),
        ([1, 0], [0, 1]),
        (["metal", "insulator"], ["insulator", "metal"]),
        (["Yes", "No"], ["No", "Yes"]),
    ],
)
def test_classes_come_back_as_they_were_given(values: list[Any], labels: list[Any]) -> None:
    y = [values[value > 0] for value in VALUES]
    model = PropertyModel(catalogs=("knowing",), heads=("ridge",)).fit(FORMULAS, y)
    assert model.classes_.tolist() == labels
    assert set(model.predict(FORMULAS).tolist()) == set(labels)
    assert model.predict_proba(FORMULAS).sum(axis=1) == pytest.approx(1)
    assert model.score(FORMULAS, y) > 0.9
    with pytest.raises(InputInvalid, match="predict_proba"):
        model.predict(FORMULAS, return_interval=True)


def test_rows_that_cannot_be_used_are_set_aside_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"3 of 27 rows, .* the first is row 1 "):
        model = PropertyModel(**PLAIN).fit(["nonsense", None, *FORMULAS[:25]], [1.0, 2.0, None, *VALUES[1:25]])
    assert [row.line for row in model.set_aside_] == [1, 2, 3]


def test_twenty_rows_and_a_budget_too_small_for_anything() -> None:
    model = PropertyModel(budget=1e-9, catalogs=("knowing",)).fit(FORMULAS[:20], VALUES[:20])
    assert model.learned_.training.n_skipped > 0
    values, ends = model.predict(FORMULAS, return_interval=True)
    assert np.isfinite(values).all()
    assert not np.isnan(ends).any()


@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ({"heads": ("rigde",)}, InputInvalid, 'Did you mean "ridge"'),
        ({"heads": ()}, InputInvalid, "There are: mean"),
        ({"coverage": 1.0}, InputInvalid, "coverage is 1.0"),
        ({"budget": 0}, InputInvalid, "budget is 0"),
        ({"random_state": -1}, InputInvalid, "random_state is -1"),
        ({"catalogs": ("knowing", "knowing")}, InputInvalid, "Name each once"),
        ({"catalogs": "unknown"}, CatalogNotFound, "unknown"),
    ],
)
def test_parameters_that_mean_nothing_are_named(parameters: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        PropertyModel(**(RIDGE | parameters)).fit(FORMULAS, VALUES)


def test_what_cannot_be_learned_or_predicted_is_named(model: PropertyModel) -> None:
    with pytest.raises(InputInvalid, match="not one str"):
        PropertyModel().fit("Fe2O3", [1.0])
    for one in ("KF", {"K": 1, "F": 1}):
        with pytest.raises(InputInvalid, match="A column of formulas is expected"):
            model.predict(one)
    with pytest.raises(TargetInvalid, match="nothing to learn"):
        PropertyModel(**RIDGE).fit(FORMULAS, [1.5] * len(FORMULAS))
    with pytest.raises(FormulaInvalid, match="Row 1"):
        model.predict(["Fe2O3", "nonsense"])
    with pytest.raises(InputInvalid, match="Use predict"):
        model.predict_proba(FORMULAS)
    with pytest.raises(NotFittedError):
        PropertyModel().predict(FORMULAS)


def test_no_formulas_have_no_predictions(model: PropertyModel) -> None:
    values, ends = model.predict([], return_interval=True)
    assert (values.shape, ends.shape) == ((0,), (0, 2))
