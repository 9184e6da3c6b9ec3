"""Whether one contender is better than another, or the difference is within the noise of the folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

from embeddings.bench.contest import Contest

LEVEL = 0.05
"""A difference less likely than this by chance is called one."""

Outcome = Literal["better", "worse", "within noise"]


@dataclass(frozen=True)
class Difference:
    """How one contender's loss differs from another's over the outer folds.

    Attributes:
        contender: the one.
        other: the other.
        relative: mean difference over the other's loss; negative is better.
        p: probability of a difference this large by chance; NaN for a single fold.
        outcome: in words.
    """

    contender: str
    other: str
    relative: float
    p: float

    @property
    def outcome(self) -> Outcome:
        """In words."""
        if not self.p < LEVEL:
            return "within noise"
        return "better" if self.relative < 0 else "worse"


def difference(contest: Contest, contender: str, other: str) -> Difference:
    """Compare two contenders fold by fold.

    Folds share training rows, so that their differences are not independent: the variance is corrected as by Nadeau and
    Bengio, Mach. Learn. 52, 239 (2003), and a paired t-test is made of it.
    """
    ours, theirs = contest.losses(contender), contest.losses(other)
    relative = float(ours.mean() / theirs.mean() - 1) if theirs.mean() else 0.0
    share = float(np.mean([len(fold.test) / len(fold.train) for fold in contest.folds]))
    return Difference(contender, other, relative, corrected_p(ours - theirs, share))


def corrected_p(differences: np.ndarray, share: float) -> float:
    """Return the two-sided probability of paired differences, (n_folds,), under no difference.

    Args:
        differences: of each fold.
        share: rows tested over rows trained on.
    """
    n = len(differences)
    if n < 2:
        return float("nan")
    variance = float(differences.var(ddof=1)) * (1 / n + share)
    if variance == 0:
        return 1.0 if differences.mean() == 0 else 0.0
    return float(2 * student.sf(abs(differences.mean()) / np.sqrt(variance), n - 1))
