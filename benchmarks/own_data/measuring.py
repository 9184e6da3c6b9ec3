"""A few hundred crystals: every way learns from the same ones and is tested on the same ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.data import crystal_recipe
from benchmarks.harness import Request, Row, refuse_other_settings
from benchmarks.options import check_there
from builders.learning.devices import limit_threads
from builders.learning.folds import deal
from builders.learning.material import Material
from builders.learning.ridge import fit_ridge
from builders.learning.splits import split_by_formula
from builders.learning.targets import Scaler, labels_of, unit_of
from builders.methods.base import Run
from builders.methods.crystal_transformer.batches import PackedCrystals
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from builders.methods.crystal_transformer.method import CrystalTransformerMethod, assemble
from builders.methods.crystal_transformer.model import CrystalTransformer
from builders.methods.crystal_transformer.predicting import predict
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe
from builders.methods.crystal_transformer.tuning import tune
from builders.progress import Reporter
from builders.structures.cleaning import clean
from builders.structures.equivalent import reduced_neighbors
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import StructureTable, read_structure_table
from embeddings import load_uae
from embeddings.errors import InputInvalid
from embeddings.store.roots import resolve
from testing.crystals import sample_crystals, structure_table

INIT = "ct-multi@3.0.0"
N_TEST = 500
CPU = torch.device("cpu")

SETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "aflow": ("aflow.parquet", ("bulk_modulus", "shear_modulus", "debye_temperature")),
    "perovskites": ("cmr_perovskites.parquet", ("formation_energy_per_cell", "band_gap_gllbsc")),
}
"""Name -> file and targets. AFLOW: 10.1103/PhysRevB.90.174107; perovskites: 10.1039/C2EE22341D."""

QUICK = ("formation_energy_per_atom",)

LONGER = 3
"""A new network is trained for so many times the epochs of one that goes on."""


@dataclass(frozen=True)
class Draw:
    """Structures to learn from, and structures to test on.

    Attributes:
        training: with labels.
        test: with labels, which nobody is shown.
        targets: what is learned.
        seed: of the draw, and of every choice.
    """

    training: StructureTable
    test: StructureTable
    targets: tuple[str, ...]
    seed: int

    def material(self, *, held_out: bool) -> Material:
        """Return what a build would learn from."""
        formulas, n = reduced_formulas_of(self.training), len(self.training)
        parts = (np.arange(n), np.arange(0))
        if held_out:
            parts = split_by_formula(formulas, validation_fraction=0.1, seed=self.seed, keep_elements=True)
        return Material(self.training, formulas, {}, self.targets, *parts)


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure every way on every draw of a set.

    Args:
        request: of the harness; quick are 24 crystals that are made up, and one epoch.
        name: out of `SETS`.

    Returns:
        ``settings``, ``draws`` (what the network had seen of each), and ``rows``: an error for each way, target, seed.

    Raises:
        InputInvalid: the data are not there, or the earlier result is of other settings.
    """
    limit_threads()
    n, n_seeds = (24, 1) if request.quick else (request.choices["structures"], request.choices["seeds"])
    n_test = 24 if request.quick else N_TEST
    targets = list(QUICK if request.quick else SETS[name][1])
    settings = {"init": INIT, "n_structures": n, "n_test": n_test, "targets": targets}
    refuse_other_settings(request.known, settings)
    rows = request.rows
    result: dict[str, Any] = {"settings": settings, "draws": {}, "rows": rows}
    table = _everything(name, request)
    for seed in range(n_seeds):
        draw = drawn(table, tuple(targets), n=n, n_test=n_test, seed=seed)
        result["draws"][str(seed)] = _overlap(draw)
        for way in request.choices["ways"]:
            if not any((row["way"], row["seed"]) == (way, seed) for row in rows):
                rows += _measured(draw, way, quick=request.quick)
                request.keep(result)
    return result


def _everything(name: str, request: Request) -> StructureTable:
    if request.quick:
        crystals, labels = sample_crystals(120)
        return structure_table(crystals, **{target: labels[target] for target in QUICK})
    file, targets = SETS[name]
    path = request.data / file
    check_there(path)
    table = clean(read_structure_table(path))[0]
    known = np.isfinite(labels_of(table, targets)).all(axis=1)
    return table.take(np.flatnonzero(known))


def drawn(table: StructureTable, targets: tuple[str, ...], *, n: int, n_test: int, seed: int) -> Draw:
    """Draw formulas, with all of their structures, until there are enough to learn from, and enough others to test on.

    Args:
        table: to draw from; structures of elements that the network does not know are left out.
        targets: that are learned.
        n: structures to learn from, at most.
        n_test: structures to test on, at most.
        seed: of the draw.
    """
    table = table.take(np.flatnonzero(read_crystal_encoder(resolve(INIT)).covers(table)))
    formulas = np.array(reduced_formulas_of(table), dtype=object)
    distinct = np.unique(formulas)
    place = dict(zip(np.random.default_rng(seed).permutation(distinct), range(len(distinct)), strict=True))
    order = np.argsort([place[formula] for formula in formulas], kind="stable")
    training = order[:n]
    others = order[n:][~np.isin(formulas[order[n:]], formulas[training])]
    return Draw(table.take(training), table.take(others[:n_test]), targets, seed)


