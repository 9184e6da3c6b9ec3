"""What a contest came to, in figures: scores by fold, mean and spread, seen and unseen rows, probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bench.floors import FLOORS
from embeddings.bench.comparison import difference
from embeddings.bench.contest import CHOSEN, Contest
from embeddings.bench.facts import is_seen
from embeddings.bench.findings import MIN_UNSEEN, Findings
from embeddings.bench.paired import corrected_p
from embeddings.bench.scores import kinds

if TYPE_CHECKING:
    from embeddings.bench.features import Vectors

COVERAGE = 0.9


def fold_rows(contest: Contest) -> list[dict[str, Any]]:
    """Return a row with all scores for each contender and outer fold."""
    found = []
    for contender in contest.contenders:
        scores = scores_by_fold(contest, contender)
        for k, fold in enumerate(contest.folds):
            best = fold.choice.best_of(contender)
            row = {"contender": contender, "fold": k, "n": len(fold.test), "model": str(best) if best else None}
            found.append(row | {name: _plain(values[k]) for name, values in scores.items()})
    return found


def figures_of(contest: Contest, findings: Findings | None, vectors: Mapping[str, Vectors]) -> dict[str, Any]:
    """Return the figures of a run.

    Args:
        contest: with the floors.
        findings: of the same contest; None if there are none.
        vectors: those that took part, by name.
    """
    seen = seen_rows(contest, vectors)
    return {
        "scores": {name: _spreads(contest, name) for name in contest.contenders},
        "seen": {
            "n_rows": None if seen is None else int(seen.sum()),
            "seen": _on(contest, seen),
            "unseen": _on(contest, None if seen is None else ~seen),
        },
        "p": {name: _probabilities(contest, name) for name in contest.contenders if name in FLOORS},
        "members": {} if findings is None else {str(one): round(w, 4) for one, w in findings.members.items()},
        "interval_coverage": None if findings is None or contest.data.is_classification else _coverage(findings),
    }


def scores_by_fold(contest: Contest, contender: str) -> dict[str, np.ndarray]:
    """Return score -> (n_folds,) of a contender."""
    values = contest.data.values
    return {
        name: np.array([score(fold.predicted[contender], values[fold.test]) for fold in contest.folds])
        for name, score in kinds(contest.data.is_classification).items()
    }


def seen_rows(contest: Contest, vectors: Mapping[str, Vectors]) -> np.ndarray | None:
    """Return which rows the training of any of the vectors saw, (n,) bool; None where one of them does not tell."""
    told = [is_seen(contest.data, one) for one in vectors.values()]
    if any(one is None for one in told):
        return None
    return np.any([np.zeros(len(contest.data), dtype=bool), *told], axis=0)


def _spreads(contest: Contest, contender: str) -> dict[str, dict[str, float | None]]:
    return {
        name: {"mean": _plain(values.mean()), "std": _plain(values.std(ddof=1)) if len(values) > 1 else None}
        for name, values in scores_by_fold(contest, contender).items()
    }


def _on(contest: Contest, asked: np.ndarray | None) -> dict[str, dict[str, float | None]]:
    """Return contender -> scores over all tested rows out of those asked for; nothing of too few rows."""
    if asked is None:
        return {}
    found = {}
    for contender in contest.contenders:
        rows, predicted = contest.predictions(contender)
        if (there := asked[rows]).sum() >= MIN_UNSEEN:
            values = contest.data.values[rows[there]]
            scores = kinds(contest.data.is_classification)
            found[contender] = {name: _plain(score(predicted[there], values)) for name, score in scores.items()}
    return found


def _probabilities(contest: Contest, other: str) -> dict[str, float | None]:
    """Return score -> probability that the chosen model differs from another by chance.

    Of what is minimized it is that of the report, over logarithms of ratios; of other scores over differences.
    """
    ours, theirs = scores_by_fold(contest, CHOSEN), scores_by_fold(contest, other)
    share = float(np.mean([len(fold.test) / len(fold.train) for fold in contest.folds]))
    found = {name: corrected_p(ours[name] - theirs[name], share) for name in ours}
    found[next(iter(ours))] = difference(contest, CHOSEN, other).p
    return {name: _plain(p) for name, p in found.items()}


def _coverage(findings: Findings) -> float | None:
    """Return the share of rows in intervals as wide as 90% of the errors of the other folds."""
    found = dict(zip(findings.calibration.promised, findings.calibration.found, strict=True))
    return found.get(COVERAGE)


def _plain(number: float) -> float | None:
    return float(f"{number:.6g}") if np.isfinite(number) else None
