"""The training of a language encoder: it reads formulas, then learns structures and labels; seeded and resumable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from builders.learning.lessons import Lessons
from builders.methods.cromel.training import Trained, train_encoder
from builders.methods.language.model import LanguageModel
from builders.methods.language.pretraining import read_corpus_with
from builders.methods.language.recipes import LanguageRecipe
from builders.progress import Reporter
from embeddings.errors import TrainingError


def train_language(
    lessons: Lessons,
    recipe: LanguageRecipe,
    *,
    corpus: np.ndarray | None = None,
    checkpoint: Path | None = None,
    run: str = "",
    reporter: Reporter | None = None,
) -> Trained:
    """Train a language model, resuming from the checkpoints if there are some.

    Formulas of the lessons that are held out are not read either.

    Args:
        lessons: labels and vectors of structures.
        recipe: how; its targets are those of the lessons.
        corpus: canonical reduced formulas to read; None for those of the lessons.
        checkpoint: file that a killed run resumes from; the state of reading stands beside it. None for none.
        run: identity of the run, which the checkpoints have to share.
        reporter: tells a person about it.

    Raises:
        TargetInvalid: a target is constant or unknown on the rows that are learned from.
        TrainingError: all formulas of the corpus are held out, a checkpoint is of another run, the recipe needs vectors
            that the lessons lack, or the loss is no longer a number.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.model)
    _, held_out = lessons.split(recipe.training.validation_fraction, recipe.seed_of_split)
    formulas = np.setdiff1d(lessons.formulas if corpus is None else corpus, lessons.formulas[held_out])
    if not len(formulas):
        raise TrainingError("All formulas of the corpus are held out for validation. Name a larger --corpus.")
    history = read_corpus_with(
        model,
        formulas,
        recipe.pretraining,
        seed=recipe.seed,
        checkpoint=checkpoint and checkpoint.with_name("reading.pt"),
        run=run,
        reporter=reporter,
    )
    trained = train_encoder(lessons, recipe, generator=model, checkpoint=checkpoint, run=run, reporter=reporter)
    return replace(trained, history=[*history, *trained.history])
