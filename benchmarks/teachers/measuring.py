"""Networks that were taught, and their teacher: what heads make of the vectors of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import MATERIALS_PROJECT, crystal_recipe
from benchmarks.harness import Request, Row, refuse_other_settings
from benchmarks.teachers.heads import N_TREES, predicted
from benchmarks.teachers.learning import learn
from benchmarks.teachers.phonons import examined_phonons
from benchmarks.teachers.problem import AFLOW, TARGETS, Problem, Sizes, read_problem
from benchmarks.teachers.tables import JOINED, OWN
from benchmarks.teachers.ways import WAYS
from builders.learning.devices import limit_threads
from builders.perturb.job import PerturbRequest, perturb
from builders.progress import Reporter
from builders.sources import SourceOptions
from embeddings.cli import main
from embeddings.errors import InputInvalid
from testing.crystals import arrow_table, sample_crystals, write_sample
from testing.potentials import AnsweringToy

RECIPE, BATCH_SIZE = "ct-multi", 32
"""What is learned, in small batches: a few thousand crystals make few of them."""

MAX_SITES = 24
"""Of a crystal that is learned from; those of AFLOW have 10 on average, and large ones take most of the time."""

N_TRAINING, N_TEST = 2400, 600

N_PARTS = 20
"""Of the test rows, drawn at random: the error of each is kept, so that ways can be compared in pairs."""

TEACHER, MEAN = "teacher", "mean"
"""Ways without a network: the teacher's vectors, and the mean of the training rows."""


def run(request: Request, *, ways: Sequence[str], on_phonons: bool = False) -> dict[str, Any]:
    """Measure every way with every seed, beside the teacher.

    Args:
        request: of the harness; quick are made-up crystals, a packaged network for a teacher and one epoch.
        ways: of the case, out of `benchmarks.teachers.ways.WAYS`; of these, those that the request asks for.
        on_phonons: test the phonons of MatBench in place of AFLOW, whose formulas are not learned from either way.

    Returns:
        ``settings``, ``trainings`` (what is told of each network) and ``rows``: an error for each way, seed, vectors
        and target.

    Raises:
        InputInvalid: the data or a file are not there, or the earlier result is of other settings.
    """
    limit_threads()
    needs_copies = any(WAYS[way].copies for way in ways)
    with _given(request, needs_copies=needs_copies) as given:
        epochs = 1 if request.quick else request.choices["epochs"]
        recipe = crystal_recipe(RECIPE).with_options(
            epochs=epochs, targets=("formation_energy_per_atom", "band_gap") if request.quick else None
        )
        recipe = replace(recipe, training=replace(recipe.training, batch_size=BATCH_SIZE))
        problem = read_problem(
            given.data, given.teacher, given.tested, recipe.targets, _sizes(request), copies=given.copies
        )
        if on_phonons and not request.quick:
            problem = replace(problem, tested=examined_phonons(given.data, problem.material))
        settings = _settings(problem, epochs)
        refuse_other_settings(request.known, settings)
        known = request.known or {"trainings": [], "rows": []}
        result: dict[str, Any] = {name: list(known[name]) for name in ("trainings", "rows")} | {"settings": settings}
        if not result["rows"]:
            result["rows"] = _mean(problem)
            if problem.tested.vectors is not None:
                result["rows"] += _measured(problem, problem.tested.vectors, TEACHER, 0, OWN)
            request.keep(result)
        seeds = range(1 if request.quick else request.choices["seeds"])
        for seed, way in product(seeds, _asked(ways, request)):
            if not any((row["way"], row["seed"]) == (way, seed) for row in result["rows"]):
                vectors, about = learn(problem, recipe, WAYS[way], seed)
                result["trainings"].append({"way": way, "seed": seed} | about)
                result["rows"] += _measured(problem, vectors, way, seed, OWN)
                if not needs_copies and problem.tested.vectors is not None:
                    joined = np.hstack([vectors, problem.tested.vectors])
                    result["rows"] += _measured(problem, joined, way, seed, JOINED)
                request.keep(result)
        return result


def _asked(ways: Sequence[str], request: Request) -> list[str]:
    """Return the ways of a case that are asked for; without a choice, all of them."""
    chosen = request.choices.get("ways") or ways
    return [way for way in ways if way in chosen]


def _sizes(request: Request) -> Sizes:
    if request.quick:
        return Sizes(60, MAX_SITES, 20, 20)
    return Sizes(request.choices["structures"], MAX_SITES, N_TRAINING, N_TEST)


