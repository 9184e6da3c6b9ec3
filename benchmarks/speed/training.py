"""Crystals trained on in a second: our loop in both geometries against a plain one on the same data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.data import CrystalFile, crystal_files, sample
from benchmarks.harness import Request
from benchmarks.measure import at_least, in_turn
from benchmarks.speed.baseline import CrystalDataset, PlainTransformer, plain_epochs
from builders.learning.devices import choose_device
from builders.learning.material import Material
from builders.learning.splits import split_by_formula
from builders.learning.targets import Scaler, derive_targets, labels_of
from builders.methods.base import Run
from builders.methods.crystal_transformer.config import Geometry
from builders.methods.crystal_transformer.method import assemble
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe as Recipe
from builders.methods.crystal_transformer.training import Task, train
from builders.progress import Reporter, Stage
from builders.structures.cleaning import drop_unlabelled
from builders.structures.formulas import reduced_formulas_of

N_CRYSTALS = 4_000
GEOMETRIES: tuple[Geometry, ...] = ("periodic", "cartesian")
BASELINE = "plain baseline"
LEAST_RATIO = 3.0


@dataclass(frozen=True)
class Case:
    """A way to train.

    Attributes:
        prepare_seconds: what came before the first epoch, once for a build.
        epoch: trains a new network for two epochs and returns the seconds of the second.
    """

    prepare_seconds: float
    epoch: Callable[[], float]


class EpochClock(Reporter, Stage):
    """A reporter, and its one stage: times the steps of each epoch, without the validation and checkpoint between."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.seconds: list[float] = []
        self._started = self._latest = 0.0

    @contextmanager
    def stage(self, name: str, total: int, *, done: int = 0) -> Iterator[Stage]:
        """Time this stage."""
        self._started = time.perf_counter()
        yield self

    def advance(self, n: int = 1) -> None:
        """Note the end of a step."""
        self._latest = time.perf_counter()

    def milestone(self, text: str) -> None:
        """Close an epoch."""
        self.seconds.append(self._latest - self._started)
        self._started = time.perf_counter()


def run(request: Request) -> dict[str, Any]:
    """Train on a sample of each file that is there, every case in turn; the first epoch of each only warms up."""
    files, notes = crystal_files(request.data)
    device = choose_device("auto")
    n_crystals, n_rounds = (64, 1) if request.quick else (N_CRYSTALS, 3)
    rows = [row for file in files for row in _rows_of(file, n_crystals, n_rounds, device)]
    ours = [row for row in rows if row["case"] != BASELINE]
    return {
        "title": "Training, crystals in a second",
        "rows": rows,
        "goals": [at_least(f"{row['data']}, {row['case']}, ratio", row["ratio"], LEAST_RATIO) for row in ours],
        "notes": [
            f"Second epoch of a training on {device.type} with {torch.get_num_threads()} threads, all cases in turn, "
            f"rounds: {n_rounds}; the time to prepare comes on top, once for a build.",
            *notes,
        ],
    }


def _rows_of(file: CrystalFile, n_crystals: int, n_rounds: int, device: torch.device) -> list[dict[str, Any]]:
    recipe = replace(file.recipe, training=replace(file.recipe.training, epochs=2, augment=0.0))
    material = _material(recipe, file, n_crystals)
    cases: dict[str, Case] = {name: _own_case(material, recipe, name, device) for name in GEOMETRIES}
    cases[BASELINE] = _plain_case(material, recipe, device)
    seconds = in_turn({name: case.epoch for name, case in cases.items()}, n_rounds)
    n_rows = len(material.training_rows)
    common = {"data": file.name, "crystals": n_rows, "longest": int(material.table.n_sites.max())}
    return [
        common | {"case": name} | _rates(n_rows, seconds[name], seconds[BASELINE]) | {"prepare_s": case.prepare_seconds}
        for name, case in cases.items()
    ]


def _rates(n_rows: int, seconds: list[float], baseline_seconds: list[float]) -> dict[str, float]:
    """Return crystals in a second, and the median over the rounds of how many times faster than the baseline."""
    rates = [n_rows / taken for taken in seconds]
    ratios = [baseline / taken for taken, baseline in zip(seconds, baseline_seconds, strict=True)]
    return {
        "median_per_s": median(rates),
        "lowest_per_s": min(rates),
        "highest_per_s": max(rates),
        "ratio": median(ratios),
    }


def _material(recipe: Recipe, file: CrystalFile, n_crystals: int) -> Material:
    drawn = derive_targets(sample(file.path, n_crystals, max_sites=recipe.max_sites), recipe.targets)
    table, dropped = drop_unlabelled(drawn, recipe.targets)
    formulas = reduced_formulas_of(table)
    training_rows, validation_rows = split_by_formula(formulas, validation_fraction=0.05, seed=recipe.seed)
    return Material(table, formulas, dropped, recipe.targets, training_rows, validation_rows)


def _own_case(material: Material, recipe: Recipe, geometry: Geometry, device: torch.device) -> Case:
    recipe = replace(recipe, model=replace(recipe.model, geometry=geometry))
    started = time.perf_counter()
    task = assemble(material, recipe, Reporter(quiet=True)).task
    return Case(time.perf_counter() - started, partial(_own_epoch, task, recipe, device))


def _own_epoch(task: Task, recipe: Recipe, device: torch.device) -> float:
    torch.manual_seed(recipe.seed)
    model, clock = CrystalTransformer(recipe.model, len(recipe.targets)), EpochClock()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        train(model, task, recipe.training, Run("benchmark", recipe.seed, device, checkpoint, clock))
    return clock.seconds[-1]


def _plain_case(material: Material, recipe: Recipe, device: torch.device) -> Case:
    started = time.perf_counter()
    labels = labels_of(material.table, material.targets)
    labels = Scaler.fit(labels, material.training_rows).transform(labels)
    dataset = CrystalDataset(material.table, labels, material.training_rows)
    return Case(time.perf_counter() - started, partial(_plain_epoch, dataset, recipe, device))


def _plain_epoch(dataset: CrystalDataset, recipe: Recipe, device: torch.device) -> float:
    torch.manual_seed(recipe.seed)
    model = PlainTransformer(recipe.model, len(recipe.targets))
    return plain_epochs(model, dataset, recipe.training, device)[-1]
