"""Simple heads on vectors of crystals, of which folds of the training rows choose one for each property; their errors.

A head is ridge regression, extra trees, or the mean of both, of the values as they are or of their logarithms.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold

from benchmarks.harness import Row
from benchmarks.readouts.tasks import Problem
from embeddings.bench.linear import ALPHAS, scaled
from embeddings.bench.paired import corrected_p, holm, outcome_of

N_TREES = 200
N_FOLDS = 3
"""Of the training formulas, by which a head is chosen."""

DECADE = 10.0
"""Logarithms are tried of values that are positive, and the largest of which is so many times the smallest."""


@dataclass(frozen=True)
class Fit:
    """What came of one kind of vectors in one split.

    Attributes:
        errors: (n_tested, n_properties) absolute errors of the chosen heads.
        ridge: (n_tested, n_properties) those of ridge regression on the values as they are.
        heads: of each property, the chosen one.
    """

    errors: np.ndarray
    ridge: np.ndarray
    heads: Sequence[str]


def compared(
    vectors: Iterable[tuple[str, np.ndarray]], problem: Problem, seen: np.ndarray, *, case: str, kind: str
) -> dict[str, Any]:
    """Learn all properties from every kind of vectors, and compare their errors with those of the first kind.

    Args:
        vectors: of all crystals, by name.
        problem: what is predicted.
        seen: (n,) bool, crystals whose formulas an encoder was trained on.
        case: whose progress is told.
        kind: of column that names the vectors.

    Returns:
        ``widths`` of the vectors; ``rows``, the errors of each kind, property and split; ``summary``, of each kind and
        property the mean, its spread, and what a paired test against the first kind says.
    """
    started = time.process_time()
    fits: dict[str, list[Fit]] = {}
    widths: dict[str, int] = {}
    for name, features in vectors:
        widths[name] = features.shape[1]
        fits[name] = [fit(features, problem, tested, seed) for seed, tested in enumerate(problem.tested)]
        click.echo(f"{case}, {name}: {time.process_time() - started:.0f} s", err=True)
    return {
        "widths": widths,
        "rows": list(rows_of(fits, problem, seen, kind)),
        "summary": summary_of(fits, problem, seen, kind),
    }


def fit(features: np.ndarray, problem: Problem, tested: np.ndarray, seed: int) -> Fit:
    """Learn from what is not tested, and predict what is.

    Folds of the training formulas choose the head of each property; it then learns from all training rows.
    """
    training, rows = np.flatnonzero(~tested), np.flatnonzero(tested)
    found = [_fit_one(features, values, problem.formulas, training, rows, seed) for values in problem.values.T]
    errors, ridge, heads = zip(*found, strict=True)
    return Fit(np.stack(errors, axis=1), np.stack(ridge, axis=1), heads)


def _fit_one(
    features: np.ndarray, values: np.ndarray, formulas: np.ndarray, training: np.ndarray, rows: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return absolute errors (n_tested,) of the chosen head and of ridge regression, and which head was chosen."""
    logarithms = spans_a_decade(values[training])

    def errors(learned: np.ndarray, told: np.ndarray) -> dict[str, np.ndarray]:
        predicted = predictions(features[learned], values[learned], features[told], seed, logarithms=logarithms)
        return {head: np.abs(one - values[told]) for head, one in predicted.items()}

    folds = GroupKFold(N_FOLDS).split(training, groups=formulas[training])
    inner = [errors(training[learned], training[told]) for learned, told in folds]
    chosen = min(inner[0], key=lambda head: sum(fold[head].sum() for fold in inner))
    outer = errors(training, rows)
    return outer[chosen], outer["ridge"], chosen


def spans_a_decade(values: np.ndarray) -> bool:
    """Whether logarithms of values (n,) exist and are worth a try."""
    return bool(values.min() > 0 and values.max() >= DECADE * values.min())