def _settings(problem: Problem, epochs: int) -> dict[str, Any]:
    material, tested = problem.material, problem.tested
    copied = {} if problem.copied is None else problem.copied.told()
    return {
        "teacher": problem.name,
        "recipe": RECIPE,
        "epochs": epochs,
        "batch_size": BATCH_SIZE,
        "max_sites": MAX_SITES,
        "n_learned": len(material.training_rows),
        "n_held_out": len(material.validation_rows),
        "labels": list(material.targets),
        "n_training": len(tested.training_rows),
        "n_test": len(tested.test_rows),
        "n_trees": N_TREES,
        "targets": tested.targets,
    } | copied


class Given(NamedTuple):
    """What is measured with.

    Attributes:
        data: folder of the structures.
        teacher: vectors of what is learned from.
        tested: vectors of what is tested, by the same encoder.
        copies: of what is learned from; None where no way needs them.
    """

    data: Path
    teacher: Path
    tested: Path
    copies: Path | None


@contextmanager
def _given(request: Request, *, needs_copies: bool) -> Iterator[Given]:
    """Yield the files that are measured with; quick ones are made up."""
    if request.quick:
        with TemporaryDirectory() as folder:
            yield made_up(Path(folder), with_copies=needs_copies)
        return
    teacher, tested, copies = (request.choices.get(name) for name in ("teacher", "tested", "copies"))
    if teacher is None or tested is None:
        raise InputInvalid(
            f"Name the vectors of a teacher: --teacher for those of {MATERIALS_PROJECT}, --tested for those of "
            f"{AFLOW}. Make both with: embeddings embed --encoder chgnet"
        )
    if needs_copies and copies is None:
        raise InputInvalid(
            f"Name copies of structures of {MATERIALS_PROJECT} with --copies. Make them with: embeddings perturb"
        )
    yield Given(request.data, teacher, tested, copies if needs_copies else None)


def made_up(folder: Path, *, with_copies: bool = False) -> Given:
    """Return files of crystals that nobody found, in an empty folder."""
    write_sample(folder / MATERIALS_PROJECT, 80)
    crystals, labels = sample_crystals(80, 1)
    values = pa.array(np.exp(labels["formation_energy_per_atom"]))
    pq.write_table(arrow_table(crystals, **dict.fromkeys(TARGETS, values)), folder / AFLOW)
    found = []
    for name in (MATERIALS_PROJECT, AFLOW):
        found.append(folder / f"vectors-{name}")
        main(["embed", "--catalog", "starter", "--source", "table", "--path", str(folder / name), "-o", str(found[-1]),
              "--quiet"], standalone_mode=False)  # fmt: skip
    return Given(folder, found[0], found[1], _made_up_copies(folder) if with_copies else None)


def _made_up_copies(folder: Path) -> Path:
    out = folder / "copies.parquet"
    request = PerturbRequest(
        AnsweringToy, out, n_copies=3, work=folder / "work", source="table",
        options=SourceOptions(path=folder / MATERIALS_PROJECT),
    )  # fmt: skip
    perturb(request, Reporter(quiet=True))
    return out


def _mean(problem: Problem) -> list[Row]:
    tested = problem.tested
    said = np.tile(tested.values[tested.training_rows].mean(axis=0), (len(tested.test_rows), 1))
    return _rows(problem, said, [MEAN] * len(tested.targets), MEAN, 0, OWN)


def _measured(problem: Problem, features: np.ndarray, way: str, seed: int, vectors: str) -> list[Row]:
    rows = _rows(problem, *predicted(features, problem.tested), way, seed, vectors)
    told = ", ".join(f"{row['target']} {row['mae']:.4f} ({row['head']})" for row in rows)
    click.echo(f"{way}, seed {seed}, {vectors}: {told}", err=True)
    return rows


def _rows(problem: Problem, said: np.ndarray, heads: list[str], way: str, seed: int, vectors: str) -> list[Row]:
    errors = np.abs(said - problem.tested.values[problem.tested.test_rows])
    parts = np.array([part.mean(axis=0) for part in np.array_split(errors, min(N_PARTS, len(errors)))])
    return [
        {
            "way": way,
            "seed": seed,
            "vectors": vectors,
            "target": target,
            "head": heads[k],
            "mae": round(float(errors[:, k].mean()), 6),
            "parts": parts[:, k].round(5).tolist(),
        }
        for k, target in enumerate(problem.tested.targets)
    ]
