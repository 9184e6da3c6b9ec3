"""CrystalTransformer as a method: crystals in, a vector for each element and the network behind them out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from builders.learning.material import Material
from builders.learning.scores import Score
from builders.learning.targets import Scaler
from builders.methods.base import Description, ElementVectors, Method, Run
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.encoder import (
    CrystalEncoder,
    encoder_bytes,
    memory_named,
    read_crystal_encoder,
)
from builders.methods.crystal_transformer.extract import extract_elements
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.training import Task, train
from builders.progress import Reporter
from builders.structures.mapped import graphs_of

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
    """What is learned, and an untrained network that learns it."""

    model: CrystalTransformer
    task: Task


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

    def prepare(self, material: Material, run: Run) -> Lessons:
        """Find the neighbors, standardize the targets on the training rows, and make an untrained network."""
        with memory_named(material.table.n_sites):
            return assemble(material, self.recipe, run.reporter)

    def train(self, lessons: Lessons, run: Run) -> Trained:
        """Train the network."""
        with memory_named(lessons.task.crystals.n_sites):
            scores, history = train(lessons.model, lessons.task, self.recipe.training, run)
        return Trained(lessons.model, lessons.task, scores, history)

    def vectors(self, trained: Trained, material: Material) -> ElementVectors:
        """Return the vectors of all elements that occur in training crystals, and the network without its heads."""
        rows = extract_elements(
            trained.model, trained.task, material.trained_on, material.training_formulas, self.recipe.vectors
        )
        return ElementVectors(rows, encoder_bytes(trained.model))

    def describe(self) -> Description:
        """Return limits and citation."""
        return Description(device=self.device, limits=LIMITS, bibtex=PAPER)

    @classmethod
    def load(cls, folder: Path) -> CrystalEncoder:
        """Return the network of a catalog, which gives crystals and their atoms vectors."""
        return read_crystal_encoder(folder)


def assemble(material: Material, recipe: CrystalTransformerRecipe, reporter: Reporter) -> Lessons:
    """Find the neighbors, standardize the targets on the training rows, and make an untrained network."""
    table = material.table
    graphs = None
    if recipe.model.geometry == "periodic":
        with reporter.stage("Neighbors", len(table)) as stage:
            graphs = graphs_of(table, recipe.model.cutoff, advance=stage.advance)
    scaler = Scaler.fit(material.labels, material.training_rows)
    task = Task(
        crystals=PackedCrystals(table, graphs, scaler.transform(material.labels)),
        training_rows=material.training_rows,
        validation_rows=material.validation_rows,
        units=material.units,
        scaler=scaler,
    )
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        return Lessons(CrystalTransformer(recipe.model, len(material.targets)), task)


METHOD = CrystalTransformerMethod