def predictions(
    features: np.ndarray, values: np.ndarray, others: np.ndarray, seed: int, *, logarithms: bool
) -> dict[str, np.ndarray]:
    """Return head -> (m,) what it predicts of others.

    Args:
        features: (n, width) to learn from.
        values: (n,) of the property, positive where ``logarithms`` is set.
        others: (m, width) to predict.
        seed: of the trees.
        logarithms: also learn logarithms. Their predictions stay within those of the values: what a line adds to a
            logarithm beyond them multiplies the value.
    """
    found = _of_scale(features, values, others, seed)
    if logarithms:
        logs = np.log10(values)
        for head, predicted in _of_scale(features, logs, others, seed).items():
            found[f"{head}, logarithm"] = 10 ** predicted.clip(logs.min(), logs.max())
    return found


def _of_scale(features: np.ndarray, values: np.ndarray, others: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    ridge = _predicted(scaled(RidgeCV(ALPHAS)), features.astype(np.float64), values, others.astype(np.float64))
    trees = ExtraTreesRegressor(N_TREES, max_features="sqrt", random_state=seed, n_jobs=1)
    by_trees = _predicted(trees, features, values, others)
    return {"ridge": ridge, "trees": by_trees, "ridge and trees": (ridge + by_trees) / 2}


def _predicted(model: Any, features: np.ndarray, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    predicted: np.ndarray = model.fit(features, values).predict(others)
    return predicted


def rows_of(fits: dict[str, list[Fit]], problem: Problem, seen: np.ndarray, kind: str) -> Iterator[Row]:
    """Yield the errors of every kind of vectors, property and split.

    Args:
        fits: kind of vectors -> what came of it in each split.
        problem: what was predicted.
        seen: (n,) bool, crystals whose formulas an encoder was trained on.
        kind: of column that names the vectors.
    """
    for readout, found in fits.items():
        for split, (one, tested) in enumerate(zip(found, problem.tested, strict=True)):
            new = ~seen[tested]
            for k, target in enumerate(problem.units):
                yield {
                    kind: readout, "target": target, "split": split, "head": one.heads[k],
                    "n_tested": int(tested.sum()), "n_unseen": int(new.sum()), "mae": _short(one.errors[:, k].mean()),
                    "mae_unseen": _short(one.errors[new, k].mean()) if new.any() else None,
                    "mae_ridge": _short(one.ridge[:, k].mean()),
                }  # fmt: skip


def summary_of(fits: dict[str, list[Fit]], problem: Problem, seen: np.ndarray, kind: str) -> list[Row]:
    """Return what came of each kind of vectors and property, compared with the first kind.

    Probabilities are raised for all comparisons of the case. The arguments are those of `rows_of`.
    """
    first = next(iter(fits))
    rows, differences = list[Row](), dict[str, float]()
    for readout, found in fits.items():
        for k, target in enumerate(problem.units):
            maes = [one.errors[:, k].mean() for one in found]
            unseen = [one.errors[~seen[tested], k] for one, tested in zip(found, problem.tested, strict=True)]
            plain = fits[first]
            apart = [one.errors[:, k] - other.errors[:, k] for one, other in zip(found, plain, strict=True)]
            by_formula = _by_formula(apart, problem)
            rows.append(
                {
                    kind: readout, "target": target, "mae": _short(np.mean(maes)),
                    "std": _short(np.std(maes, ddof=1)) if len(maes) > 1 else None,
                    "mae_unseen": _short(np.concatenate(unseen).mean()) if any(map(len, unseen)) else None,
                    "mae_ridge": _short(np.mean([one.ridge[:, k].mean() for one in found])),
                    "difference": _short(by_formula.mean()),
                }
            )  # fmt: skip
            if readout != first:
                differences[f"{readout}|{target}"] = corrected_p(by_formula, 0.0)
    raised = holm(differences)
    for row in rows:
        p = raised.get(f"{row[kind]}|{row['target']}", float("nan"))
        row["p"] = _short(p) if np.isfinite(p) else None
        row["outcome"] = outcome_of(row["difference"], p)
    return rows


def _by_formula(errors: Sequence[np.ndarray], problem: Problem) -> np.ndarray:
    """Return the mean over all tested rows of each formula, of all splits: rows of one formula are not independent."""
    formulas = np.concatenate([problem.formulas[tested] for tested in problem.tested])
    _, place = np.unique(formulas, return_inverse=True)
    return np.bincount(place, weights=np.concatenate(errors)) / np.bincount(place)


def _short(number: float) -> float:
    return float(f"{number:.5g}")
