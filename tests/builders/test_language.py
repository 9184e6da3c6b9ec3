"""How a language of compositions is learned: by reading, then from structures and labels; and what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from builders.learning.compositions import Compositions, pack
from builders.learning.corpus import read_corpus
from builders.learning.encoders import FormulaEncoder, encoder_bytes
from builders.learning.lessons import Lessons, pool_polymorphs
from builders.methods.cromel.config import TransferConfig
from builders.methods.language.config import LanguageConfig, ReadingConfig
from builders.methods.language.model import LanguageModel
from builders.methods.language.pretraining import Hidden, Reader, hide, read_corpus_with
from builders.methods.language.recipes import LanguageRecipe
from builders.methods.language.training import train_language
from builders.runs.checkpoint import Checkpoint, write_checkpoint
from embeddings.elements import SYMBOLS
from embeddings.errors import ColumnNotFound, InputInvalid, TrainingError
from embeddings.formula import reduced_formulas
from testing.language_encoders import SMALL, untrained_model
from testing.lessons import FORMULAS, linear_lessons

RECIPE = LanguageRecipe(
    "tiny",
    "Tiny.",
    ("energy",),
    model=LanguageConfig(width=16, n_layers=1, n_heads=2, feed_forward=16),
    pretraining=ReadingConfig(epochs=2, batch_size=64, learning_rate=1e-2),
    training=TransferConfig(epochs=2, batch_size=32, learning_rate=1e-2, validation_fraction=0.2),
)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return linear_lessons()


def test_a_formula_has_one_vector_in_any_batch():
    model, formulas = untrained_model(), ["NaCl", "Fe", "LiFePO4", "Al2O3", "La0.7Sr0.3MnO3"]
    with torch.inference_mode():
        together = model(pack(formulas))
        alone = torch.cat([model(pack([formula])) for formula in formulas])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_padding_is_not_seen(monkeypatch: pytest.MonkeyPatch):
    """A few formulas go through the layers with padding, many by number of elements: vectors and gradients agree."""
    formulas = pack(["NaCl", "Fe", "LiFePO4", "Al2O3", "La0.7Sr0.3MnO3", "CoCrFeMnNi"])
    found = []
    for at_most in (0, len(formulas)):
        monkeypatch.setattr("builders.methods.language.model.PADDED", at_most)
        model = untrained_model()
        vectors = model(formulas)
        vectors.square().sum().backward()
        found.append([vectors.detach(), *(weights.grad for weights in model.parameters())])
    for by_length, padded in zip(*found, strict=True):
        torch.testing.assert_close(by_length, padded, atol=1e-5, rtol=1e-4)


def test_what_is_hidden_is_not_seen():
    torch.manual_seed(0)
    reader = Reader(untrained_model()).eval()
    known, other = pack(["NaCl2O"]), pack(["NaKrO"])
    element, amount = torch.tensor([[False, True, False]]), torch.tensor([[True, True, True]])
    with torch.inference_mode():
        torch.testing.assert_close(reader(known, Hidden(element, amount)), reader(other, Hidden(element, amount)))
        shown = Hidden(element & False, amount)
        assert (reader(known, shown) - reader(other, shown)).abs().max() > 1e-3


def test_of_every_formula_something_is_hidden():
    torch.manual_seed(0)
    formulas = Compositions(torch.ones(2_000, 3, dtype=torch.int64), torch.full((2_000, 3), 1 / 3))
    hidden = hide(formulas, ReadingConfig(hidden_elements=0.25, hidden_amounts=0.2, without_amounts=0.3))
    assert hidden.elements.any(1).all()
    assert hidden.amounts.all(1).float().mean() == pytest.approx(0.3 + 0.7 * 0.2**3, abs=0.03)


def test_reading_learns_which_elements_go_together():
    """Every formula is AB or A2B, with B the element after A: what is hidden can be told from the rest."""
    formulas = np.array(reduced_formulas([f"{a}{n}{b}" for a, b in pairwise(SYMBOLS[2:61]) for n in (1, 2)]))
    model = LanguageModel(RECIPE.model)
    config = ReadingConfig(epochs=60, batch_size=58, learning_rate=1e-2, without_amounts=0.0, hidden_amounts=0.0)
    history = read_corpus_with(model, formulas, config, seed=0)
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


@pytest.mark.parametrize("ways", [{"contrast": 0.0}, {"labels": 0.0, "alignment": 1.0}])
def test_a_property_of_formulas_held_out_is_learned(lessons, ways):
    training = replace(RECIPE.training, epochs=40, **ways)
    trained = train_language(lessons, replace(RECIPE, training=training))
    held_out = np.setdiff1d(np.arange(len(FORMULAS)), trained.training_rows)
    with torch.inference_mode():
        vectors = trained.model.generator.eval()(pack(FORMULAS.tolist())).numpy()
    design = np.c_[vectors, np.ones(len(vectors))]
    weights = np.linalg.lstsq(design[trained.training_rows], lessons.labels[trained.training_rows, 0], rcond=1e-3)[0]
    errors = design[held_out] @ weights - lessons.labels[held_out, 0]
    assert errors.std() < 0.3 * lessons.labels[held_out, 0].std()


def test_formulas_held_out_are_not_read(lessons, monkeypatch):
    read = []
    name = "builders.methods.language.training.read_corpus_with"
    monkeypatch.setattr(name, lambda model, formulas, *_, **__: read.extend(formulas.tolist()) or [])
    _, held_out = lessons.split(RECIPE.training.validation_fraction, RECIPE.seed)
    train_language(lessons, RECIPE, corpus=np.array([*FORMULAS, "UO2"]))
    assert set(read) == {*FORMULAS, "UO2"} - set(FORMULAS[held_out])
    with pytest.raises(TrainingError, match="held out for validation"):
        train_language(lessons, RECIPE, corpus=FORMULAS[held_out])


@pytest.mark.parametrize("phase", ["language.pretraining", "cromel.training"])
def test_a_killed_run_ends_with_the_same_bytes(lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str):
    whole = train_language(lessons, RECIPE)
    with monkeypatch.context() as patch:
        patch.setattr(f"builders.methods.{phase}.write_checkpoint", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            train_language(lessons, RECIPE, checkpoint=tmp_path / "checkpoint.pt", run="me")
    resumed = train_language(lessons, RECIPE, checkpoint=tmp_path / "checkpoint.pt", run="me")
    covered = np.arange(1, 50)
    published = [encoder_bytes(FormulaEncoder(one.model.generator, covered)) for one in (whole, resumed)]
    assert published[0] == published[1]
    assert resumed.history == whole.history
    with pytest.raises(TrainingError, match="another run"):
        train_language(lessons, RECIPE, checkpoint=tmp_path / "checkpoint.pt", run="someone")


def write_and_die(path: Path, checkpoint: Checkpoint) -> None:
    """Be killed right after the first checkpoint."""
    write_checkpoint(path, checkpoint)
    raise KeyboardInterrupt


def test_parts_of_the_training_can_be_left_out(lessons):
    random = replace(
        RECIPE, pretraining=replace(RECIPE.pretraining, epochs=0), training=replace(RECIPE.training, epochs=0)
    )
    assert train_language(lessons, random).history == []
    read = replace(random, pretraining=RECIPE.pretraining)
    assert [figures.get("phase") for figures in train_language(lessons, read).history] == ["reading"] * 2


def test_weights_beyond_half_precision_are_refused():
    model = untrained_model(SMALL)
    with torch.no_grad():
        model.layers[0].join.weight[0, 0] = 1e6
    with pytest.raises(TrainingError, match=r"layers\.0\.join\.weight"):
        encoder_bytes(FormulaEncoder(model, np.arange(1, 10)))


def test_polymorphs_count_by_their_energies():
    formulas, vectors = ["Fe"] * 3 + ["Na"] * 2, np.array([[1.0], [3.0], [9.0], [2.0], [4.0]], dtype=np.float32)
    energies = np.array([0.0, 0.1, np.nan, np.nan, np.nan])
    pooled = pool_polymorphs(formulas, {"x": np.ones(5)}, [vectors], energies=energies, temperature=0.1).vectors
    second = np.exp(-1)
    np.testing.assert_allclose(pooled, [[(1 + 3 * second) / (1 + second)], [3.0]], rtol=1e-6)


def test_a_corpus_is_a_set_of_formulas_in_any_table(tmp_path: Path):
    csv = tmp_path / "a.csv"
    csv.write_text("name,comp\nrust,Fe2O3\nsalt,NaCl\nrust again,Fe4O6\nnothing,\nnonsense,xyz\n")
    found = read_corpus(csv, "comp")
    assert (found.formulas.tolist(), found.n_unreadable, found.file) == (["Fe2O3", "NaCl"], 1, "a.csv")
    other = tmp_path / "b.jsonl"
    other.write_text('{"formula": "ClNa"}\n{"formula": "O3Fe2"}\n')
    assert read_corpus(other).sha256 == found.sha256
    assert found.without(["NaCl"]).to_dict()["n_formulas"] == 1
    with pytest.raises(InputInvalid, match=r"All 2 formulas of the corpus a\.csv are excluded"):
        found.without(["NaCl", "Fe2O3"])


@pytest.mark.parametrize(
    ("text", "column", "error", "said"),
    [
        ("name,age\nAda,3\n", None, ColumnNotFound, "no column could be read as formulas"),
        ("formula,age\nxyz,3\n", "formula", InputInvalid, "holds no formula"),
        ("formula\n", "formula", InputInvalid, "holds no formula"),
        ("formula\nNaCl\n", "composition", ColumnNotFound, r'no column "composition" \(--corpus\)'),
    ],
)
def test_a_corpus_without_formulas_is_refused(tmp_path: Path, text, column, error, said):
    path = tmp_path / "corpus.csv"
    path.write_text(text)
    with pytest.raises(error, match=said):
        read_corpus(path, column)
