"""CrystalTransformer as a method: crystals in, a vector for each element and the network behind them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from builders.learning.folds import Fold
from builders.learning.material import Material
from builders.learning.scores import Score
from builders.learning.targets import Scaler
from builders.learning.teachers import FOUND, TEACHERS, Teacher, read_teachers
from builders.methods.base import Description, ElementVectors, Method, Run
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.config import TuningConfig
from builders.methods.crystal_transformer.encoder import CrystalEncoder, cells_for, read_crystal_encoder
from builders.methods.crystal_transformer.extract import extract_elements
from builders.methods.crystal_transformer.going_on import GoingOn
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.start import INIT, Start, grown, read_start
from builders.methods.crystal_transformer.teachers import Lesson, lesson_of
from builders.methods.crystal_transformer.training import Task, train
from builders.methods.crystal_transformer.training_vectors import training_vectors
from builders.methods.crystal_transformer.tuning import tune
from builders.methods.crystal_transformer.weights import encoder_bytes, network_of
from builders.methods.recipe import listed
from builders.progress import Reporter
from builders.structures.counts import made_of
from builders.structures.encoding import memory_named
from builders.structures.mapped import graphs_of
from embeddings.display.numbers import counted
from embeddings.store.tables import ENCODER
from embeddings.store.tensors import read_tensors

LIMITS = (
    "An element seen in few structures has a vector that is little more than its initial value: look at n_structures.",
    "Structures of validation formulas were held out, those of training formulas were not: ask overlap() before "
    "you report results on materials that this catalog has seen.",
)

PAPER = """@article{jin2025ctuae,
  title = {Transformer-generated atomic embeddings to enhance prediction accuracy of crystal properties with machine
           learning},
  author = {Jin, Luozhijie and others},
  journal = {Nature Communications},
  volume = {16},
  pages = {1210},
  year = {2025},
  doi = {10.1038/s41467-025-56481-x}
}"""


@dataclass(frozen=True)
class Lessons:
    """What is learned, and the network that learns it: an untrained one, or one that goes on with these folds."""

    model: CrystalTransformer
    task: Task
    folds: tuple[Fold, ...] = ()


@dataclass(frozen=True)
class Trained:
    """The trained network, what it was trained on, and how well it did."""

    model: CrystalTransformer
    task: Task
    scores: dict[str, Score]
    history: list[dict[str, Any]]


class CrystalTransformerMethod(Method[Lessons, Trained]):
    """Universal atomic embeddings (Jin et al., Nat. Commun. 16, 1210 (2025), 10.1038/s41467-025-56481-x)."""

    name = "crystal-transformer"
    trains_together = True
    recipe: CrystalTransformerRecipe

    def __init__(
        self,
        recipe: Any,
        *,
        device: torch.device,
        teacher: Path | None = None,
        init: Path | None = None,
        teachers: Sequence[Path | str] = (),
    ) -> None:
        """Set up.

        Args:
            recipe: of this method.
            device: where the network computes.
            teacher: None; a catalog teaches composition encoders.
            init: folder of the catalog version whose network goes on learning.
            teachers: files or folders of vectors that the network also learns to predict.
        """
        super().__init__(recipe, device=device, teacher=teacher)
        self.teachers = read_teachers(teachers)
        self.taught: list[dict[str, Any]] = []
        self.licences, self.inputs = self.teachers.licences, self.teachers.inputs
        self.start: Start | None = None if init is None else read_start(init, recipe.model, recipe.name)
        self.going_on: GoingOn | None = None
        if self.start is not None:
            self.inputs += (self.start.sha256,)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the manifest states: the recipe, its teachers, and the network that it goes on from."""
        stated = super().hyperparameters | ({INIT: self.start.stated()} if self.start else {})
        return stated | self.teachers.stated()

    def prepare(self, material: Material, run: Run) -> Lessons:
        """Find the neighbors, standardize the targets on the training rows, and make the network that learns."""
        taught = [self._lesson(teacher, material, run.reporter) for teacher in self.teachers]
        with memory_named(material.table.n_sites):
            lessons = assemble(material, self.recipe, run.reporter, taught=taught)
        if self.start is None:
            return lessons
        self.going_on = GoingOn.of(self.start, material, self.recipe)
        for sentence in self.going_on.sentences:
            run.reporter.say(sentence)
        network = grown(self.start, np.unique(material.table.atomic_numbers), self.recipe.model.readout)
        if self.recipe.tuning is None:
            lessons.model.load_state_dict(network.state_dict() | _heads_of(lessons.model))
            return lessons
        return Lessons(network, lessons.task, self.going_on.folds)

    def _lesson(self, teacher: Teacher, material: Material, reporter: Reporter) -> tuple[Lesson, np.ndarray]:
        table = material.table
        lesson, components = lesson_of(teacher, table.material_ids, material.formulas, material.training_rows)
        reporter.say(
            f"{teacher.name} teaches {lesson.n_known:,} of {counted(len(table), 'structure')}: "
            f"{counted(len(lesson.variances), 'component')}, {lesson.variances.sum():.1%} of the variance of its "
            "vectors"
        )
        return lesson, components

    def train(self, lessons: Lessons, run: Run) -> Trained:
        """Train the network."""
        with memory_named(lessons.task.crystals.n_sites):
            if self.going_on is not None and self.recipe.tuning is not None:
                return self._go_on(lessons, self.going_on, self.recipe.tuning, run)
            scores, history = train(lessons.model, lessons.task, self.recipe.training, run)
        learned = history[-1].get(TEACHERS, {})
        self.taught = [one.stated() | {"r2": learned[one.name]} for one in lessons.task.lessons]
        return Trained(lessons.model, lessons.task, scores, history)

    def _go_on(self, lessons: Lessons, going_on: GoingOn, tuning: TuningConfig, run: Run) -> Trained:
        tuned = tune(lessons.model, lessons.task, lessons.folds, self.recipe.training, tuning, run)
        going_on.tuned = tuned
        run.reporter.say(going_on.outcome(lessons.task.units, self.recipe.training.epochs))
        return Trained(tuned.model, lessons.task, tuned.scores, tuned.history)

    def vectors(self, trained: Trained, material: Material) -> ElementVectors:
        """Return the vectors of all elements that occur in training crystals, and the network without its heads."""
        rows = extract_elements(
            trained.model, trained.task, material.trained_on, material.training_formulas, self.recipe.vectors
        )
        if self.start is not None:
            rows = replace(rows, training_formulas=self.start.with_seen(rows.training_formulas))
        encoder = encoder_bytes(trained.model)
        if self.recipe.tuning is not None:  # what the first network saw is not here
            return ElementVectors(rows, encoder)
        published = network_of(self.recipe.published, read_tensors(encoder, where=ENCODER)).to(self.device)
        held_out = material.validation_rows
        covered = made_of(material.table.take(held_out), rows.atomic_numbers)
        training = training_vectors(published, trained.task.crystals, material.training_rows, held_out[covered])
        return ElementVectors(rows, encoder, training)

    def describe(self) -> Description:
        """Return limits and citation."""
        if self.going_on is None or self.recipe.tuning is None:
            return self._describe_new()
        return Description(
            device=self.device,
            limits=(*LIMITS, *self.going_on.sentences),
            bibtex=PAPER,
            options={"init": self.going_on.start.identity, "tune": self.recipe.tuning.tune},
            said=self.going_on.start_sentence,
            split=self.going_on.split,
            measured=self.going_on.measured(),
        )

    def _describe_new(self) -> Description:
        """Return limits and citation of a network that learned by the recipe's own schedule."""
        begun, options, said = self.going_on, dict[str, Any](), list[str]()
        limits: tuple[str, ...] = LIMITS
        if begun is not None:
            limits, options = (*limits, *begun.sentences), {"init": begun.start.identity}
            said.append(begun.start_sentence)
        if self.teachers:
            limits, options = (*limits, *self.teachers.sentences), options | {"teacher": self.teachers.files}
            said.append(f"Taught by {listed(self.teachers.names)}.")
        return Description(
            device=self.device,
            limits=limits,
            bibtex=self.teachers.cited_after(PAPER) if self.teachers else PAPER,
            options=options,
            said=" ".join(said),
            measured={FOUND: self.taught} if self.teachers else {},
        )

    @classmethod
    def load(cls, folder: Path) -> CrystalEncoder:
        """Return the network of a catalog, which gives crystals and their atoms vectors."""
        return read_crystal_encoder(folder)


