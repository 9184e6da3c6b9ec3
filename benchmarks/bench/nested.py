"""Whether the nested estimate of the error is true: beside the error on a third of the formulas that was held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from benchmarks.bench.problem import measured_set, opened, quick_set
from benchmarks.bench.tables import catalogs_of
from benchmarks.harness import Request
from benchmarks.measure import at_most
from embeddings.bench.clock import Clock
from embeddings.bench.contest import CHOSEN, hold_contest
from embeddings.bench.features import FeatureMaker
from embeddings.bench.folds import grouped_folds, outer_folds
from embeddings.bench.measurements import Measurements
from embeddings.bench.model import PropertyModel
from embeddings.bench.trials import Settings

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

SETS = ("steels", "thermal_conductivity")
HEADS = ("ridge", "trees")
"""Models that take part if none is named."""

N_RESAMPLINGS = 20


def run(request: Request) -> dict[str, Any]:
    """Compare estimates with what is held out; resamplings of an earlier result are not measured again.

    Args:
        request: of the harness; its choice ``sets`` names the sets, `SETS` if empty.

    Returns:
        ``settings``, ``rows`` (one for each set and resampling), ``summary`` (one for each set) and ``goals``.

    Raises:
        InputInvalid: the data are not there, or the earlier result was measured with other settings.
        CatalogNotFound: no catalog goes by a name.
    """
    begun, budget = opened(request, HEADS), request.choices["budget"]
    for name in request.choices.get("sets") or (SETS[:1] if request.quick else SETS):
        data = replace(quick_set(name) if request.quick else measured_set(request.data, name), folds=None)
        for k in range(1 if request.quick else N_RESAMPLINGS):
            if (name, k) not in {(row["set"], row["resampling"]) for row in begun.rows}:
                figures = _resampled(data, begun.vectors, begun.heads, budget, seed=k)
                begun.rows.append({"set": name, "resampling": k} | figures)
                request.keep(_result(begun.settings, begun.rows))
                click.echo(f"{name}, resampling {k}: {figures}", err=True)
    return _result(begun.settings, begun.rows)


def _resampled(
    data: Measurements, vectors: Mapping[str, Vectors], heads: Sequence[str], budget: float | None, *, seed: int
) -> dict[str, float]:
    """Return what is expected of two thirds of the formulas, and what comes true on the last."""
    rest, held_out = grouped_folds(data.formulas, 3, seed)[0]
    known, catalogs = data.take(rest), list(vectors.values())
    folds, settings = outer_folds(known, seed=seed), Settings(tuple(heads), seed=seed)
    contest = hold_contest(known, FeatureMaker(vectors), folds, settings=settings, clock=Clock(budget))
    if contest.was_stopped:
        raise KeyboardInterrupt
    model = PropertyModel(catalogs, budget=budget, random_state=seed, heads=heads).fit_measurements(known)
    errors = np.abs(model.predict(data.spelled[held_out]) - data.values[held_out])
    figures = {
        "nested": contest.losses(CHOSEN).mean(),
        "model_estimate": model.learned_.estimate.metrics["mae"],
        "held_out": errors.mean(),
        "standard_error": errors.std(ddof=1) / len(errors) ** 0.5,
    }
    return {name: float(f"{value:.6g}") for name, value in figures.items()}


def _result(settings: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(row["set"] for row in rows)
    summary = [
        _summary(name, estimate, [row for row in rows if row["set"] == name])
        for name in names
        for estimate in ("nested", "model_estimate")
    ]
    goals = [
        at_most(f"{one['set']}, {one['estimate']}, distance of the means in standard errors", abs(one["apart"]), 1.0)
        for one in summary
    ]
    notes = [
        f"Models: {', '.join(settings['heads'])}.",
        f"Vectors: {catalogs_of(settings)}.",
        "The nested estimate is that of embeddings bench, the model's that of PropertyModel; both know two thirds of "
        "the formulas, and the model predicts the others.",
        "Apart is the mean of estimate less held-out error, in standard errors of one held-out third.",
    ]
    return {"settings": settings, "rows": rows, "summary": summary, "goals": goals, "notes": notes}


def _summary(name: str, estimate: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    expected, came, error = (np.array([row[key] for row in rows]) for key in (estimate, "held_out", "standard_error"))
    apart = (expected - came) / error
    return {
        "set": name,
        "estimate": estimate.replace("model_estimate", "of the model"),
        "resamplings": len(rows),
        "mean estimate": round(float(expected.mean()), 4),
        "mean held-out error": round(float(came.mean()), 4),
        "apart": round(float(apart.mean()), 3),
        "within one standard error": round(float((np.abs(apart) <= 1).mean()), 3),
        "within two": round(float((np.abs(apart) <= 2).mean()), 3),
    }
