"""Whether one contender is better than another, or the difference is within the noise of the folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embeddings.bench.contest import Contest
from embeddings.bench.paired import Outcome, corrected_p, outcome_of


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
        return outcome_of(self.relative, self.p)


def difference(contest: Contest, contender: str, other: str) -> Difference:
    """Compare two contenders fold by fold, by the logarithm of the ratio of their losses.

    Ratios vary less from fold to fold than differences do: a fold of hard rows raises both losses. Folds share training
    rows, so that they are not independent: the variance is corrected as by Nadeau and Bengio, Mach. Learn. 52, 239
    (2003), and a paired t-test is made of it.
    """
    ours, theirs = contest.losses(contender), contest.losses(other)
    gains = np.log(ours / theirs) if ours.all() and theirs.all() else ours - theirs
    relative = float(ours.mean() / theirs.mean() - 1) if theirs.mean() else 0.0
    share = float(np.mean([len(fold.test) / len(fold.train) for fold in contest.folds]))
    return Difference(contender, other, relative, corrected_p(gains, share))