def assemble(
    material: Material,
    recipe: CrystalTransformerRecipe,
    reporter: Reporter,
    *,
    taught: Sequence[tuple[Lesson, np.ndarray]] = (),
) -> Lessons:
    """Find the neighbors, standardize the targets on the training rows, and make an untrained network.

    Args:
        material: what is learned from.
        recipe: how.
        reporter: is told how far the neighbors are.
        taught: what is learned of each teacher, and the components of its vectors, (n, n_components).
    """
    table = material.table
    graphs = None
    if recipe.model.geometry == "periodic":
        with reporter.stage("Neighbors", len(table)) as stage:
            graphs = graphs_of(table, recipe.model.cutoff, rounds=recipe.rounds, advance=stage.advance)
    scaler = Scaler.fit(material.labels, material.training_rows)
    labels = scaler.transform(material.labels).astype(np.float32)
    task = Task(
        crystals=PackedCrystals(
            table,
            graphs,
            np.hstack([labels, *(components for _, components in taught)]),
            cells_for(recipe.published, table),
        ),
        training_rows=material.training_rows,
        validation_rows=material.validation_rows,
        units=material.units,
        scaler=scaler,
        lessons=tuple(lesson for lesson, _ in taught),
    )
    task.crystals.release()
    n_components = task.crystals.labels.shape[1] - len(material.targets)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        return Lessons(CrystalTransformer(recipe.model, len(material.targets), n_components), task)


def _heads_of(model: CrystalTransformer) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if name.startswith("heads.")}


METHOD = CrystalTransformerMethod
