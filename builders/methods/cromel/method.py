"""CroMEL as a method: crystals and a network that knows them in, an encoder of formulas out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from builders.learning.devices import device_name
from builders.learning.encoders import FormulaEncoder, encoder_bytes, tensors_of
from builders.learning.lessons import ENERGY, Lessons, pool_polymorphs
from builders.learning.material import Material
from builders.learning.teachers import FOUND, Teacher, read_teachers
from builders.methods.base import Description, EncoderVectors, Method, Run
from builders.methods.cromel.encoder import encoder_of_tensors
from builders.methods.cromel.recipes import CromelRecipe
from builders.methods.cromel.teacher import structure_vectors
from builders.methods.cromel.training import Trained, train_encoder
from builders.methods.crystal_transformer.encoder import CrystalEncoder, read_crystal_encoder
from builders.methods.recipe import listed
from builders.structures.counts import count_structures
from embeddings.display.numbers import counted, share_of
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid
from embeddings.store.encoder_files import composition_encoder, needed
from embeddings.store.integrity import read_intact
from embeddings.store.manifest import read_manifest

ALIGNED = "formulas_aligned"
"""Hyperparameter of a manifest: how many formulas all teachers know."""

LIMITS = (
    "A vector knows the composition alone: polymorphs share it. Labels were those of the polymorph of lowest energy.",
    "Formulas of training were seen with their calculated labels and structures: ask overlap() before you report "
    "results on them.",
)

PAPER = """@article{na2025cromel,
  title = {Cross-modality material embedding loss for transferring knowledge between heterogeneous material
           descriptors},
  author = {Na, Gyoung S.},
  journal = {npj Computational Materials},
  year = {2025},
  doi = {10.1038/s41524-025-01723-1}
}"""


class CromelMethod(Method[Lessons, Trained]):
    """Cross-modal composition embeddings (Na, npj Comput. Mater. 2025, 10.1038/s41524-025-01723-1)."""

    name = "cromel"
    builds_on: ClassVar[tuple[str, ...]] = ("crystal-transformer",)
    recipe: CromelRecipe

    def __init__(
        self,
        recipe: CromelRecipe,
        *,
        device: torch.device,
        teacher: Path | None = None,
        teachers: Sequence[Path | str] = (),
    ) -> None:
        """Set up.

        Args:
            recipe: of this method.
            device: where the network of the teacher computes.
            teacher: folder of the catalog version whose network teaches.
            teachers: files or folders of structure vectors that teach beside it, or alone.

        Raises:
            InputInvalid: a teacher is named twice, or a file cannot teach.
        """
        super().__init__(recipe, device=device)
        self.teacher: CrystalEncoder | None = None if teacher is None else read_crystal_encoder(teacher).to(device)
        self.teachers = read_teachers(teachers)
        self._refuse_twin()
        self.licences = self.teachers.licences
        self.inputs = (self.teacher.sha256 if self.teacher else "", *self.teachers.inputs)
        self.taught: dict[str, Any] = {}

    def _refuse_twin(self) -> None:
        own = self.teacher.network_sha256 if self.teacher else None
        twin = next((one for one in self.teachers if one.encoder_sha256 == own), None)
        if twin is not None:
            raise InputInvalid(
                f"{twin.path} holds vectors by the network of {name_of(self.teacher)}: a teacher is named once. Leave "
                "one of them out."
            )

    @property
    def temperature(self) -> float | None:
        """By which the vectors of polymorphs are weighted, eV/atom; None for a plain mean."""
        return None

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The recipe with what a reader of the file needs, and with the version of the teacher and all files."""
        model = self.recipe.model
        facts = {"statistics": model.statistics, "activation": model.activation, "dim": model.dim}
        return facts | self.recipe.to_dict() | {"teacher": name_of(self.teacher)} | self.teachers.stated()

    def prepare(self, material: Material, run: Run) -> Lessons:
        """Pool labels, and the vectors of teachers if there are some, over the polymorphs of each formula.

        Raises:
            InputInvalid: a file has vectors of too few structures, or of others, or no formula has one by each teacher.
            TrainingError: a file is not the one any more that the build began with.
        """
        table, vectors = material.table, []
        if self.teacher is not None:
            cache = run.checkpoint and run.checkpoint.with_name("teacher.npy")
            vectors.append(structure_vectors(self.teacher, table, cache=cache, reporter=run.reporter))
        found = []
        for teacher in self.teachers:
            vectors.append(_vectors_of(teacher, material))
            found.append({"name": teacher.name, "n_structures": int(np.isfinite(vectors[-1]).all(axis=1).sum())})
            run.reporter.say(
                f"{teacher.name} teaches {found[-1]['n_structures']:,} of {counted(len(table), 'structure')}"
            )
        labels = dict(zip(material.targets, material.labels.T, strict=True))
        energies = table.properties.get(ENERGY)
        lessons = pool_polymorphs(material.formulas, labels, vectors, energies=energies, temperature=self.temperature)
        if found:
            self.taught = {FOUND: found, ALIGNED: _aligned(lessons, run)}
        return lessons

    def train(self, lessons: Lessons, run: Run) -> Trained:
        """Train the generator, on the CPU: it is small."""
        return train_encoder(lessons, self.recipe, checkpoint=run.checkpoint, run=run.identity, reporter=run.reporter)

    def vectors(self, trained: Trained, material: Material) -> EncoderVectors:
        """Return the encoder, rounded, without elements that no training structure has."""
        n_structures = count_structures(material.trained_on)
        encoder = published(trained, np.flatnonzero(n_structures), self.recipe.name)
        formulas = np.unique(material.training_formulas).tolist()
        return EncoderVectors(encoder_bytes(encoder), n_structures, formulas)

    def describe(self) -> Description:
        """Return limits, citation and teachers."""
        own = [] if self.teacher is None else [str(name_of(self.teacher))]
        named, names = [*own, *self.teachers.files], (*own, *self.teachers.names)
        return Description(
            torch.device("cpu"),
            limits=(*LIMITS, *self.teachers.sentences),
            bibtex=self.teachers.cited_after(PAPER),
            options={"teacher": named} if named else {},
            environment={} if self.teacher is None else {"teacher_device": device_name(self.teacher.device)},
            said=f"Taught by {listed(names)}." if self.teachers else "",
            measured=self.taught,
        )

    @classmethod
    def load(cls, folder: Path) -> CompositionEncoder:
        """Return the encoder of a published version, which needs NumPy alone."""
        manifest = read_manifest(folder)
        return composition_encoder(folder, manifest, read_intact(folder, manifest, keep=needed(manifest)))


def published(trained: Trained, atomic_numbers: np.ndarray, name: str) -> FormulaEncoder:
    """Return the encoder as its file will hold it: rounded, and without elements that no training structure has."""
    generator = trained.model.generator
    encoder = FormulaEncoder(generator, atomic_numbers, noise=trained.model.noise)
    return encoder_of_tensors(tensors_of(encoder), generator.config, name=name)


def _vectors_of(teacher: Teacher, material: Material) -> np.ndarray:
    return teacher.matched(material.table.material_ids, material.formulas, material.training_rows).vectors()


def _aligned(lessons: Lessons, run: Run) -> int:
    """Return how many formulas every teacher has a vector of, which are those that are aligned; at least one."""
    n_aligned = int(lessons.has_vectors.sum())
    if not n_aligned:
        raise InputInvalid("No formula has a vector by each of the teachers. Embed the same structures with all.")
    run.reporter.say(f"{share_of(n_aligned, len(lessons), 'formula', 'is')} aligned with the vectors of all teachers")
    return n_aligned


def name_of(teacher: CrystalEncoder | None) -> str | None:
    """Return a teacher with its version; None for none."""
    return None if teacher is None else f"{teacher.manifest.name}@{teacher.manifest.version}"


METHOD = CromelMethod
