"""A network that learns from labels, from a teacher, or from both; and its vectors of other crystals."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.teachers.problem import SPLIT_SEED, Problem
from benchmarks.teachers.ways import Way
from builders.methods.base import Run
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.method import CrystalTransformerMethod
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.predicting import vectors_of
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.progress import Reporter
from builders.structures.graphs import neighbor_graphs
from builders.structures.table import StructureTable

CPU = torch.device("cpu")


def learn(problem: Problem, recipe: CrystalTransformerRecipe, way: Way, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Train a network and encode what is tested.

    Args:
        problem: what is learned from, and what is tested.
        recipe: of the network without a teacher.
        way: to learn.
        seed: of the initial weights and the order of the batches.

    Returns:
        The vectors, (n, dim); and what is told of the training: CPU seconds, epochs, the error of each label on the
        crystals held out (none where labels were not learned) and R2 of the teacher's vectors there (None without a
        teacher).

    Raises:
        InputInvalid: the way needs copies, and there are none.
    """
    started = time.process_time()
    material = problem.material_of(way)
    epochs = problem.epochs_of(way, recipe.training.epochs)
    training = replace(recipe.training, epochs=epochs)
    if way.rare:
        training = replace(training, balance=None)
    if way.teacher is not None:
        training = replace(training, teacher_weight=way.teacher)
    recipe = replace(recipe, seed=seed, split_seed=SPLIT_SEED, training=training, targets=material.targets)
    run = Run("benchmark", seed, CPU, None, Reporter(quiet=True))
    method = CrystalTransformerMethod(recipe, device=CPU, teachers=[] if way.teacher is None else [problem.teacher])
    lessons = method.prepare(material, run)
    if not way.labels:
        lessons.task.crystals.labels[:, : len(material.targets)] = np.nan
    trained = method.train(lessons, run)
    about = {
        "cpu_seconds": round(time.process_time() - started, 1),
        "epochs": epochs,
        "n_learned": len(material.training_rows),
        "validation": {name: score.mae for name, score in trained.scores.items()} if way.labels else {},
        "validation_r2": {name: score.r2 for name, score in trained.scores.items()} if way.labels else {},
        "r2": method.taught[0]["r2"] if method.taught else None,
    }
    return _encoded(trained.model, problem.tested.table, recipe), about


def _encoded(model: CrystalTransformer, table: StructureTable, recipe: CrystalTransformerRecipe) -> np.ndarray:
    packed = PackedCrystals(table, neighbor_graphs(table, recipe.model.cutoff), np.zeros((len(table), 0)))
    return vectors_of(model, packed, recipe.training, CPU)
