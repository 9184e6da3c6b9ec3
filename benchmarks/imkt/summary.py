"""What all tasks come to: the mean change by transfer, how often a contender wins, and the goals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import mean

from benchmarks import markdown
from benchmarks.harness import Document
from benchmarks.imkt.jarvis import NOT_PHYSICAL
from benchmarks.imkt.outcome import Key, Outcome, name_of, outcome_of
from benchmarks.imkt.tasks import CRABNET, SCRATCH, TASKS, TRANSFER, Family
from benchmarks.imkt.ways import MODELS, NOTHING

WORDS = {"": "all rows", "_new": "new formulas", "_seen": "seen", "_unseen": "unseen"}
"""Part of the rows -> what it is called."""

PUBLISHED: dict[Family, tuple[str, ...]] = {"jarvis": (SCRATCH, TRANSFER), "mp": (), "sets": (CRABNET,)}
"""Whose scores are counted, by family."""

SIZES = (2_000, 10_000, 20_000)
"""Rows at which tasks are told apart."""

GAIN, N_BEATEN = -0.15, 30
"""Goals: change of the mean error by transfer, and tasks of JARVIS below the best published transfer."""

Beats = Callable[[Outcome, Key], bool | None]


def contenders_of(outcomes: Sequence[Outcome]) -> list[Key]:
    """Return all contenders, models in the order of `MODELS`."""
    order, found = list(MODELS), {key for one in outcomes for key in one.scores}
    return sorted(found, key=lambda key: (order.index(key[0]), key[1]))


def gains(outcomes: Sequence[Outcome], family: Family) -> str:
    """Return a table of every contender over all tasks of a family."""
    columns = [
        "model", "encoder", "beside", "tasks", *(f"change, {words}" for words in WORDS.values()),
        "better", "clearly", "worse", "clearly worse", *(f"below {who}" for who in PUBLISHED[family]),
    ]  # fmt: skip
    return markdown.table(columns, [_line(outcomes, key, family) for key in contenders_of(outcomes)])


def verdict(results: Sequence[Document]) -> str:
    """Return in words how many tasks are measured and which goals are reached."""
    outcomes = [outcome_of(result) for result in results]
    lines = [f"{len(outcomes)} of {len(TASKS)} tasks are measured.", *_goals(outcomes)]
    return "\n".join(f"- {line}" for line in lines)


def _goals(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a sentence for each goal.

    The contender named is the one that is best over all tasks of the goal; of networks with and without transfer the
    one that is measured on most tasks, so that none is best by a single lucky one.
    """
    jarvis = [one for one in outcomes if TASKS[one.name].family == "jarvis"]
    if jarvis:
        best, n = _most(jarvis, lambda one, key: one.beats(key, TRANSFER))
        yield (
            f"Goal: one model below the best published transfer on {N_BEATEN} of 41 tasks of JARVIS; {name_of(best)} "
            f"is on {n} of {len(jarvis)} measured, {_met(n >= N_BEATEN)}."
        )
    changes = [
        (found, key)
        for key in contenders_of(outcomes)
        if MODELS[key[0]].is_network and (found := _mean_change(outcomes, key)) is not None
    ]
    if changes:
        (gain, n), best = min(changes, key=lambda one: (-one[0][1], one[0][0]))
        yield (
            f"Goal: error at least {-GAIN:.0%} below the same network without transfer; {name_of(best)} is at "
            f"{gain:+.1%}, mean over {n} tasks, {_met(gain <= GAIN)}. By rows of the task: {_by_rows(outcomes, best)}."
        )
    crabnet = [one for one in outcomes if TASKS[one.name].by_fold]
    if crabnet:
        best, n = _most(crabnet, Outcome.beats_crabnet)
        told = f"is {name_of(best)} on {n} of {len(crabnet)} tasks, more than any other" if n else "is none on any task"
        yield f"Below CrabNet in the same folds {told}."


def _by_rows(outcomes: Sequence[Outcome], key: Key) -> str:
    """Return the mean change by transfer of small and of large tasks, in words."""
    parts = []
    for low, high in pairwise((0, *SIZES, sys.maxsize)):
        some = [one for one in outcomes if low <= one.n_rows < high]
        if (found := _mean_change(some, key)) is not None:
            words = f"from {low:,}" if high == sys.maxsize else f"{low:,} to {high:,}"
            parts.append(f"{words} {found[0]:+.1%} ({found[1]} tasks)")
    return ", ".join(parts)


def _most(outcomes: Sequence[Outcome], beats: Beats) -> tuple[Key, int]:
    """Return the contender that wins on most tasks, the first of several, and on how many."""
    wins = {key: sum(bool(beats(one, key)) for one in outcomes) for key in contenders_of(outcomes)}
    best = max(wins, key=wins.__getitem__)
    return best, wins[best]


def _line(outcomes: Sequence[Outcome], key: Key, family: Family) -> list[str]:
    of = [one for one in outcomes if key in one.scores]
    rivals = {rival[0] for one in of if (rival := one.rival(key))}
    changes = [_mean_change(of, key, part) for part in WORDS]
    return [
        *key,
        ", ".join(rivals) or NOTHING,
        str(len(of)),
        *(NOTHING if found is None else f"{found[0]:+.1%}" for found in changes),
        *_wins(of, key),
        *(_beaten(of, key, who) for who in PUBLISHED[family]),
    ]


def _wins(outcomes: Sequence[Outcome], key: Key) -> list[str]:
    changes = [(change, one.is_clear(key)) for one in outcomes if (change := one.change(key)) is not None]
    if not changes:
        return [NOTHING] * 4
    better, worse = ([clear for change, clear in changes if sign * change < 0] for sign in (1, -1))
    return [str(len(better)), str(sum(better)), str(len(worse)), str(sum(worse))]


def _beaten(outcomes: Sequence[Outcome], key: Key, who: str) -> str:
    compared = [one for one in outcomes if one.beats(key, who) is not None]
    odd = [one for one in compared if one.name in NOT_PHYSICAL]
    n, n_odd = (sum(bool(one.beats(key, who)) for one in some) for some in (compared, odd))
    return f"{n} of {len(compared)}{f' ({n_odd} of {len(odd)} no properties)' if odd else ''}"


def _mean_change(outcomes: Sequence[Outcome], key: Key, part: str = "") -> tuple[float, int] | None:
    """Return the mean change on a part of the rows, and over how many tasks; None if none tells."""
    found = [change for one in outcomes if (change := one.change(key, part)) is not None]
    return (mean(found), len(found)) if found else None


def _met(is_met: bool) -> str:
    return "met" if is_met else "not met"
