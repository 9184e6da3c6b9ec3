"""The command: ``python -m benchmarks.cross_modal``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks.cross_modal.leak import leaky_rows
from benchmarks.cross_modal.models import scores
from benchmarks.cross_modal.plan import ALL, Case, Plan, seen_by
from benchmarks.cross_modal.quick import quick_plan
from benchmarks.cross_modal.sets import N_FOLDS, SETS, read_set
from benchmarks.cross_modal.source import full_workshop
from benchmarks.cross_modal.store import Store, sorted_rows
from benchmarks.cross_modal.summary import RESULTS, SUMMARY, goals, markdown, summarize
from benchmarks.cross_modal.ways import BEST
from benchmarks.crystals import DATA_ENV
from benchmarks.measure import environment
from benchmarks.options import numbers
from embeddings import load_uae
from embeddings.errors import EmbeddingsError
from embeddings.store.folders import write_text

WAYS_SET = "efe"
"""The set on which every way is compared; on the others the best one is."""

LEAK = f"{BEST}, one generator for all folds (leaks)"


@click.command(epilog="Example: python -m benchmarks.cross_modal --data data")
@click.option("--quick", is_flag=True, help="Made-up formulas and tiny networks: shows that it runs.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of structures and sets.")
@click.option("--teacher", default="ct-ef-eg", show_default=True, help="Catalog whose network encodes structures.")
@click.option("--set", "names", multiple=True, type=click.Choice(list(SETS)), help="May be repeated; all by default.")
@click.option("--seeds", type=numbers(int), help="a,b,...  [default: three for small sets, else one]")
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), help="Folder for trained encoders.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the results.")
def main(
    quick: bool,
    data: Path | None,
    teacher: str,
    names: tuple[str, ...],
    seeds: tuple[int, ...] | None,
    work: Path | None,
    out: Path | None,
) -> None:
    """Measure composition encoders without leaks. A run that was stopped goes on where it stood."""
    try:
        if quick:
            with TemporaryDirectory() as kept:
                plan, folder = quick_plan(Path(kept)), out
                rows = [row for case in plan.ways(plan.tasks[WAYS_SET]) for row in _rows(plan, case, (0,), (0, 1))]
        else:
            folder = out or RESULTS
            store = Store(folder / "rows.jsonl")
            plan = _plan(data or Path(os.environ.get(DATA_ENV, ".")), teacher, work or folder / "work")
            _measure(plan, names or tuple(SETS), seeds, store)
            rows = store.rows()
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error
    _report(plan, sorted_rows(rows), folder)


def _plan(data: Path, teacher: str, work: Path) -> Plan:
    tasks = {name: read_set(data, name) for name in SETS}
    return Plan(tasks, full_workshop(data / "mp_structures.parquet", teacher, work), load_uae("ct-multi"))


def _measure(plan: Plan, names: Sequence[str], wanted: Sequence[int] | None, store: Store) -> None:
    """Measure what the store does not have."""
    for name in names:
        task = plan.tasks[name]
        seeds = task.seeds if wanted is None else wanted
        for case in plan.ways(task) if name == WAYS_SET else plan.comparison(task):
            for seed in seeds:
                key = {"set": name, "model": case.name, "source": case.source, "seed": seed}
                folds = [fold for fold in range(N_FOLDS) if not store.has(**key, fold=fold)]
                for row in _rows(plan, case, (seed,), folds):
                    store.add(row)
        if name == WAYS_SET:
            _measure_leak(plan, seeds, store)


def _rows(plan: Plan, case: Case, seeds: Sequence[int], folds: Sequence[int]) -> list[dict[str, Any]]:
    """Return a row for each seed and fold of a case."""
    seen = seen_by(case.task.groups, plan.workshop.lessons.formulas)
    rows, started = [], time.process_time()
    for seed in seeds:
        fold_of_row = case.task.folds(seed)
        for fold in folds:
            tested = fold_of_row == fold
            predicted = case.model(case.task, tested, seed)
            key = {"set": case.task.name, "model": case.name, "source": case.source, "seed": seed, "fold": fold}
            rows.append(key | scores(case.task, tested, predicted, seen))
    if rows:
        mean = np.mean([row["score"] for row in rows])
        spent = time.process_time() - started
        click.echo(f"{case.task.name}, {case.name}, {case.source}: {mean:.4g}, {spent:.0f} s of processor", err=True)
    return rows


def _measure_leak(plan: Plan, seeds: Sequence[int], store: Store) -> None:
    task = plan.tasks[WAYS_SET]
    seen = seen_by(task.groups, plan.workshop.lessons.formulas)
    for seed in seeds:
        key = {"set": task.name, "model": LEAK, "source": ALL, "seed": seed}
        if not store.has(**key, fold=N_FOLDS - 1):
            for row in leaky_rows(task, plan.workshop.encoder(BEST), seen, seed):
                store.add(key | row)


def _report(plan: Plan, rows: list[dict[str, Any]], folder: Path | None) -> None:
    """Print the tables and write the summary."""
    summary = summarize(rows)
    for name in dict.fromkeys(row["set"] for row in summary):
        click.echo(f"\n{name}\n\n{markdown(summary, name)}")
    overlap = {
        name: {
            "rows": len(task.values),
            "unreadable rows": task.n_unreadable,
            "formulas": len(set(task.groups)),
            "in the source": int(np.isin(np.unique(task.groups), source).sum()),
        }
        for source in [plan.workshop.lessons.formulas]
        for name, task in plan.tasks.items()
    }
    result = {
        "settings": {"source": plan.workshop.source, "recipe": plan.workshop.recipe.to_dict()},
        "environment": environment(),
        "overlap": overlap,
        "goals": goals(summary, BEST, "e: nothing"),
        "summary": summary,
    }
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / SUMMARY, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
