"""Every readout under the same two heads: ridge regression and extra trees, chosen between on training rows alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV

from benchmarks.harness import Request
from benchmarks.readouts import peer
from benchmarks.readouts.readouts import READOUTS, Atoms, atoms_of, read_out
from benchmarks.readouts.tables import AGAIN
from benchmarks.readouts.tasks import Problem, held_out, made_up, pose
from builders.learning.devices import limit_threads
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from embeddings import load_uae
from embeddings.bench.linear import ALPHAS, scaled
from embeddings.bench.paired import corrected_p, holm, outcome_of
from embeddings.store.roots import resolve

CATALOG = "ct-multi"
PLAIN = next(iter(READOUTS))
"""What the others are compared with."""

AHEAD = ("mean, cell", "all layers")
"""What came out ahead, and is measured again."""

N_TREES = 200
WITH_PEER = ("aflow",)

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


def run(name: str, request: Request) -> dict[str, Any]:
    """Measure every readout on the crystals of a case.

    Args:
        name: of the case.
        request: of the harness; quick are 60 crystals that are made up.

    Returns:
        ``settings``; ``rows``, the errors of each readout, property and split; ``summary``, of each readout and
        property the mean, its spread, and what a paired test against the mean over atoms says; ``notes``.

    Raises:
        InputInvalid: the data are not there.
    """
    limit_threads()
    started = time.process_time()
    encoder, catalog = read_crystal_encoder(resolve(CATALOG)), load_uae(CATALOG)
    of, _, again = name.partition("-")
    problem = made_up() if request.quick else pose(of, request.data, encoder, draw=int(bool(again)))
    seen = np.isin(problem.formulas, catalog.overlap(sorted(set(problem.formulas))))
    notes = list(problem.notes)
    fits: dict[str, list[Fit]] = {}
    widths: dict[str, int] = {}
    for readout, features in _all_features(name, request, problem, atoms_of(encoder, problem.table), notes):
        widths[readout] = features.shape[1]
        fits[readout] = [fit(features, problem, tested, seed) for seed, tested in enumerate(problem.tested)]
        click.echo(f"{name}, {readout}: {time.process_time() - started:.0f} s", err=True)
    settings = {
        "catalog": f"{CATALOG}@{catalog.version}", "n_crystals": len(seen), "n_formulas": len(set(problem.formulas)),
        "n_seen": int(seen.sum()), "n_splits": len(problem.tested), "n_trees": N_TREES, "widths": widths,
        "units": problem.units, "cpu_seconds": round(time.process_time() - started),
    }  # fmt: skip
    return {
        "settings": settings,
        "rows": list(_rows(fits, problem, seen)),
        "summary": _summary(fits, problem, seen),
        "notes": notes,
    }


def _all_features(
    name: str, request: Request, problem: Problem, atoms: Atoms, notes: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    for readout in (PLAIN, *AHEAD) if name.endswith(AGAIN) else READOUTS:
        yield readout, read_out(atoms, readout)
    if name in WITH_PEER and not request.quick:
        if peer.is_there():
            vectors = peer.peer_vectors(problem.table)
            yield peer.name(), vectors
            yield f"{peer.name()}, cell", np.hstack([vectors, atoms.cells])
        else:
            notes.append(f"{peer.PEER}: not measured; it is not installed.")


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


def _rows(fits: dict[str, list[Fit]], problem: Problem, seen: np.ndarray) -> Iterator[Row]:
    for readout, found in fits.items():
        for split, (one, tested) in enumerate(zip(found, problem.tested, strict=True)):
            new = ~seen[tested]
            for k, target in enumerate(problem.units):
                yield {
                    "readout": readout, "target": target, "split": split, "head": one.heads[k],
                    "n_tested": int(tested.sum()), "n_unseen": int(new.sum()), "mae": _short(one.errors[:, k].mean()),
                    "mae_unseen": _short(one.errors[new, k].mean()) if new.any() else None,
                    "mae_ridge": _short(one.ridge[:, k].mean()),
                }  # fmt: skip


def _summary(fits: dict[str, list[Fit]], problem: Problem, seen: np.ndarray) -> list[Row]:
    """Return what came of each readout and property; probabilities are raised for all comparisons of the case."""
    rows, differences = list[Row](), dict[str, float]()
    for readout, found in fits.items():
        for k, target in enumerate(problem.units):
            maes = [one.errors[:, k].mean() for one in found]
            unseen = [one.errors[~seen[tested], k] for one, tested in zip(found, problem.tested, strict=True)]
            plain = fits[PLAIN]
            apart = [one.errors[:, k] - other.errors[:, k] for one, other in zip(found, plain, strict=True)]
            by_formula = _by_formula(apart, problem)
            rows.append(
                {
                    "readout": readout, "target": target, "mae": _short(np.mean(maes)),
                    "std": _short(np.std(maes, ddof=1)) if len(maes) > 1 else None,
                    "mae_unseen": _short(np.concatenate(unseen).mean()) if any(map(len, unseen)) else None,
                    "mae_ridge": _short(np.mean([one.ridge[:, k].mean() for one in found])),
                    "difference": _short(by_formula.mean()),
                }
            )  # fmt: skip
            if readout != PLAIN:
                differences[f"{readout}|{target}"] = corrected_p(by_formula, 0.0)
    raised = holm(differences)
    for row in rows:
        p = raised.get(f"{row['readout']}|{row['target']}", float("nan"))
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
