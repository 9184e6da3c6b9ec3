"""One table of element vectors: each choice of statistics under the same models, rows and folds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import click
import numpy as np

from benchmarks.downstream.vectors import NamedVectors
from benchmarks.harness import Request, Row, refuse_other_settings
from benchmarks.pooling import PROPERTIES
from benchmarks.sets import N_FOLDS, SETS, TargetSet, read_set
from embeddings import load_uae
from embeddings.bench.candidates import absolute_error, log_loss
from embeddings.bench.features import PROPERTY_STATS, properties
from embeddings.bench.heads import HEADS
from embeddings.elements import SYMBOLS
from embeddings.formula import fraction_matrix
from embeddings.pooling import featurize

CHOICES = (
    ("mean",),
    ("mean", "std"),
    ("mean", "min", "max"),
    ("mean", "std", "min", "max"),
)
"""Statistics to choose from, the narrowest first."""

MAX_ROWS = 1_000
"""Rows of a larger set that are used, formula by formula."""

SMALL = 900
"""Sets of fewer rows are dealt into folds twice."""

N_TESTED = 3
"""Of the folds, so many are tested; the others are trained on only."""

KEYS = ("set", "stats", "head", "seed")
"""What a row is of."""


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure every choice of statistics on every set.

    Args:
        request: of the harness; quick are two choices, and 30 formulas that are made up.
        name: of a catalog, or `PROPERTIES`.

    Returns:
        ``settings``, ``sets`` (how much is used of each), and ``rows``: the error of each set, choice, head and seed.

    Raises:
        InputInvalid: the data are not there, or the earlier result is of other settings.
    """
    vectors = _vectors(name)
    choices = CHOICES[:2] if request.quick else CHOICES
    tasks = [_made_up()] if request.quick else [sample(read_set(request.data, one)) for one in SETS]
    settings = {"vectors": vectors.name, "max_rows": MAX_ROWS, "n_folds": N_FOLDS, "n_tested": N_TESTED}
    refuse_other_settings(request.known, settings)
    rows = request.rows
    about = [{"set": one.name, "rows": len(one.values), "formulas": len(set(one.groups))} for one in tasks]
    result = {"settings": settings, "sets": about, "rows": rows}
    done = {tuple(row[key] for key in KEYS) for row in rows}
    for head, task in product(request.choices["heads"], tasks):
        for stats, seed in product(choices, _seeds(task)):
            if (task.name, ",".join(stats), head, seed) not in done:
                rows.append(measure(task, vectors, stats, head, seed=seed))
        request.keep(result)
    return result


def measure(task: TargetSet, vectors: NamedVectors, stats: Sequence[str], head: str, *, seed: int) -> Row:
    """Return the errors of one head on one choice of statistics, fold by fold; no formula is on both sides."""
    started = time.process_time()
    features = featurize(task.formulas, vectors, stats=stats, missing="impute", dtype=np.float64)
    folds, values = task.folds(seed), task.values.astype(float)
    error = log_loss if task.is_class else absolute_error
    errors = []
    for tested in (folds == fold for fold in range(N_TESTED)):
        make = HEADS[head].classifier if task.is_class else HEADS[head].regressor
        model = make(seed, int((~tested).sum())).fit(features[~tested], values[~tested])
        predicted = (model.predict_proba if task.is_class else model.predict)(features[tested])
        errors.append(float(error(predicted.reshape(len(predicted), -1), values[tested])))
    seconds = time.process_time() - started
    click.echo(f"{task.name}, {','.join(stats)}, {head}: {np.mean(errors):.4g}, {seconds:.1f} s", err=True)
    head_of_row = dict(zip(KEYS, (task.name, ",".join(stats), head, seed), strict=True))
    return head_of_row | {"errors": errors, "seconds": round(seconds, 2)}


def sample(task: TargetSet, n_rows: int = MAX_ROWS) -> TargetSet:
    """Return the rows of formulas that are drawn at random, at most so many, without official folds."""
    distinct, formula_of_row, counts = np.unique(task.groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(0).permutation(len(distinct))
    drawn = order[np.cumsum(counts[order]) <= n_rows]
    kept = np.isin(formula_of_row, drawn)
    return replace(task, formulas=task.formulas[kept], values=task.values[kept], official=None)


def _seeds(task: TargetSet) -> tuple[int, ...]:
    return (0, 1) if len(task.values) < SMALL else (0,)


def _vectors(name: str) -> NamedVectors:
    """Return a catalog, or the properties of the elements, as vectors."""
    if name != PROPERTIES:
        catalog = load_uae(name)
        return NamedVectors(f"{catalog.name}@{catalog.version}", catalog.atomic_numbers, catalog.vectors)
    pooled = properties(fraction_matrix(list(SYMBOLS)))  # of an element alone, whose mean is its value
    return NamedVectors(name, np.arange(1, len(SYMBOLS) + 1), pooled[:, : pooled.shape[1] // len(PROPERTY_STATS)])


def _made_up() -> TargetSet:
    formulas = np.array([f"{metal}{other}{n}" for metal, other, n in _binaries()], dtype=object)
    return TargetSet("made up", formulas, np.arange(len(formulas), dtype=float), None)


def _binaries() -> Iterator[tuple[str, str, int]]:
    return product(("Na", "K", "Rb", "Cs", "Li"), ("F", "Cl", "Br"), (1, 2))
