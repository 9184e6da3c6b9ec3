"""What the data is, in words: the rows, their values, what contradicts itself, what was set aside and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from embeddings.bench.evidence import Evidence
from embeddings.bench.wording import counted, line_list, listed, number, percent, value_in
from embeddings.display.text import shortened
from embeddings.tables.sheet import SetAside

N_REASONS, REASON_SHOWN = 6, 160
SKEWED = 2.0
"""Values more skewed than this are said to be."""

DEALT_BY = {"given": "the folds of the table", "matbench": "the folds of MatBench"}
"""Whose folds may have a formula on both sides."""


def data_words(evidence: Evidence) -> Iterator[str]:
    """Yield sentences on the rows: how many, of what, with which values; and which were set aside, and why."""
    facts, data = evidence.facts, evidence.data
    yield (
        f"{counted(facts.n_rows, 'row')}, {counted(facts.n_formulas, 'formula')} in "
        f"{counted(facts.n_systems, 'chemical system')}, {counted(facts.n_elements, 'element')}."
    )
    yield from _class_shares(evidence) if data.is_classification else _value_words(evidence)
    if facts.n_repeats:
        yield f"{counted(facts.n_repeats, 'row', 'repeats')} the formula of another."
    yield from _seen_formulas(evidence)
    for formula, low, high, lines in facts.contradictions[:1]:
        more = f" ({len(facts.contradictions):,} formulas contradict themselves)" * (len(facts.contradictions) > 1)
        both = listed([data.classes[int(k)] if data.is_classification else value_in(k, data.unit) for k in (low, high)])
        yield f"{formula} is {both}, {line_list(lines, evidence.place)}{more}."
    if facts.other_unit:
        where = line_list(facts.other_unit, evidence.place)
        yield f"Values off by a factor of about 1,000, perhaps in another unit: {where}."
    for name, (symbols, n_rows) in facts.lacking.items():
        yield (
            f"{name} has no vector for {listed(symbols[:8])}{' and others' * (len(symbols) > 8)} "
            f"({counted(n_rows, 'row')}): the nearest element stands in."
        )
    yield from data.notes
    yield from aside_words(data.set_aside, evidence.place)
    if evidence.plan.split == "matbench" and data.set_aside:
        yield "MatBench scores every row of a task: without those, the scores are not quite those of its table."


def _seen_formulas(evidence: Evidence) -> Iterator[str]:
    """Say how many rows are tested by models that saw their formula, which only folds of a table allow."""
    formulas = evidence.data.formulas.astype(str)
    n = sum(int(np.isin(formulas[fold.test], formulas[fold.train]).sum()) for fold in evidence.contest.folds)
    if n:
        yield (
            f"{counted(n, 'row', 'was')} tested by models that trained on the same formula, as "
            f"{DEALT_BY.get(evidence.plan.split, 'the folds')} have it: for new formulas all errors here are too low."
        )


def _value_words(evidence: Evidence) -> Iterator[str]:
    low, fifth, median, high_fifth, high = evidence.facts.quantiles
    unit = f" {evidence.data.unit}" * bool(evidence.data.unit)
    yield (
        f"The median is {number(median)}{unit}; 90% of the values lie from {number(fifth)} to {number(high_fifth)}, "
        f"all from {number(low)} to {number(high)}."
    )
    if evidence.facts.share_of_zeros:
        yield f"{percent(evidence.facts.share_of_zeros)} of the values are exactly zero."
    if abs(evidence.facts.skew) > SKEWED:
        yield f"The values are skewed ({number(evidence.facts.skew, 2)})."


def _class_shares(evidence: Evidence) -> Iterator[str]:
    counts = evidence.facts.class_counts
    shares = [f"{shortened(name, 30)} {percent(n / len(evidence.data))}" for name, n in counts.items()]
    yield f"{counted(len(counts), 'class')}: {listed(shares)}."


def aside_words(rows: Iterable[SetAside], place: str = "line") -> Iterator[str]:
    """Yield a sentence on the rows that were set aside, by reason; none where there are none.

    Args:
        rows: those that were set aside.
        place: what their numbers count, "line" or "row".
    """
    by_reason = defaultdict[str, list[int]](list)
    for row in rows:
        by_reason[row.reason].append(row.line)
    if not by_reason:
        return
    common = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[1]))
    shown = [
        f"{line_list(lines, place)}: {shortened(reason.rstrip('.'), REASON_SHOWN)}"
        for reason, lines in common[:N_REASONS]
    ]
    more = f"; and {counted(len(common) - N_REASONS, 'other reason')}" * (len(common) > N_REASONS)
    yield f"{counted(sum(map(len, by_reason.values())), 'row')} set aside: {'; '.join(shown)}{more}."
