"""A network that learns from labels, from a teacher, or from both; and its vectors of other crystals."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.teachers import ALONE, WAYS
from benchmarks.teachers.problem import SPLIT_SEED, Problem
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


def learn(problem: Problem, recipe: CrystalTransformerRecipe, way: str, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Train a network and encode what is tested.

    Args:
        problem: what is learned from, and what is tested.
        recipe: of the network without a teacher.
        way: out of `WAYS`.
        seed: of the initial weights and the order of the batches.

    Returns:
        The vectors, (n, dim); and what is told of the training: CPU seconds, the error of each label on the crystals
        held out (none where labels were not learned) and R2 of the teacher's vectors there (None without a teacher).
    """
    started, weight = time.process_time(), WAYS[way]
    recipe = replace(recipe, seed=seed, split_seed=SPLIT_SEED)
    if weight is not None:
        recipe = replace(recipe, training=replace(recipe.training, teacher_weight=weight))
    run = Run("benchmark", seed, CPU, None, Reporter(quiet=True))
    method = CrystalTransformerMethod(recipe, device=CPU, teachers=[] if weight is None else [problem.teacher])
    lessons = method.prepare(problem.material, run)
    if way == ALONE:
        lessons.task.crystals.labels[:, : len(problem.material.targets)] = np.nan
    trained = method.train(lessons, run)
    about = {
        "cpu_seconds": round(time.process_time() - started, 1),
        "validation": {} if way == ALONE else {name: score.mae for name, score in trained.scores.items()},
        "r2": method.taught[0]["r2"] if method.taught else None,
    }
    return _encoded(trained.model, problem.tested.table, recipe), about


def _encoded(model: CrystalTransformer, table: StructureTable, recipe: CrystalTransformerRecipe) -> np.ndarray:
    packed = PackedCrystals(table, neighbor_graphs(table, recipe.model.cutoff), np.zeros((len(table), 0)))
    return vectors_of(model, packed, recipe.training, CPU)
