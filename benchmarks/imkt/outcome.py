"""What the rows of a task come to: each contender over folds and seeds, beside its rival without transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

import numpy as np

from benchmarks.harness import Document
from benchmarks.imkt.figures import PARTS
from benchmarks.imkt.tasks import TASKS
from benchmarks.imkt.ways import MODELS, NOTHING, rival_of
from embeddings.bench.paired import LEVEL, corrected_p

MIN_ROWS = 10
"""Errors on fewer rows of a part say nothing."""

Key = tuple[str, str]
"""A model, and the encoder that it was given."""


@dataclass(frozen=True)
class Score:
    """One contender on one task.

    Attributes:
        mae: part of the rows -> mean absolute error, mean over folds and seeds; None of fewer than `MIN_ROWS`.
        spread: standard deviation over folds, or over seeds of a single split; None where there is one value.
        by_fold: mean absolute error of each fold, mean over seeds.
        n_seeds: how many seeds.
    """

    mae: Mapping[str, float | None]
    spread: float | None
    by_fold: tuple[float, ...]
    n_seeds: int

    @property
    def error(self) -> float:
        """Mean absolute error on all tested rows."""
        found = self.mae[""]
        return float("nan") if found is None else found


@dataclass(frozen=True)
class Outcome:
    """One task.

    Attributes:
        name: of it.
        scores: of every contender.
        architectures: encoder -> its architecture.
        p: (contender, other contender) -> probability that they differ by chance.
        n_tested: part of the rows -> how many are tested, in all folds.
        n_rows: of the task, all together.
    """

    name: str
    scores: Mapping[Key, Score]
    architectures: Mapping[str, str]
    p: Mapping[tuple[Key, Key], float]
    n_tested: Mapping[str, int]
    n_rows: int

    def rival(self, key: Key) -> Key | None:
        """Return the rival of a contender without transfer; None if there is none or it is not measured."""
        found = rival_of(*key, self.architectures) if key[1] in self.architectures else None
        return found if found in self.scores else None

    def change(self, key: Key, part: str = "") -> float | None:
        """Return by which share the error is above that of the rival; None where that cannot be said."""
        rival = self.rival(key)
        if rival is None or key not in self.scores:
            return None
        ours, theirs = self.scores[key].mae[part], self.scores[rival].mae[part]
        return None if ours is None or not theirs else ours / theirs - 1

    def is_clear(self, key: Key) -> bool:
        """Whether a contender differs from its rival by more than chance."""
        rival = self.rival(key)
        return rival is not None and self.p.get((key, rival), 1.0) < LEVEL

    def beats(self, key: Key, published: str) -> bool | None:
        """Whether a contender is below a published error; None where either is missing."""
        known = TASKS[self.name].published.get(published)
        return self.scores[key].error < known if known is not None and key in self.scores else None

    def beats_crabnet(self, key: Key) -> bool | None:
        """Whether a contender is below CrabNet in the same folds; None where either is missing."""
        theirs = TASKS[self.name].by_fold
        return self.scores[key].error < mean(theirs) if theirs and key in self.scores else None

    def p_of_crabnet(self, key: Key) -> float | None:
        """Return the probability that a contender differs from CrabNet by chance, over the official folds."""
        theirs, ours = TASKS[self.name].by_fold, self.scores[key].by_fold
        if len(theirs) < 2 or len(theirs) != len(ours):
            return None
        return corrected_p(np.array(ours) - np.array(theirs), 1 / (len(ours) - 1))


def name_of(key: Key) -> str:
    """Return what a contender is called."""
    return key[0] if key[1] == NOTHING else f"{key[0]}, {key[1]}"


def outcome_of(result: Document) -> Outcome:
    """Return what the rows of a task come to."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    for row in result["rows"]:
        groups.setdefault((row["model"], row["encoder"]), []).append(row)
    order = list(MODELS)
    keys = sorted(groups, key=lambda key: (order.index(key[0]), key[1]))
    some = groups[keys[0]]
    first = [row for row in some if row["seed"] == some[0]["seed"]]
    return Outcome(
        name=result["name"],
        scores={key: _score(groups[key]) for key in keys},
        architectures={name: one["architecture"] for name, one in result["encoders"].items()},
        p={
            ((one["model"], one["encoder"]), (one["other_model"], one["other_encoder"])): one["p"]
            for one in result["pairs"]
            if one["p"] is not None
        },
        n_tested={part: sum(row[f"n{part}"] for row in first) for part in PARTS},
        n_rows=result["settings"]["n_rows"],
    )


def _score(rows: Sequence[dict[str, Any]]) -> Score:
    seeds, folds = sorted({row["seed"] for row in rows}), sorted({row["fold"] for row in rows})
    by_fold = [mean(row["mae"] for row in rows if row["fold"] == fold) for fold in folds]
    by_seed = [mean(row["mae"] for row in rows if row["seed"] == seed) for seed in seeds]
    several = by_fold if len(by_fold) > 1 else by_seed
    parts = {part: _over_rows(rows, part) for part in PARTS if part}
    spread = stdev(several) if len(several) > 1 else None
    return Score({"": mean(by_fold)} | parts, spread, tuple(by_fold), len(seeds))


def _over_rows(rows: Sequence[dict[str, Any]], part: str) -> float | None:
    """Return the error on some of the rows, each counted alike, as a fold may have few of them."""
    found = [(row[f"n{part}"], row[f"mae{part}"]) for row in rows if row[f"n{part}"]]
    n_rows, n_seeds = sum(n for n, _ in found), len({row["seed"] for row in rows})
    return sum(n * mae for n, mae in found) / n_rows if n_rows >= MIN_ROWS * n_seeds else None
