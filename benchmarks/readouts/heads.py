"""Two heads on vectors of crystals, ridge regression and extra trees, of which training rows choose; their errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV

from benchmarks.readouts.tasks import Problem, held_out
from embeddings.bench.linear import ALPHAS, scaled
from embeddings.bench.paired import corrected_p, holm, outcome_of

N_TREES = 200

Row = dict[str, Any]


@dataclass(frozen=True)
class Fit:
    """What came of one readout in one split.

    Attributes:
        errors: (n_tested, n_properties) absolute errors of the chosen heads.
        ridge: (n_tested, n_properties) those of ridge regression.
        heads: of each property, the chosen one.
    """

    errors: np.ndarray
    ridge: np.ndarray
    heads: Sequence[str]


def fit(features: np.ndarray, problem: Problem, tested: np.ndarray, seed: int) -> Fit:
    """Learn from what is not tested, and predict what is.

    A third of the training formulas is held out to choose the head of each property; the chosen one then learns from
    all training rows.
    """
    training = np.flatnonzero(~tested)
    tried = held_out(problem.formulas[training], seed + 1)
    inner, held = training[~tried], training[tried]
    values, rows = problem.values, np.flatnonzero(tested)
    by_ridge = _ridge_errors(features, values, inner, held).mean(axis=0)
    ridge = _ridge_errors(features, values, training, rows)
    errors, heads = ridge.copy(), ["ridge"] * values.shape[1]
    for k in range(values.shape[1]):
        if _tree_errors(features, values[:, k], inner, held, seed).mean() < by_ridge[k]:
            errors[:, k], heads[k] = _tree_errors(features, values[:, k], training, rows, seed), "trees"
    return Fit(errors, ridge, heads)


def _ridge_errors(features: np.ndarray, values: np.ndarray, training: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Return absolute errors (n_tested, n_properties); each property has its own penalty."""
    model = scaled(RidgeCV(ALPHAS, alpha_per_target=True))
    wide = features.astype(np.float64)
    model.fit(wide[training], values[training])
    return np.abs(model.predict(wide[tested]).reshape(len(tested), -1) - values[tested])


def _tree_errors(
    features: np.ndarray, values: np.ndarray, training: np.ndarray, tested: np.ndarray, seed: int
) -> np.ndarray:
    """Return absolute errors (n_tested,)."""
    model = ExtraTreesRegressor(N_TREES, max_features="sqrt", random_state=seed, n_jobs=1)
    model.fit(features[training], values[training])
    return np.abs(model.predict(features[tested]) - values[tested])


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
