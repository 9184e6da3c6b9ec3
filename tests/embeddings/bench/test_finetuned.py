"""A fine-tuned encoder as a head: it learns, comes back from a file as it was, and has its place in the race."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra build")
pytest.importorskip("skops", reason="needs the extra bench")

from embeddings import load_composition_encoder
from embeddings.bench import compare
from embeddings.bench.candidates import Candidate
from embeddings.bench.clock import Deadline
from embeddings.bench.estimator_files import from_bytes, to_bytes
from embeddings.bench.features import FeatureMaker, fractions
from embeddings.bench.finetuned import FinetunedClassifier, FinetunedRegressor, matrix_of, starting_from
from embeddings.bench.model import PropertyModel, load_model
from embeddings.errors import InputInvalid
from embeddings.formula import fraction_matrix
from testing.composition_encoders import write_toy_encoder
from testing.language_encoders import write_language_encoder
from testing.measured import FORMULAS, VALUES

SOME, THEIR_VALUES = FORMULAS[:60], np.asarray(VALUES[:60], dtype=float)
ENCODERS = ("toy-encoder", "toy-language")
FEATURES = "fractions+size+toy-encoder"


@pytest.fixture(autouse=True)
def root(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root with an encoder of each kind, and little training."""
    write_toy_encoder(tmp_path)
    write_language_encoder(tmp_path)
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path))
    for kind in (FinetunedRegressor, FinetunedClassifier):
        monkeypatch.setattr(kind.__init__, "__defaults__", (0, 3, 3))


@pytest.fixture
def maker() -> FeatureMaker:
    return FeatureMaker({name: load_composition_encoder(name) for name in ENCODERS})


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("kind", ["numbers", "zeros", "classes"])
def test_it_repeats_itself_and_comes_back_from_a_file_as_it_was(maker: FeatureMaker, kind: str, encoder: str) -> None:
    features = f"fractions+size+{encoder}"
    x = maker.make(features, fraction_matrix(SOME))
    middle = np.median(THEIR_VALUES)
    values = {
        "numbers": THEIR_VALUES,
        "zeros": np.where(middle < THEIR_VALUES, THEIR_VALUES, 0.0),
        "classes": (middle < THEIR_VALUES).astype(float),
    }[kind]
    n_classes = 2 * (kind == "classes")
    with starting_from(features, maker.vectors):
        one, other = (Candidate(features, "finetuned").fit(x, values, n_classes=n_classes, seed=0) for _ in range(2))
    predicted = one.predict(x)
    np.testing.assert_array_equal(other.predict(x), predicted)
    loaded = from_bytes(to_bytes(one.estimator), n_features=x.shape[1], where="here")
    np.testing.assert_array_equal(type(one)(loaded, n_classes).predict(x), predicted)


def test_formulas_are_read_back_from_their_fractions(maker: FeatureMaker) -> None:
    matrix = fraction_matrix(["Fe2O3", "H2O", "NaCl"])
    again = matrix_of(maker.make(FEATURES, matrix))
    np.testing.assert_array_equal(maker.make("toy-encoder", again), maker.make("toy-encoder", matrix))


def test_without_an_encoder_it_says_what_it_needs(maker: FeatureMaker) -> None:
    x = maker.make("fractions", fraction_matrix(SOME))
    with pytest.raises(InputInvalid, match="needs features that end in the name of a composition encoder"):
        Candidate("fractions", "finetuned").fit(x, THEIR_VALUES, n_classes=0, seed=0)


def test_training_ends_where_the_deadline_is_past(maker: FeatureMaker) -> None:
    x, asked = maker.make(FEATURES, fraction_matrix(SOME)), []

    def now() -> float:
        asked.append(1)
        return 1.0

    with starting_from(FEATURES, maker.vectors, Deadline(0.0, now)):
        FinetunedRegressor(seed=0, epochs=1000, n_members=3).fit(x, THEIR_VALUES)
    assert len(asked) < 10


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_model_with_it_is_saved_and_loaded(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, encoder: str) -> None:
    monkeypatch.setattr(FinetunedRegressor.__init__, "__defaults__", (0, 20, 3))
    values = fractions(fraction_matrix(SOME)) @ np.arange(118)  # the head sees all that they are made of
    model = PropertyModel(catalogs=encoder, heads=["finetuned"]).fit(SOME, values)
    assert "finetuned" in {one.candidate.head for one in model.learned_.members}
    loaded = load_model(model.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(FORMULAS), model.predict(FORMULAS))


def test_without_torch_the_report_says_that_it_took_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.bench.selection.can_tune", lambda: False)
    monkeypatch.setattr("embeddings.bench.verdict.can_tune", lambda: False)
    report = compare(SOME, THEIR_VALUES, catalogs="toy-encoder", heads=["ridge", "finetuned"], n_folds=2)
    assert 'The head "finetuned" took no part: torch is not installed' in report.text()


def test_of_two_encoders_each_is_fine_tuned() -> None:
    report = compare(SOME, THEIR_VALUES, catalogs=list(ENCODERS), heads=["finetuned"], n_folds=2)
    tried = {str(one) for fold in report.evidence.contest.folds for one in fold.choice.losses}
    assert {f"finetuned on fractions+properties+size+{name}" for name in ENCODERS} <= tried


def test_a_model_from_before_encoders_were_of_several_kinds_still_predicts_what_it_did(maker: FeatureMaker) -> None:
    """The file holds a `FinetunedRegressor` of three epochs on these very rows, as version 0.3 wrote it."""
    saved = Path(__file__).parent / "saved"
    x = maker.make(FEATURES, fraction_matrix(SOME))
    content = (saved / "finetuned-regressor.skops").read_bytes()
    loaded = from_bytes(content, n_features=x.shape[1], where="here")
    np.testing.assert_allclose(loaded.predict(x), np.load(saved / "finetuned-regressor.npy"), rtol=1e-9)
    again = from_bytes(to_bytes(loaded), n_features=x.shape[1], where="here")
    np.testing.assert_array_equal(again.predict(x), loaded.predict(x))
