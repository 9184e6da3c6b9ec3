"""Regressor and classifier on an encoder: they learn, repeat themselves, and refuse what cannot be learned."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from builders.learning.compositions import pack
from builders.methods.cromel.config import GeneratorConfig
from builders.methods.twins import trainable
from embeddings import load_encoder
from embeddings.elements import N_ELEMENTS, SYMBOLS
from embeddings.errors import ElementNotCovered, FormulaInvalid, InputInvalid, TargetInvalid, TrainingError
from embeddings.estimators import CrossModalClassifier, CrossModalRegressor, cross_modal, finetune
from embeddings.formula import fraction_matrix
from testing.composition_encoders import write_toy_encoder
from testing.formula_encoders import untrained
from testing.language_encoders import write_language_encoder

FORMULAS = [f"{a}{n}{b}" for a in SYMBOLS[2:12] for b in SYMBOLS[20:30] for n in (1, 2)]
CONFIG = GeneratorConfig(element_dim=8, hidden=(32,), dim=16)
OPTIONS: dict[str, Any] = {
    "mode": "finetuned",
    "n_members": 1,
    "n_folds": 2,
    "n_repeats": 1,
    "epochs": 20,
    "learning_rate": 1e-2,
    "encoder_learning_rate": 1e-2,
}
SHORT = OPTIONS | {"epochs": 1}


@pytest.fixture(scope="module")
def encoder():
    """An encoder that nobody trained, whose element vectors are the places in the periodic table."""
    made = untrained(CONFIG, FORMULAS, seed=1)
    places = torch.arange(N_ELEMENTS + 1)[:, None] / (10 * torch.arange(1, CONFIG.element_dim + 1))
    with torch.no_grad():
        made.generator.table.weight.copy_(torch.cos(places))
        pooled = made.generator.pool(pack(FORMULAS))
        made.generator.standardize.running_mean, made.generator.standardize.running_var = pooled.mean(0), pooled.var(0)
    return made


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """A language model that nobody trained."""
    return load_encoder(write_language_encoder(tmp_path_factory.mktemp("catalogs")))


@pytest.fixture(scope="module")
def values():
    matrix = fraction_matrix(FORMULAS)
    return np.add.reduceat(matrix.fractions * matrix.atomic_numbers, matrix.offsets[:-1])


def test_a_language_model_is_fine_tuned_and_its_tokens_with_it(language, values):
    """Frozen, it was never trained and tells less."""
    folds, options = KFold(2, shuffle=True, random_state=0), OPTIONS | {"joined": False, "batch_size": 50}
    models = [CrossModalRegressor(language, **options | {"mode": mode}) for mode in ("finetuned", "frozen")]
    tuned, frozen = (cross_val_score(one, FORMULAS, values, cv=folds, scoring="r2").mean() for one in models)
    assert tuned > max(0.5, frozen)


@pytest.mark.parametrize("mode", ["finetuned", "frozen"])
def test_a_property_is_learned_in_both_modes(encoder, values, mode):
    folds = KFold(2, shuffle=True, random_state=0)
    model = CrossModalRegressor(encoder, **OPTIONS | {"mode": mode})
    assert cross_val_score(model, FORMULAS, values, cv=folds, scoring="r2").mean() > 0.8


def test_the_encoder_that_was_given_is_never_changed(encoder, values):
    before = encoder.encode(FORMULAS)
    CrossModalRegressor(encoder, **OPTIONS).fit(FORMULAS, values)
    np.testing.assert_array_equal(encoder.encode(FORMULAS), before)


def test_the_same_seed_gives_the_same_model_and_a_pickle_predicts_alike(encoder, values):
    model = CrossModalRegressor(encoder, **OPTIONS | {"epochs": 3}).fit(FORMULAS, values)
    again = clone(model).fit(FORMULAS, values)  # a clone shares nothing but the parameters
    np.testing.assert_array_equal(model.predict(FORMULAS), again.predict(FORMULAS))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(FORMULAS), model.predict(FORMULAS))
    other = clone(model).set_params(random_state=1).fit(FORMULAS, values)
    assert not np.array_equal(other.predict(FORMULAS), model.predict(FORMULAS))


@pytest.mark.parametrize("kind", ["pooled", "language"])
def test_a_prediction_does_not_depend_on_what_is_predicted_with_it(encoder, language, values, kind):
    """Not even in bits that the order of a sum decides: a matrix product is another one for more rows."""
    encoder = {"pooled": encoder, "language": language}[kind]
    labels = np.where(values > np.median(values), "heavy", "light")
    shuffle = np.random.default_rng(0).permutation(len(FORMULAS))
    for given in (values, labels):
        model = finetune(encoder, FORMULAS, given, **OPTIONS)
        predict = getattr(model, "predict_proba", model.predict)
        together = predict(FORMULAS)
        alone = np.concatenate([predict([formula]) for formula in FORMULAS[::4]])
        beside_larger = predict([*FORMULAS, "LiNa2K3Rb4Cs5Fr6"])[:-1]
        shuffled = predict([FORMULAS[row] for row in shuffle])
        np.testing.assert_allclose(alone, together[::4], rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(beside_larger, together, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(shuffled, together[shuffle], rtol=1e-11, atol=1e-12)


def test_classes_may_be_texts(encoder, values):
    labels = np.where(values > np.median(values), "heavy", "light")
    model = finetune(encoder, FORMULAS, labels, **OPTIONS)
    assert isinstance(model, CrossModalClassifier)
    assert model.classes_.tolist() == ["heavy", "light"]
    assert (model.predict(FORMULAS) == labels).mean() > 0.9
    np.testing.assert_allclose(model.predict_proba(FORMULAS).sum(axis=1), 1)


def test_the_target_decides_the_model(encoder, values):
    assert isinstance(finetune(encoder, FORMULAS, values, **SHORT), CrossModalRegressor)
    assert isinstance(finetune(encoder, FORMULAS, values > 20, **SHORT), CrossModalClassifier)


def test_a_formula_rounded_differently_is_held_out_as_a_whole(encoder, monkeypatch):
    dealt, groups = cross_modal.dealt, []
    monkeypatch.setattr(cross_modal, "dealt", lambda given, *rest: (groups.append(given), dealt(given, *rest))[1])
    twins = ["Na0.333Sc0.667", "NaSc2", "Na0.3333Sc0.6667"]
    CrossModalRegressor(encoder, **SHORT).fit([*FORMULAS[:10], *twins], np.arange(13.0))
    assert len(set(groups[0][-3:])) == 1


def test_few_rows_are_dealt_into_folds_more_than_once(encoder, values):
    """As many deals as are asked for; left to itself three."""
    one, three, itself = (
        CrossModalRegressor(encoder, **SHORT | {"n_repeats": n}).fit(FORMULAS[:40], values[:40]) for n in (1, 3, None)
    )
    assert itself.parts_ == three.parts_ != one.parts_


def test_a_training_that_diverges_says_so(encoder, values):
    with pytest.raises(TrainingError, match="Lower the learning rates"):
        CrossModalRegressor(encoder, **SHORT | {"learning_rate": 1e300}).fit(FORMULAS, values)


@pytest.mark.parametrize(
    ("formulas", "y", "error", "said"),
    [
        (["NaCl", "Xx"], [1.0, 2.0], FormulaInvalid, "Row 1"),
        (["NaCl", "KCl"], [1.0, float("nan")], TargetInvalid, "first of them 1"),
        (["NaCl", "KCl"], [1.0, 1.0], TargetInvalid, "nothing to learn"),
        (["NaCl", "KCl"], ["a", "b"], TargetInvalid, "use a classifier"),
        (["NaCl", "Na2Cl2"], [1.0, 2.0], InputInvalid, "one formula"),
        (["NaCl"], [1.0, 2.0], InputInvalid, "shape"),
        (np.array([["NaCl", "KCl"]]), [1.0], InputInvalid, "One column"),
    ],
)
def test_what_cannot_be_learned_is_refused(encoder, formulas, y, error, said):
    with pytest.raises(error, match=said):
        CrossModalRegressor(encoder, **OPTIONS).fit(formulas, y)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (["a", "a"], "one class"),
        (np.array(["a", None], dtype=object), "missing in 1 row"),
        (["a", float("nan")], "missing in 1 row"),
        (["a", 1], "Some classes are text"),
    ],
)
def test_classes_that_cannot_be_learned_are_refused(encoder, y, said):
    with pytest.raises(TargetInvalid, match=said):
        CrossModalClassifier(encoder, **OPTIONS).fit(["NaCl", "KCl"], y)


@pytest.mark.parametrize(("kind", "y"), [(CrossModalRegressor, [1.0, 2.0]), (CrossModalClassifier, ["a", "b"])])
def test_two_formulas_are_enough_to_fit_plain_models_beside_the_encoder(encoder, kind, y):
    """A fold then trains on one formula, which nothing tells apart."""
    model = kind(encoder, **SHORT | {"mode": "blend"}).fit(["NaCl"] * 3 + ["KCl"] * 3, y * 3)
    assert model.predict(["LiF"]).shape == (1,)


def test_a_gate_over_a_single_value_that_is_not_zero_is_learned(encoder):
    model = CrossModalRegressor(encoder, gate=True, **SHORT | {"mode": "blend"}).fit(FORMULAS[:8], [2.0] + [0.0] * 7)
    assert np.isfinite(model.predict(FORMULAS[:8])).all()


@pytest.mark.parametrize("kind", [CrossModalRegressor, CrossModalClassifier])
def test_a_model_that_was_not_fitted_says_so(kind):
    with pytest.raises(NotFittedError):
        kind().predict(["NaCl"])


def test_nothing_to_learn_from_is_refused(encoder):
    with pytest.raises(InputInvalid, match="no formula"):
        CrossModalRegressor(encoder).fit([], [])


@pytest.mark.parametrize("kind", [CrossModalRegressor, CrossModalClassifier])
def test_the_letters_of_one_formula_are_no_column(encoder, kind):
    with pytest.raises(InputInvalid, match="not one str"):
        kind(encoder).fit("KF", [1, 2])


def test_an_element_that_the_encoder_never_saw_is_named(values):
    few = untrained(CONFIG, FORMULAS)
    few.atomic_numbers = few.atomic_numbers[:20]
    with pytest.raises(ElementNotCovered, match="Sc"):
        CrossModalRegressor(few, **OPTIONS).fit(FORMULAS, values)
    model = CrossModalRegressor(few, missing="impute", **OPTIONS).fit(FORMULAS, values)
    assert np.isfinite(model.predict(["Sc2O3"])).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "thawed"}, "thawed"),
        ({"n_members": 0}, "at least 1"),
        ({"n_folds": 1}, "at least 2"),
        ({"n_repeats": 0}, "or None"),
        ({"coverage": 1.0}, "between 0 and 1"),
        ({"batch_size": 0}, "or None"),
        ({"learning_rate": float("nan")}, "above 0"),
        ({"dropout": 1.0}, "below 1"),
        ({"random_state": None}, "integer"),
    ],
)
def test_parameters_out_of_range_are_named(encoder, values, options, said):
    with pytest.raises(InputInvalid, match=said):
        CrossModalRegressor(encoder, **options).fit(FORMULAS, values)


def test_a_device_that_is_not_there_is_named(encoder, values, monkeypatch):
    with pytest.raises(InputInvalid, match=r'No device "tpu"\. There are: auto, cpu, cuda\.'):
        CrossModalRegressor(encoder, device="tpu", **OPTIONS).fit(FORMULAS, values)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputInvalid, match="No CUDA device"):
        CrossModalRegressor(encoder, device="cuda", **OPTIONS).fit(FORMULAS, values)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", ["encoder", "language"])
def test_a_gpu_learns_what_the_processor_learns(kind, values, request):
    start = request.getfixturevalue(kind)
    fitted = [CrossModalRegressor(start, device=name, **OPTIONS).fit(FORMULAS, values) for name in ("cpu", "auto")]
    one, other = (model.predict(FORMULAS) for model in fitted)
    assert np.corrcoef(one, other)[0, 1] > 0.99


def test_what_is_no_composition_encoder_is_refused(values):
    for given in (None, "starter", load_encoder("starter")):
        with pytest.raises(InputInvalid, match="not a composition encoder"):
            CrossModalRegressor(given).fit(FORMULAS, values)


@pytest.mark.parametrize("write", [write_toy_encoder, write_language_encoder])
def test_an_encoder_is_taken_by_name_as_loaded_or_as_torch_trains_it(values, tmp_path, monkeypatch, write):
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    loaded = load_encoder(write(tmp_path))
    folder = next(path.parent for path in tmp_path.rglob("manifest.json"))
    plain, *others = (
        CrossModalRegressor(one, **SHORT).fit(FORMULAS, values).predict(FORMULAS)
        for one in (loaded, loaded.name, folder, trainable(loaded))
    )
    for other in others:
        np.testing.assert_array_equal(other, plain)


@pytest.fixture(scope="module")
def blended(encoder, values):
    """Values of which a fourth are zero and that hang on one percent of an element, which the encoder does not know."""
    rng = np.random.default_rng(0)
    carbon = rng.uniform(0, 0.02, len(FORMULAS))
    formulas = [{"C": c, "Fe": 0.98 - c, "Ni": 0.02} for c in carbon]
    wanted = np.where(carbon > 0.005, 1000 * carbon, 0.0)
    return formulas, wanted, CrossModalRegressor(encoder, **OPTIONS | {"mode": "blend"}).fit(formulas, wanted)


def test_a_blend_is_not_worse_than_its_best_part_and_says_what_it_is_made_of(blended):
    formulas, wanted, model = blended
    assert set(model.parts_) == set(model.weights_) == {"finetuned", "ridge on encoder", "ridge", "trees"}
    assert sum(model.weights_.values()) == pytest.approx(1)
    assert np.abs(model.predict(formulas) - wanted).mean() <= min(model.parts_.values())


def test_a_gate_says_exactly_zero(blended, encoder):
    formulas, wanted, model = blended
    predicted = model.predict(formulas)
    assert ((predicted == 0) == (wanted == 0)).mean() > 0.95
    assert (CrossModalRegressor(encoder, gate=False, **SHORT).fit(formulas, wanted).predict(formulas) != 0).all()
    alone = CrossModalRegressor(encoder, **OPTIONS | {"epochs": 40}).fit(formulas, wanted).predict(formulas)
    assert ((alone == 0) == (wanted == 0)).mean() > 0.9


def test_a_spread_and_an_interval_stand_beside_each_prediction(blended):
    formulas, wanted, model = blended
    predicted, std = model.predict(formulas, return_std=True)
    again, ends = model.predict(formulas, return_interval=True)
    np.testing.assert_array_equal(again, predicted)
    assert (std >= model.residual_).all()
    assert ((ends[:, 0] <= predicted) & (predicted <= ends[:, 1])).all()
    assert ((ends[:, 0] <= wanted) & (wanted <= ends[:, 1])).mean() > 0.85
    with pytest.raises(InputInvalid, match="one of them"):
        model.predict(formulas, return_std=True, return_interval=True)


def test_the_head_sees_what_the_encoder_does_not_know():
    """All elements have one vector, so that the encoder tells nothing apart; fractions do."""
    blind = untrained(CONFIG, FORMULAS)
    with torch.no_grad():
        blind.generator.table.weight.fill_(1.0)
    amounts = np.linspace(0.1, 0.9, 60)
    formulas = [{"Fe": one, "C": 1 - one} for one in amounts]
    options = OPTIONS | {"encoder_learning_rate": 0.0}
    joined, alone = (
        CrossModalRegressor(blind, joined=joined, **options).fit(formulas, amounts).score(formulas, amounts)
        for joined in (True, False)
    )
    assert joined > 0.9
    assert alone < 0.1


def test_a_fitted_model_predicts_without_torch(encoder, values, tmp_path):
    model = CrossModalRegressor(encoder, **SHORT).fit(FORMULAS, values).set_params(encoder="cromel-multi")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    program = (
        f"import sys, pickle; model = pickle.load(open({str(tmp_path / 'model.pickle')!r}, 'rb')); "
        "print(model.predict(['Li1Sc'])[0], 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    value, has_torch = said.stdout.split()
    assert float(value) == pytest.approx(model.predict(["Li1Sc"])[0])
    assert has_torch == "False"


class OfNumbers(CrossModalRegressor):
    """Takes numbers, as scikit-learn's checks give them, and makes formulas of them."""

    def fit(self, X: Any, y: Any) -> Any:
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        super().fit(_formulas_of(X), y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Any, **options: Any) -> Any:
        check_is_fitted(self, "mixture_")
        return super().predict(_formulas_of(validate_data(self, X, reset=False, dtype=np.float64)), **options)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # one epoch on top of an encoder that nobody trained
        return tags


NOT_OURS = {
    "check_fit2d_1sample": "the message is about the one formula and the one value, not about samples",
    "check_methods_subset_invariance": "single precision: products of other sizes round otherwise, by about 1e-6",
}


def _formulas_of(X: np.ndarray) -> list[dict[str, float]]:
    numbers = np.abs(X) % 1e6 + 1
    return [{"O": 1.0} | dict(zip(SYMBOLS[10:60], row, strict=False)) for row in numbers.tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_toy_encoder, write_language_encoder])
def test_passes_the_checks_of_scikit_learn(tmp_path, write):
    """Behind numbers: of formulas, scikit-learn makes next to none."""
    encoder = load_encoder(write(tmp_path))
    results = check_estimator(OfNumbers(encoder, **SHORT), expected_failed_checks=NOT_OURS, on_fail=None, on_skip=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert failed == {}
    assert sum(result["status"] == "passed" for result in results) > 40
