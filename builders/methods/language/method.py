"""A language model of compositions as a method: formulas and crystals in, an encoder of formulas out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from builders.learning.encoders import FormulaEncoder, encoder_bytes
from builders.learning.lessons import Lessons
from builders.learning.material import Material
from builders.methods.base import Description, EncoderVectors, Run
from builders.methods.cromel.method import LIMITS as OF_COMPOSITIONS
from builders.methods.cromel.method import CromelMethod, name_of
from builders.methods.cromel.training import Trained
from builders.methods.language.recipes import LanguageRecipe
from builders.methods.language.training import train_language
from builders.structures.counts import count_structures

if TYPE_CHECKING:
    from builders.learning.corpus import Corpus

LIMITS = (
    *OF_COMPOSITIONS,
    "Formulas of the corpus were read without labels, and overlap() does not know them.",
    "Amounts below a ten-millionth of the atoms are not told apart.",
)

PAPER = """@article{rubtsov2026enhancing,
  title = {Enhancing composition-based materials property prediction by cross-modal knowledge transfer},
  author = {Rubtsov, Ivan and Dudakov, Ivan and Kuratov, Yuri and Korolev, Vadim},
  journal = {Scientific Reports},
  year = {2026},
  doi = {10.1038/s41598-026-53182-3}
}"""


class LanguageMethod(CromelMethod):
    """A language of compositions, aligned with structures.

    After the implicit transfer of Rubtsov et al. (Sci. Rep. 2026, 10.1038/s41598-026-53182-3). Lessons are CroMEL's.
    """

    name = "language"
    builds_on = ("cromel", "crystal-transformer")
    recipe: LanguageRecipe  # type: ignore[assignment]

    def __init__(
        self,
        recipe: LanguageRecipe,
        *,
        device: torch.device,
        teacher: Path | None = None,
        teachers: Sequence[Path | str] = (),
        corpus: Corpus | None = None,
    ) -> None:
        """Set up; see `CromelMethod`. Formulas of the corpus are read, or those of the crystals if it is None."""
        super().__init__(recipe, device=device, teacher=teacher, teachers=teachers)  # type: ignore[arg-type]
        self.corpus = corpus
        self.inputs = (*self.inputs, corpus.sha256 if corpus else "")

    @property
    def temperature(self) -> float | None:
        """By which the vectors of polymorphs are weighted, eV/atom."""
        return self.recipe.temperature

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The recipe with what a reader of the file needs, the teachers, and the corpus."""
        model = self.recipe.model
        facts = {"architecture": "transformer", "n_heads": model.n_heads, "dim": model.dim}
        corpus = self.corpus.to_dict() if self.corpus else None
        named = {"teacher": name_of(self.teacher), "corpus": corpus}
        return facts | self.recipe.to_dict() | named | self.teachers.stated()

    def train(self, lessons: Lessons, run: Run) -> Trained:
        """Train the network, on the CPU: it is small."""
        return train_language(
            lessons,
            self.recipe,
            corpus=self.corpus.formulas if self.corpus else None,
            checkpoint=run.checkpoint,
            run=run.identity,
            reporter=run.reporter,
        )

    def vectors(self, trained: Trained, material: Material) -> EncoderVectors:
        """Return the encoder, rounded, without elements that no training structure has."""
        n_structures = count_structures(material.trained_on)
        content = encoder_bytes(FormulaEncoder(trained.model.generator, np.flatnonzero(n_structures)))
        return EncoderVectors(content, n_structures, np.unique(material.training_formulas).tolist())

    def describe(self) -> Description:
        """Return limits, citation, teachers and the corpus."""
        read = {"corpus": self.corpus.file} if self.corpus else {}
        said = super().describe()
        limits, bibtex = (*LIMITS, *self.teachers.sentences), self.teachers.cited_after(PAPER)
        return replace(said, limits=limits, bibtex=bibtex, options={**said.options, **read})


METHOD = LanguageMethod
