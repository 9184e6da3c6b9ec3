"""How an encoder learns: from labels, from structures, from both; what it repeats, resumes and refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders.learning.encoders import FormulaEncoder
from builders.learning.lessons import Lessons, pool_polymorphs
from builders.methods import find_recipe
from builders.methods.cromel.config import GeneratorConfig, TransferConfig
from builders.methods.cromel.recipes import RECIPES, CromelRecipe
from builders.methods.cromel.training import train_encoder
from builders.runs.checkpoint import Checkpoint, write_checkpoint
from embeddings.errors import InputInvalid, SourceError, TargetInvalid, TrainingError
from testing.formula_encoders import untrained
from testing.lessons import FORMULAS, linear_lessons

TRAINING = TransferConfig(epochs=60, batch_size=32, learning_rate=1e-2, validation_fraction=0.2)
RECIPE = CromelRecipe(
    "tiny", "Tiny.", ("energy",), model=GeneratorConfig(element_dim=8, hidden=(32,), dim=8), training=TRAINING
)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return linear_lessons()


def recipe(**training: object) -> CromelRecipe:
    return replace(RECIPE, training=replace(TRAINING, **training))


def linear_error(vectors: np.ndarray, wanted: np.ndarray) -> float:
    """Error of the best linear map from vectors to a property, over its spread."""
    design = np.c_[vectors, np.ones(len(vectors))]
    fitted = design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
    return float((wanted - fitted).std() / wanted.std())


@pytest.mark.parametrize(
    "ways", [{"contrast": 0.0}, {"contrast": 1.0}, {"labels": 0.0, "alignment": 1.0, "contrast": 0.0}]
)
def test_a_property_of_formulas_held_out_is_learned(lessons, ways):
    trained = train_encoder(lessons, recipe(**ways))
    vectors = FormulaEncoder(trained.model.generator, np.arange(1, 100)).encode(FORMULAS)
    held_out = np.setdiff1d(np.arange(len(FORMULAS)), trained.training_rows)
    by_chance = untrained(RECIPE.model, FORMULAS).encode(FORMULAS)
    wanted = lessons.labels[held_out, 0]
    assert linear_error(vectors[held_out], wanted) < 0.5 * linear_error(by_chance[held_out], wanted)


def test_scores_are_of_the_formulas_held_out(lessons):
    trained = train_encoder(lessons, recipe(contrast=0.0))
    assert trained.scores["energy"].n == len(lessons) - len(trained.training_rows)
    assert trained.scores["energy"].mae < 0.3 * trained.scores["energy"].baseline_mae


def test_a_killed_run_ends_with_the_same_weights(lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = train_encoder(lessons, recipe(epochs=3))
    path = tmp_path / "checkpoint.pt"
    with monkeypatch.context() as patch:
        patch.setattr("builders.methods.cromel.training.write_checkpoint", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            train_encoder(lessons, recipe(epochs=3), checkpoint=path, run="me")
    resumed = train_encoder(lessons, recipe(epochs=3), checkpoint=path, run="me")
    for name, weights in whole.model.state_dict().items():
        np.testing.assert_array_equal(weights.numpy(), resumed.model.state_dict()[name].numpy())
    with pytest.raises(TrainingError, match="another run"):
        train_encoder(lessons, recipe(epochs=3), checkpoint=path, run="someone")


def write_and_die(path: Path, checkpoint: Checkpoint) -> None:
    """Be killed right after the first checkpoint."""
    write_checkpoint(path, checkpoint)
    raise KeyboardInterrupt


def test_formulas_left_out_are_gone(lessons):
    few = lessons.without(FORMULAS[:50].tolist())
    assert len(few) == len(FORMULAS) - 50
    assert not set(few.formulas) & set(FORMULAS[:50])
    with pytest.raises(SourceError, match="formulas are left; at least"):
        lessons.without(FORMULAS.tolist())


def test_a_recipe_that_needs_structures_says_so(lessons):
    with pytest.raises(TrainingError, match="name a teacher"):
        train_encoder(replace(lessons, vectors=np.full((len(lessons), 0), np.nan, np.float32)), recipe())


def test_polymorphs_become_one_row_with_the_label_of_the_lowest():
    lessons = pool_polymorphs(
        ["NaCl", "Fe", "NaCl", "NaCl"],
        {"gap": np.array([1.0, 0.0, np.nan, 3.0]), "k": np.array([np.nan, np.nan, np.nan, 7.0])},
        [np.array([[1.0], [5.0], [np.nan], [3.0]], dtype=np.float32)],
        energies=np.array([-1.0, 0.0, -3.0, -2.0]),
    )
    assert lessons.formulas.tolist() == ["Fe", "NaCl"]
    np.testing.assert_array_equal(lessons.labels, [[0.0, np.nan], [3.0, 7.0]])
    np.testing.assert_array_equal(lessons.vectors, [[5.0], [2.0]])


def test_recipes_are_found_and_strangers_are_told_what_there_is():
    assert find_recipe("cromel-multi") is RECIPES["cromel-multi"]
    with pytest.raises(InputInvalid, match=r'Did you mean "cromel-multi"\? .*ct-multi'):
        find_recipe("cromel-mutli")


@pytest.mark.parametrize("learned_from", [1.0, np.nan])
def test_a_target_that_only_formulas_held_out_have_is_refused(lessons, learned_from):
    rows, _ = lessons.split(TRAINING.validation_fraction, RECIPE.seed)
    labels = lessons.labels.copy()
    labels[rows] = learned_from
    with pytest.raises(TargetInvalid, match='Cannot learn the target "energy"'):
        train_encoder(replace(lessons, labels=labels), recipe())