def _overlap(draw: Draw) -> dict[str, int]:
    catalog = load_uae(INIT)
    mine, tested = (sorted(set(reduced_formulas_of(part))) for part in (draw.training, draw.test))
    return {
        "n_formulas": len(mine),
        "n_seen": len(catalog.overlap(mine)),
        "n_test_formulas": len(tested),
        "n_test_seen": len(catalog.overlap(tested)),
    }


def _measured(draw: Draw, way: str, *, quick: bool) -> list[Row]:
    started = time.process_time()
    predicted = PREDICTED[way](draw, 1 if quick else None)
    seconds = round(time.process_time() - started, 1)
    actual = labels_of(draw.test, draw.targets)
    formulas = reduced_formulas_of(draw.test)
    unseen = ~np.isin(formulas, load_uae(INIT).overlap(formulas))
    errors = np.abs(predicted - actual)
    return [
        {
            "way": way,
            "seed": draw.seed,
            "target": target,
            "unit": unit_of(draw.test, target),
            "mae": float(errors[:, k].mean()),
            "mae_unseen": float(errors[unseen, k].mean()) if unseen.any() else None,
            "n_unseen": int(unseen.sum()),
            "cpu_seconds": seconds,
        }
        for k, target in enumerate(draw.targets)
    ]


def _mean(draw: Draw, epochs: int | None) -> np.ndarray:
    return np.tile(labels_of(draw.training, draw.targets).mean(axis=0), (len(draw.test), 1))


def _frozen(draw: Draw, epochs: int | None) -> np.ndarray:
    encoder, labels = read_crystal_encoder(resolve(INIT)), labels_of(draw.training, draw.targets)
    scaler = Scaler.fit(labels, np.arange(len(labels)))
    weights, biases = fit_ridge(encoder.encode(draw.training).astype(np.float64), scaler.transform(labels))
    return (encoder.encode(draw.test) @ weights.T + biases) * scaler.std + scaler.mean


def _recipe(draw: Draw, epochs: int | None) -> CrystalTransformerRecipe:
    return crystal_recipe("ct-all").with_options(targets=draw.targets, seed=draw.seed, epochs=epochs)


def _run(draw: Draw) -> Run:
    return Run("benchmark", draw.seed, CPU, None, Reporter(quiet=True))


def _scratch(draw: Draw, epochs: int | None) -> np.ndarray:
    recipe, run = _recipe(draw, epochs), _run(draw)
    method = CrystalTransformerMethod(recipe, device=CPU)
    trained = method.train(method.prepare(draw.material(held_out=True), run), run)
    scaler = trained.task.scaler
    packed = _packed(draw.test, recipe)
    found = predict(trained.model, packed, np.arange(len(packed)), recipe.training, CPU)
    return found * scaler.std + scaler.mean


def _scratch_on_folds(draw: Draw, epochs: int | None) -> np.ndarray:
    """A new network in the place of the published one, all else equal, and longer."""
    recipe = _going_on("all", draw, epochs)
    longer = replace(recipe.training, epochs=recipe.training.epochs * LONGER)
    material, run = draw.material(held_out=False), _run(draw)
    lessons = assemble(material, recipe, run.reporter)
    network = CrystalTransformer(recipe.model, n_targets=0)
    network.load_state_dict({k: v for k, v in lessons.model.state_dict().items() if not k.startswith("heads.")})
    tuning = recipe.tuning
    if tuning is None:
        raise InputInvalid("A recipe that goes on says how.")
    folds = deal(material.formulas, n_folds=tuning.n_folds, n_rounds=tuning.n_rounds, seed=draw.seed)
    tuned = tune(network, lessons.task, folds, longer, tuning, run)
    return tuned.predict(lessons.task, _packed(draw.test, recipe), longer, CPU)


def _going_on(how: Any, draw: Draw, epochs: int | None) -> CrystalTransformerRecipe:
    return _recipe(draw, None).going_on(how).with_options(epochs=epochs)


def _init(how: str) -> Callable[[Draw, int | None], np.ndarray]:
    def predicted(draw: Draw, epochs: int | None) -> np.ndarray:
        recipe, run = _going_on(how, draw, epochs), _run(draw)
        method = CrystalTransformerMethod(recipe, device=CPU, init=Path(resolve(INIT)))
        lessons = method.prepare(draw.material(held_out=False), run)
        method.train(lessons, run)
        going_on = method.going_on
        if going_on is None or going_on.tuned is None:
            raise InputInvalid(f"{INIT} did not go on.")
        return going_on.tuned.predict(lessons.task, _packed(draw.test, recipe), recipe.training, CPU)

    return predicted


def _packed(table: StructureTable, recipe: CrystalTransformerRecipe) -> PackedCrystals:
    return PackedCrystals(
        table, reduced_neighbors(table, recipe.model.cutoff, recipe.rounds), np.zeros((len(table), 0))
    )


PREDICTED: Mapping[str, Callable[[Draw, int | None], np.ndarray]] = {
    "mean": _mean,
    "frozen": _frozen,
    "scratch": _scratch,
    "scratch-folds": _scratch_on_folds,
    "init": _init("all"),
    "init-last": _init("last"),
    "init-adapter": _init("adapter"),
}
