"""One set: `embeddings.bench.compare` as a user calls it, and the floors in the same folds, seed by seed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.bench.figures import figures_of, fold_rows
from benchmarks.bench.floors import N_TREES, SHARE, with_floors
from benchmarks.bench.problem import (
    chosen_vectors,
    code_identity,
    described,
    measured_set,
    quick_set,
    seeds_of,
    split_of,
)
from benchmarks.harness import Request, refuse_other_settings
from benchmarks.measure import environment
from embeddings.bench import compare
from embeddings.bench.findings import with_nested
from embeddings.bench.heads import HEADS
from embeddings.bench.measurements import Measurements
from embeddings.bench.report import Report

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

QUICK = {"heads": ("neighbors",), "catalogs": ("starter",), "budget": 60.0, "n_trees": 5}


@dataclass(frozen=True)
class Task:
    """What is measured, and with what.

    Attributes:
        data: the rows.
        vectors: name -> catalog or encoder.
        budget: seconds of each run.
        heads: models that take part; None for all.
        work: folder that keeps what forests predicted; None keeps nothing.
        n_trees: of each forest.
    """

    data: Measurements
    vectors: Mapping[str, Vectors]
    budget: float
    heads: tuple[str, ...] | None
    work: Path | None
    n_trees: int = N_TREES

    @property
    def settings(self) -> dict[str, Any]:
        """What all seeds share."""
        return {
            "catalogs": described(self.vectors),
            "budget": self.budget,
            "heads": list(HEADS if self.heads is None else self.heads),
            "split": split_of(self.data),
            "n_rows": len(self.data),
            "floors": {"n_trees": self.n_trees, "max_features": SHARE},
        }


def run(request: Request, *, target: str) -> dict[str, Any]:
    """Measure a set; seeds of an earlier result are not measured again.

    Args:
        request: of the harness; quick is a made-up set of this name, and one seed.
        target: a key of `SETS`.

    Returns:
        ``settings``, ``runs`` (one for each seed: seconds, whether cut, figures of all contenders, probabilities) and
        ``rows`` (one for each seed, contender and outer fold).

    Raises:
        InputInvalid: the data are not there, or the earlier result was measured with other settings.
        CatalogNotFound: no catalog goes by a name.
    """
    if request.quick:
        request = replace(request, choices={"seeds": (0,), "work": None} | QUICK)
    chosen = request.choices
    data = quick_set(target) if request.quick else measured_set(request.data, target)
    options = {name: chosen[name] for name in ("budget", "heads", "work", "n_trees") if name in chosen}
    task = Task(data, chosen_vectors(chosen["catalogs"]), **options)
    settings = task.settings
    refuse_other_settings(request.known, settings)
    known = request.known or {"runs": [], "rows": []}
    result = {"settings": settings, "runs": list(known["runs"]), "rows": list(known["rows"])}
    for seed in chosen["seeds"] or seeds_of(data):
        if seed not in {run["seed"] for run in result["runs"]}:
            made, rows = measure(task, seed)
            result["runs"].append(made)
            result["rows"] += rows
            request.keep(result)
    return result


def measure(task: Task, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what one run came to, and a row for each contender and outer fold."""
    machine, started = environment(), time.monotonic()
    report = compare(
        task.data,
        catalogs=list(task.vectors.values()),
        split=split_of(task.data),
        budget=task.budget,
        seed=seed,
        heads=task.heads,
    )
    if report.was_stopped:
        raise KeyboardInterrupt
    seconds = time.monotonic() - started
    contest = with_nested(report.evidence.contest, task.vectors)
    contest = with_floors(contest, seed=seed, work=task.work, n_trees=task.n_trees)
    run = {"seed": seed, "seconds": round(seconds, 1), **_course(report), "code": code_identity(), "machine": machine}
    run |= figures_of(contest, report.evidence.findings, task.vectors)
    click.echo(f"{task.data.target}, seed {seed}: {seconds:.0f} s", err=True)
    return run, [{"seed": seed} | row for row in fold_rows(contest)]


def _course(report: Report) -> dict[str, Any]:
    """Return how the run went."""
    evidence = report.evidence
    return {
        "was_cut": evidence.contest.was_cut,
        "n_folds": len(evidence.contest.folds),
        "n_folds_planned": evidence.plan.n_folds,
        "n_set_aside": len(evidence.data.set_aside),
    }
