"""How many measurements lie within the intervals that `PropertyModel` gives for formulas that it did not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from benchmarks.bench.problem import REGRESSIONS, measured_set, opened, quick_set
from benchmarks.bench.tables import catalogs_of
from benchmarks.harness import Request
from benchmarks.measure import at_least, at_most
from embeddings.bench.folds import grouped_folds
from embeddings.bench.measurements import Measurements
from embeddings.bench.model import PropertyModel

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

COVERAGE = 0.9
LOW, HIGH = 0.87, 0.93
N_FOLDS = 5
HEADS = ("ridge", "trees")
"""Models that take part if none is named: all of them would take an hour for each large set."""

SEED = 0


def run(request: Request) -> dict[str, Any]:
    """Count what intervals hold, fold by fold; folds of an earlier result are not measured again.

    Args:
        request: of the harness; its choice ``sets`` names some sets, all with numbers if empty.

    Returns:
        ``settings``, ``rows`` (one for each set and fold), ``summary`` (one for each set) and ``goals``.

    Raises:
        InputInvalid: the data are not there, or the earlier result was measured with other settings.
        CatalogNotFound: no catalog goes by a name.
    """
    begun, budget = opened(request, HEADS, coverage=COVERAGE, seed=SEED), request.choices["budget"]
    n_folds = 2 if request.quick else N_FOLDS
    for name in request.choices.get("sets") or (REGRESSIONS[:1] if request.quick else REGRESSIONS):
        data = quick_set(name) if request.quick else measured_set(request.data, name)
        for fold, (train, test) in enumerate(grouped_folds(data.formulas, n_folds, SEED)):
            if (name, fold) not in {(row["set"], row["fold"]) for row in begun.rows}:
                held = _held(data, train, test, begun.vectors, begun.heads, budget)
                begun.rows.append({"set": name, "fold": fold} | held)
                request.keep(_result(begun.settings, begun.rows))
        click.echo(f"{name}: intervals of {n_folds} folds counted", err=True)
    return _result(begun.settings, begun.rows)


def _held(
    data: Measurements, train: np.ndarray, test: np.ndarray, vectors: dict[str, Vectors], heads: Sequence[str],
    budget: float | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the figures of one fold."""
    model = PropertyModel(list(vectors.values()), budget=budget, random_state=SEED, heads=heads, coverage=COVERAGE)
    model.fit_measurements(data.take(train))
    predicted, ends = model.predict(data.spelled[test], return_interval=True)
    values, halves = data.values[test], (ends[:, 1] - ends[:, 0]) / 2
    inside = (ends[:, 0] <= values) & (values <= ends[:, 1])
    _, formula_of, counts = np.unique(data.formulas[test].astype(str), return_inverse=True, return_counts=True)
    return {
        "n": len(test),
        "n_formulas": len(counts),
        "held": float(f"{inside.mean():.6g}"),
        "held_of_formulas": float(f"{np.average(inside, weights=1 / counts[formula_of]):.6g}"),
        "half_width": float(f"{halves.mean():.6g}"),
        "mae": float(f"{np.abs(predicted - values).mean():.6g}"),
        "n_skipped": model.learned_.training.n_skipped,
    }


def _result(settings: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in REGRESSIONS if any(row["set"] == name for row in rows)]
    summary = [_summary(name, [row for row in rows if row["set"] == name]) for name in names]
    goals = [
        goal
        for one in summary
        for goal in (
            at_least(f"{one['set']}, share of formulas held,", one["held, formulas"], LOW),
            at_most(f"{one['set']}, share of formulas held,", one["held, formulas"], HIGH),
        )
    ]
    notes = [
        f"Intervals for {COVERAGE:.0%} of new formulas. Models: {', '.join(settings['heads'])}.",
        f"Vectors: {catalogs_of(settings)}.",
        "All rows of a formula count as one where formulas are counted, as the intervals promise it.",
    ]
    return {"settings": settings, "rows": rows, "summary": summary, "goals": goals, "notes": notes}


def _summary(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def mean(key: str, weights: str) -> float:
        return round(float(np.average([row[key] for row in rows], weights=[row[weights] for row in rows])), 4)

    return {
        "set": name,
        "rows": sum(row["n"] for row in rows),
        "folds": len(rows),
        "held, formulas": mean("held_of_formulas", "n_formulas"),
        "held, rows": mean("held", "n"),
        "mean half width": mean("half_width", "n"),
        "MAE": mean("mae", "n"),
        "left out by the budget": sum(row["n_skipped"] for row in rows),
    }
