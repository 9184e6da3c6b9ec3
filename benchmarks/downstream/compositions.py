"""Formulas alone: element vectors pooled over each formula, and two ordinary models on top, on MatBench's own folds.

Every table of element vectors is pooled with the same statistics and given to the same models. MatBench: Dunn et
al., npj Comput. Mater. 6, 138 (2020), 10.1038/s41524-020-00406-3; its official folds, on the compositions alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.downstream.element_tables import PUBLISHED
from benchmarks.downstream.vectors import NamedVectors, load_catalogs, load_vectors
from benchmarks.harness import Request, refuse_other_settings
from benchmarks.options import check_there
from embeddings.catalog import ElementCatalog
from embeddings.errors import InputInvalid
from embeddings.formula import fraction_matrix
from embeddings.pooling import featurize_compositions

TASKS = {
    "steels": "MAE, MPa",
    "jdft2d": "MAE, meV/atom",
    "phonons": "MAE, 1/cm",
    "dielectric": "MAE",
    "expt_gap": "MAE, eV",
    "log_gvrh": "MAE, log10(GPa)",
    "log_kvrh": "MAE, log10(GPa)",
    "perovskites": "MAE, eV/cell",
    "glass": "ROC-AUC",
    "expt_is_metal": "ROC-AUC",
}
"""Task -> what is measured; of each kind the cheapest first.

What the leaderboard calls ROC-AUC is the balanced accuracy of hard labels: these are not to be compared with it."""

QUICK_TASKS = ("steels", "expt_is_metal")
STATS = ("mean", "std", "min", "max")
MODELS = ("ridge", "gradient boosting")

MIN_VARIANCE = 1e-8
"""Columns that vary less than this among the training rows are left out of the ridge: it would fit their rounding."""

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-2, 5, 15))
BOOSTING = {"max_iter": 200, "learning_rate": 0.1, "max_leaf_nodes": 15, "max_bins": 63, "random_state": 0}
"""Smaller trees than the library's default, coarser bins, more rounds: splits are costly with hundreds of features."""


@dataclass(frozen=True, eq=False)
class Task:
    """One task of MatBench.

    Attributes:
        name: of the task.
        formulas: (n,) as the file spells them.
        values: (n,) float64, or bool where a class is asked for.
        folds: (n,) fold in which each row is tested.
    """

    name: str
    formulas: np.ndarray
    values: np.ndarray
    folds: np.ndarray


def read_task(folder: Path, name: str) -> Task:
    """Read ``matbench_NAME.parquet``.

    Raises:
        InputInvalid: the file is not there.
    """
    path = folder / f"matbench_{name}.parquet"
    check_there(path)
    table = pq.read_table(path, columns=["composition", "target", "fold"])
    return Task(name, *(table[column].to_numpy() for column in table.column_names))


def run(
    request: Request,
    *,
    catalogs: Sequence[str] = ("ct-multi",),
    tasks: Sequence[str] = (),
    models: Sequence[str] = MODELS,
) -> dict[str, Any]:
    """Compare element vectors pooled over formulas, catalogs and published tables, on MatBench.

    Args:
        request: of the harness; quick are two tasks, two folds, and random rows beside the catalogs.
        catalogs: names or paths of the catalogs to measure.
        tasks: names out of `TASKS`; all of them if empty.
        models: names out of `MODELS`.

    Returns:
        ``settings`` (with the overlap of each task), ``rows``: the score of each task, features, model
        and fold, over all rows and over those of formulas that no catalog was trained on; ``summary``: means and
        standard deviations over folds; ``notes``.

    Raises:
        EmbeddingsError: a file or a catalog cannot be read.
    """
    loaded = load_catalogs(catalogs)
    tables, notes = load_vectors(loaded, () if request.quick else PUBLISHED)
    names = tasks or (QUICK_TASKS if request.quick else tuple(TASKS))
    chosen = [read_task(request.data / "matbench", name) for name in names]
    seen = {task.name: seen_by_any(loaded, task.formulas) for task in chosen}
    overlaps = {task.name: _overlap(task, seen[task.name], tables) for task in chosen}
    ridge = {"alphas": ALPHAS, "min_variance": MIN_VARIANCE}
    settings = {"stats": STATS, "missing": "impute", "ridge": ridge, "boosting": BOOSTING, "tasks": overlaps}
    refuse_other_settings(request.known, settings)
    rows = request.rows
    done = {(row["task"], row["features"]) for row in rows}
    for task, table in product(chosen, tables):
        if (task.name, table.name) not in done:
            rows += measure(task, table, ~seen[task.name], models=models, n_folds=2 if request.quick else 5)
            request.keep({"settings": settings, "rows": rows, "notes": notes})
    return {"settings": settings, "rows": rows, "summary": summarize(rows), "notes": notes}


