"""What the sizes of boosting and the columns of trees are chosen by: inner folds of training rows, on every set.

No row of the tested official fold, nor of the first outer fold elsewhere, is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
import numpy as np
from lightgbm import LGBMRegressor
from sklearn.ensemble import ExtraTreesRegressor

from benchmarks.bench.problem import REGRESSIONS, measured_set, quick_set, split_of
from benchmarks.harness import Request, refuse_other_settings
from embeddings.bench.candidates import Rescaled
from embeddings.bench.features import BASE, FeatureMaker
from embeddings.bench.folds import grouped_folds, outer_folds
from embeddings.bench.measurements import Measurements

FEATURES = f"{BASE}+size"
SEED = 0


def _boosting(n_trees: int, n_leaves: int, rate: float, **more: Any) -> Callable[[], Any]:
    return lambda: Rescaled(
        LGBMRegressor(
            n_estimators=n_trees, num_leaves=n_leaves, learning_rate=rate, min_child_samples=5, colsample_bytree=0.3,
            subsample=0.8, subsample_freq=1, reg_lambda=1.0, random_state=SEED, n_jobs=1, verbose=-1,
            deterministic=True, force_row_wise=True, **more,
        )
    )  # fmt: skip


def _trees(share: float) -> Callable[[], Any]:
    return lambda: Rescaled(ExtraTreesRegressor(100, max_features=share, random_state=SEED, n_jobs=1))


VARIANTS: Mapping[str, Callable[[], Any]] = {
    "boosting, 400 x 15": _boosting(400, 15, 0.04),
    "boosting, 800 x 31": _boosting(800, 31, 0.04),
    "boosting, 1200 x 63": _boosting(1200, 63, 0.03),
    "boosting, 600 x 63, 63 bins": _boosting(600, 63, 0.06, max_bin=63),
    "absolute loss, 400 x 15": _boosting(400, 15, 0.04, objective="l1"),
    "absolute loss, 600 x 63, 63 bins": _boosting(600, 63, 0.06, max_bin=63, objective="l1"),
    "trees, a third of the columns": _trees(0.33),
    "trees, all columns": _trees(1.0),
}
"""Trees and leaves of boosting; the share of columns that a split of extra trees looks at."""


def run(request: Request) -> dict[str, Any]:
    """Measure every variant on every set of numbers; what an earlier result has is not measured again.

    Raises:
        InputInvalid: the data are not there, or the earlier result was measured with other settings.
    """
    settings = {"features": FEATURES, "seed": SEED}
    refuse_other_settings(request.known, settings)
    rows = request.rows
    done = {(row["set"], row["variant"]) for row in rows}
    names = REGRESSIONS[:1] if request.quick else tuple(request.choices.get("sets") or REGRESSIONS)
    for name in names:
        data = quick_set(name) if request.quick else measured_set(request.data, name)
        for variant in tuple(VARIANTS)[:1] if request.quick else VARIANTS:
            if (name, variant) not in done:
                rows.append({"set": name, "variant": variant} | _measured(data, VARIANTS[variant]()))
                request.keep(_result(settings, rows))
        click.echo(f"{name}: every variant measured", err=True)
    return _result(settings, rows)


def _measured(data: Measurements, model: Any) -> dict[str, Any]:
    """Return the error on an inner fold, and how many rows were trained on."""
    rows = outer_folds(data, split_of(data))[0][0]
    train, test = (rows[part] for part in grouped_folds(data.formulas[rows], 4, SEED)[0])
    features = FeatureMaker({}).make(FEATURES, data.matrix)
    predicted = model.fit(features[train], data.values[train]).predict(features[test])
    return {"n": len(train), "mae": float(f"{np.abs(predicted - data.values[test]).mean():.4g}")}


def _result(settings: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    summary = []
    for name in dict.fromkeys(row["set"] for row in rows):
        of_set = [row for row in rows if row["set"] == name]
        errors = {row["variant"]: row["mae"] for row in of_set}
        summary.append({"set": name, "trained on": of_set[0]["n"]} | {one: errors.get(one, "") for one in VARIANTS})
    notes = [f"MAE on one inner fold of the training rows of the first outer fold. Features: {FEATURES}."]
    return {"settings": settings, "rows": rows, "summary": summary, "goals": [], "notes": notes}
