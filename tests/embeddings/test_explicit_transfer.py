"""Explicit transfer corrects composition by structures where these tell something, and never by a formula's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")
pytest.importorskip("spglib", reason="needs the extra build")

from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.neighbors import KNeighborsRegressor

from builders.methods.explicit import TemplatePool
from builders.methods.explicit.features import FACTS, LABELS, FeatureGenerator, Generated
from embeddings.errors import InputInvalid, TargetInvalid
from embeddings.estimators import ExplicitTransferRegressor, explicit
from embeddings.formula import reduced_formulas
from testing.crystals import cscl, rocksalt, structure_table
from testing.toys import toy_catalog

METALS = np.arange(21, 57)
ANIONS = (8, 9, 16, 17, 34, 35)


@pytest.fixture(scope="module")
def crystals() -> tuple[TemplatePool, list[str], np.ndarray]:
    """Binary crystals whose label is a smooth function of the metal, which composition alone is not told."""
    made, values = [], []
    for z in METALS:
        for x in ANIONS:
            if z not in ANIONS:
                made.append((rocksalt if z < 40 else cscl)(int(z), x, 5.6 if z < 40 else 3.5))
                values.append(np.sin(z / 6) + 0.1 * x / 35)
    pool = TemplatePool.of(structure_table(made))
    return pool, list(pool.formulas), np.array(values)


def catalog() -> Any:
    """Elements on a line."""
    from embeddings.elements import SYMBOLS

    return toy_catalog({SYMBOLS[z - 1]: (z / 10, float(z in ANIONS) * 9) for z in range(1, 60)})


def model(pool: TemplatePool, **options: Any) -> ExplicitTransferRegressor:
    """A model of which composition alone is told nothing, if not said otherwise."""
    options = {"composition": DummyRegressor(), "n_folds": 3} | options
    return ExplicitTransferRegressor(pool, elements=catalog(), encoder=None, **options)


def test_labels_of_like_templates_correct_a_model_of_compositions(crystals: Any) -> None:
    pool, formulas, values = crystals
    rng = np.random.default_rng(0)
    test = rng.random(len(values)) < 0.25
    tested = [f for f, away in zip(formulas, test, strict=True) if away]
    known = [f for f, away in zip(formulas, test, strict=True) if not away]
    fitted = model(pool.without(set(tested))).fit(known, values[~test])
    assert fitted.share_ > 0
    assert fitted.errors_["transfer"] < 0.7 * fitted.errors_["composition"]
    plain = np.abs(values[test] - values[~test].mean()).mean()
    assert np.abs(fitted.predict(tested) - values[test]).mean() < 0.7 * plain


def test_noise_is_left_to_composition(crystals: Any) -> None:
    pool, formulas, _ = crystals
    noise = np.random.default_rng(1).normal(size=len(formulas))
    fitted = model(pool, n_generated=100).fit(formulas, noise)
    assert fitted.errors_["transfer"] <= fitted.errors_["composition"]
    assert np.abs(fitted.predict(formulas) - noise).mean() > 0.5


def test_what_composition_leaves_of_templates_tells_nothing_of_a_label_that_it_has_learned(
    crystals: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that repeats the nearest label leaves ``theirs - mine`` of a neighbor: so mine may not be among them."""
    pool, formulas, values = crystals
    given: list[tuple[np.ndarray, np.ndarray]] = []

    def learn(self: Any, generated: Any, labels: np.ndarray, base: np.ndarray, *_: Any) -> None:
        given.append((labels, base))

    monkeypatch.setattr(ExplicitTransferRegressor, "_learn", learn)
    row, other = 40, values.copy()
    other[row] += 100
    for numbers in (values, other):
        model(pool, composition=KNeighborsRegressor(1)).fit(formulas, numbers)
    (labels, base), (changed, changed_base) = given
    np.testing.assert_array_equal(labels[row], changed[row])
    assert base[row] == changed_base[row]
    assert np.isfinite(labels[row]).all()
    assert (labels != changed).any(axis=1).sum() > 5


def test_rows_of_a_formula_are_held_out_together_from_the_model_of_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(explicit, "_out_of_fold", lambda model, X, y, folds: seen.extend(folds) or np.zeros(len(y)))
    formulas = np.repeat([f"A{k}" for k in range(30)], 2)
    made = Generated(np.ones((60, len(FACTS))), np.random.default_rng(0).normal(size=(60, 3)), ())
    explicit._Residual(0).fit(made, np.zeros((60, len(LABELS))), np.zeros(60), np.arange(60.0), formulas)
    assert len(seen) == 5
    assert not any(set(formulas[train]) & set(formulas[test]) for train, test in seen)


@pytest.mark.slow
def test_a_clone_gives_the_same_numbers_and_a_formula_without_candidates_what_its_composition_says(
    crystals: Any,
) -> None:
    pool, formulas, values = crystals
    one = model(pool, n_generated=60).fit(formulas, values)
    other = clone(one).fit(formulas, values)
    assert np.array_equal(one.predict(formulas[:20]), other.predict(formulas[:20]))
    assert one.predict(["U2O5"]).tolist() == pytest.approx([values.mean()])


def test_features_of_a_formula_do_not_see_it(crystals: Any) -> None:
    pool, formulas, _ = crystals
    made = FeatureGenerator(pool, catalog()).make(reduced_formulas(formulas[:20]))
    assert made.facts.shape == (20, len(FACTS))
    assert all(formula not in near.formulas for formula, near in zip(formulas, made.neighbors, strict=False))
    own = made.labels({formulas[0]: 1.0})
    assert own.shape == (20, len(LABELS))
    assert np.isnan(own[0, 0])


def test_bad_input_is_named(crystals: Any) -> None:
    pool, formulas, values = crystals
    with pytest.raises(TargetInvalid):
        model(pool).fit(formulas, np.full(len(formulas), np.nan))
    for wanted in ([True, False, True], np.arange(len(formulas)), np.full(len(formulas), np.nan)):  # rows are no mask
        with pytest.raises(InputInvalid, match="generate_for must be True or False for each"):
            model(pool).fit(formulas, values, generate_for=wanted)
    with pytest.raises(InputInvalid, match="n_folds=2 is too few"):
        model(pool, n_folds=2).fit(formulas, values)
    with pytest.raises(InputInvalid, match="no templates"):
        model(pool.without(set(formulas))).fit(formulas, values)