def _overlap(task: Task, seen: np.ndarray, tables: Sequence[NamedVectors]) -> dict[str, Any]:
    lacking = {table.name: n_with_a_stand_in(table, task.formulas) for table in tables}
    return {"n": len(seen), "n_seen": int(seen.sum()), "n_with_a_stand_in": lacking}


def seen_by_any(catalogs: Sequence[ElementCatalog], formulas: np.ndarray) -> np.ndarray:
    """Return whether any of the catalogs saw the formula in training, (n,) bool."""
    seen = {formula for catalog in catalogs for formula in catalog.overlap(formulas.tolist())}
    return np.array([formula in seen for formula in formulas])


def n_with_a_stand_in(table: NamedVectors, formulas: np.ndarray) -> int:
    """Return how many formulas contain an element that the table lacks; a neighbor in the periodic table stands in."""
    matrix = fraction_matrix(formulas)
    lacking = ~np.isin(matrix.atomic_numbers, table.atomic_numbers)
    return len(np.unique(np.repeat(np.arange(len(matrix)), matrix.n_elements)[lacking]))


def measure(
    task: Task, table: NamedVectors, unseen: np.ndarray, *, models: Sequence[str] = MODELS, n_folds: int = 5
) -> list[dict[str, Any]]:
    """Return a row for each model and fold of one task, with one table of element vectors."""
    features = featurize_compositions(task.formulas, table, stats=STATS, missing="impute")
    rows = []
    for model in models:
        started = time.process_time()
        for fold in range(n_folds):
            tested = task.folds == fold
            predicted = predict(model, features, task.values, tested)
            rows.append(_row(task, table.name, model, fold) | _scores(task.values[tested], predicted, unseen[tested]))
        click.echo(f"{task.name}, {table.name}, {model}: {time.process_time() - started:.1f} s of processor", err=True)
    return rows


def predict(model: str, features: np.ndarray, values: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Fit the rows that are not tested and predict the others: a value, or the score of a class, for each.

    Raises:
        InputInvalid: there is no model of this name.
    """
    training, wanted = features[~tested], values[~tested]
    if model == "ridge":
        ridge = make_pipeline(VarianceThreshold(MIN_VARIANCE), StandardScaler(), RidgeCV(ALPHAS))
        return ridge.fit(training, wanted.astype(float)).predict(features[tested])
    if model != "gradient boosting":
        raise InputInvalid(f'No model "{model}". There are: {", ".join(MODELS)}.')
    if values.dtype == bool:
        classifier = HistGradientBoostingClassifier(**BOOSTING).fit(training, wanted)
        return classifier.predict_proba(features[tested])[:, 1]
    return HistGradientBoostingRegressor(**BOOSTING).fit(training, wanted).predict(features[tested])


def summarize(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return mean and standard deviation over folds for each task, model and features."""
    keys = ("task", "metric", "model", "features")
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        dict(zip(keys, key, strict=True)) | _mean_and_std(group, "score") | _mean_and_std(group, "score_unseen")
        for key, group in groups.items()
    ]


def _mean_and_std(rows: Sequence[dict[str, Any]], column: str) -> dict[str, float | None]:
    values = [row[column] for row in rows if row[column] is not None]
    mean, std = (float(np.mean(values)), float(np.std(values))) if values else (None, None)
    return {column: mean, f"{column}_std": std}


def _row(task: Task, features: str, model: str, fold: int) -> dict[str, Any]:
    return {"task": task.name, "metric": TASKS[task.name], "features": features, "model": model, "fold": fold}


def _scores(actual: np.ndarray, predicted: np.ndarray, unseen: np.ndarray) -> dict[str, Any]:
    return {
        "score": _score(actual, predicted),
        "n_test": len(actual),
        "score_unseen": _score(actual[unseen], predicted[unseen]),
        "n_unseen": int(unseen.sum()),
    }


def _score(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return the area under the ROC curve for classes, else the mean absolute error; None where there is none."""
    if actual.dtype != bool:
        return float(mean_absolute_error(actual, predicted)) if len(actual) else None
    return float(roc_auc_score(actual, predicted)) if len(set(actual.tolist())) == 2 else None
