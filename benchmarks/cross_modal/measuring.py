"""One set: who is compared on it, fold by fold."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks.cross_modal.leak import leaky_rows
from benchmarks.cross_modal.models import scores
from benchmarks.cross_modal.plan import ALL, Contender, Plan, seen_by
from benchmarks.cross_modal.quick import quick_plan
from benchmarks.cross_modal.source import full_workshop
from benchmarks.cross_modal.tables import BEST
from benchmarks.data import MATERIALS_PROJECT
from benchmarks.harness import Request, Row, refuse_other_settings
from benchmarks.sets import N_FOLDS, SETS, TargetSet, read_set
from embeddings import load_uae

WAYS_SET = "efe"
"""The set on which every way is compared; on the others the best one is."""

LEAK = f"{BEST}, one generator for all folds (leaks)"

KEYS = ("set", "model", "source", "seed", "fold")
"""What a row is of."""


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure every contender on a set.

    Args:
        request: of the harness; quick is a made-up set of this name, and two folds.
        name: a key of `SETS`.

    Returns:
        ``settings``, ``overlap`` (of the set and the source) and ``rows``, one for each contender, seed and fold.

    Raises:
        InputInvalid: the data are not there, or the earlier result is of another source or recipe.
    """
    if request.quick:
        with TemporaryDirectory() as folder:
            return measure(quick_plan(Path(folder), name), name, request, seeds=(0,), folds=(0, 1))
    plan = _full_plan(request.data, request.choices["teacher"], request.choices["work"])
    return measure(plan, name, request, seeds=request.choices["seeds"] or plan.tasks[name].seeds)


@lru_cache(maxsize=1)
def _full_plan(data: Path, teacher: str, work: Path) -> Plan:
    """Return the plan that all sets share: each encoder is kept from the formulas of the others of its kind, too."""
    tasks = {name: read_set(data, name) for name in SETS}
    return Plan(tasks, full_workshop(data / MATERIALS_PROJECT, teacher, work), load_uae("ct-multi"))


def measure(
    plan: Plan, name: str, request: Request, *, seeds: Sequence[int], folds: Sequence[int] = range(N_FOLDS)
) -> dict[str, Any]:
    """Return the result of one set of a plan; rows of an earlier result are not measured again."""
    task, formulas = plan.tasks[name], plan.workshop.lessons.formulas
    settings = {"source": plan.workshop.source, "recipe": plan.workshop.recipe.to_dict()}
    refuse_other_settings(request.known, settings)
    rows = request.rows
    result = {"settings": settings, "overlap": _overlap(task, formulas), "rows": rows}
    done = {_key(row) for row in rows}
    every_way = name == WAYS_SET
    for contender in plan.ways(task) if every_way else plan.comparison(task):
        for seed in seeds:
            head = {"set": name, "model": contender.name, "source": contender.source, "seed": seed}
            missing = [head | {"fold": fold} for fold in folds if _key(head | {"fold": fold}) not in done]
            if missing:
                rows += _scored(contender, missing, seen_by(task.groups, formulas))
                request.keep(result)
    if every_way and not request.quick:
        rows += _leaky_rows(plan, task, seeds, done)
    rows.sort(key=lambda row: tuple(map(str, _key(row))))
    return result


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


def _scored(contender: Contender, missing: Iterable[Row], seen: np.ndarray) -> list[Row]:
    """Return the given rows with their figures."""
    task, rows, started = contender.task, [], time.process_time()
    for row in missing:
        tested = task.folds(row["seed"]) == row["fold"]
        predicted = contender.model(task, tested, row["seed"])
        rows.append(row | scores(task, tested, predicted, seen))
    mean, spent = np.mean([row["score"] for row in rows]), time.process_time() - started
    what = f"{task.name}, {contender.name}, {contender.source}"
    click.echo(f"{what}: {mean:.4g}, {spent:.0f} s of processor time", err=True)
    return rows


def _leaky_rows(plan: Plan, task: TargetSet, seeds: Sequence[int], done: set[tuple[Any, ...]]) -> list[Row]:
    seen, rows = seen_by(task.groups, plan.workshop.lessons.formulas), []
    for seed in seeds:
        head = {"set": task.name, "model": LEAK, "source": ALL, "seed": seed}
        if _key(head | {"fold": N_FOLDS - 1}) not in done:
            rows += [head | row for row in leaky_rows(task, plan.workshop.encoder(BEST), seen, seed)]
    return rows


def _overlap(task: TargetSet, source: np.ndarray) -> dict[str, int]:
    return {
        "rows": len(task.values),
        "unreadable rows": task.n_unreadable,
        "formulas": len(set(task.groups)),
        "in the source": int(np.isin(np.unique(task.groups), source).sum()),
    }
