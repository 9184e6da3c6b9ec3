"""What the runs of one set come to: the chosen model beside the forest, over folds and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from benchmarks.bench.goals import GOALS, Goal
from benchmarks.harness import Document

CHOSEN, FOREST = "chosen", "random forest on properties"


@dataclass(frozen=True)
class Outcome:
    """One set.

    Attributes:
        name: of it.
        metric: ``"mae"`` or ``"balanced_accuracy"``: what goals and published scores are in.
        score: of the chosen model, mean over folds and seeds.
        std: over folds, mean over seeds.
        seed_std: of the mean over folds, over seeds; None for one seed.
        forest: score of the forest on properties.
        lead: by which the chosen model is better than the forest, paired by fold; negative if it is worse.
        error: standard error of that over the folds of one seed, mean over seeds.
    """

    name: str
    metric: str
    score: float
    std: float
    seed_std: float | None
    forest: float
    lead: float
    error: float

    @property
    def is_class(self) -> bool:
        """Whether larger scores are better."""
        return self.metric == "balanced_accuracy"

    @property
    def is_better(self) -> bool:
        """Whether the chosen model is better than the forest, by however little."""
        return self.lead > 0

    @property
    def is_not_worse(self) -> bool:
        """Whether the chosen model is not worse than the forest by more than one standard error."""
        return self.lead >= -self.error

    def reached(self) -> list[tuple[Goal, bool]]:
        """Return every goal of the set, and whether it is met."""
        return [(goal, goal.is_met(self.score, is_class=self.is_class)) for goal in GOALS.get(self.name, ())]


def outcome_of(result: Document) -> Outcome:
    """Return what the runs of a set come to."""
    metric = "balanced_accuracy" if "balanced_accuracy" in result["rows"][0] else "mae"
    seeds = [run["seed"] for run in result["runs"]]
    ours, forest = ([_folds(result["rows"], who, seed, metric) for seed in seeds] for who in (CHOSEN, FOREST))
    sign = 1 if metric == "balanced_accuracy" else -1
    leads = [[sign * (a - b) for a, b in zip(*pair, strict=True)] for pair in zip(ours, forest, strict=True)]
    means = [mean(folds) for folds in ours]
    return Outcome(
        name=result["name"],
        metric=metric,
        score=mean(means),
        std=mean(map(_spread, ours)),
        seed_std=stdev(means) if len(means) > 1 else None,
        forest=mean(map(mean, forest)),
        lead=mean(map(mean, leads)),
        error=mean(_spread(folds) / len(folds) ** 0.5 for folds in leads),
    )


def _folds(rows: Sequence[dict[str, Any]], contender: str, seed: int, metric: str) -> list[float]:
    return [row[metric] for row in rows if row["contender"] == contender and row["seed"] == seed]


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0
