"""The verdict in words: what the data is, which model was chosen, and which vectors help; short, and honest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embeddings.bench.comparison import Difference
from embeddings.bench.contest import BASELINE, CHOSEN
from embeddings.bench.curve import Curve
from embeddings.bench.data_words import data_words
from embeddings.bench.evidence import Evidence
from embeddings.bench.findings import WITHOUT, Findings, Gain, Sight
from embeddings.bench.finetuned import FINETUNED, can_tune
from embeddings.bench.scores import Spread
from embeddings.bench.wording import (
    SCORE_WORDS,
    candidate_words,
    contender_words,
    counted,
    feature_words,
    listed,
    number,
    percent,
    probability,
    value_in,
)
from embeddings.display.text import shortened
from embeddings.installation import install_hint

N_MEMBERS = 3
N_ROWS_TOLD = 5
PROMISING = 0.05
"""A gain that is larger than this, though within noise, is worth more repeats."""

MIN_POINTS = 3
"""A power law through fewer points fits whatever they are."""

FAR = 10.0
"""A learning curve is not read beyond so many times the rows that there are."""

SPLIT_WORDS = {
    "formula": "every formula is tested by models that never saw it",
    "system": "every chemical system is tested by models that never saw it",
    "element": "each fold tests on formulas of an element that its model never saw",
    "time": "each fold tests on what was measured later",
    "given": "the table gives the folds",
    "matbench": "the official folds of MatBench",
}


@dataclass(frozen=True)
class Section:
    """A heading and its sentences."""

    title: str
    sentences: tuple[str, ...]


def verdict(evidence: Evidence) -> tuple[Section, ...]:
    """Return what is to be said, in the order in which it matters."""
    made = [("Left out", _left_out(evidence)), ("Data", data_words(evidence))]
    if evidence.findings is not None:
        made += [
            ("Model", _model(evidence, evidence.findings)),
            ("Which vectors help", _vectors(evidence, evidence.findings)),
            ("What the vectors saw", _seen(evidence, evidence.findings)),
            ("More rows", _rows(evidence, evidence.findings)),
            ("Rows to check", _outliers(evidence, evidence.findings)),
        ]
    sections = [Section(title, tuple(sentences)) for title, sentences in made]
    return tuple(one for one in sections if one.sentences)


def _left_out(evidence: Evidence) -> Iterator[str]:
    plan, contest = evidence.plan, evidence.contest
    done, n_skipped = len(contest.folds), sum(fold.choice.n_skipped for fold in contest.folds)
    if evidence.was_stopped:
        yield f"It was stopped: this holds {done} of {counted(plan.n_folds, 'fold')}."
    if contest.was_cut and (n_skipped or not evidence.was_stopped):
        fold_words = (
            f"{done} of {counted(plan.n_folds, 'fold')} were done"
            if done < plan.n_folds and not evidence.was_stopped
            else ""
        )
        fit_words = f"{counted(n_skipped, 'candidate', 'was')} not tried or not on all inner folds" if n_skipped else ""
        said = listed([part for part in (fold_words, fit_words) if part])
        yield f"The budget of {number(plan.budget or 0)} s ended first: {said}. With more time the error may be lower."
    if evidence.findings is not None and all(one.head == "mean" for one in evidence.findings.members):
        yield (
            "No model was better than the baseline among those tried."
            if not contest.was_cut
            else ("There was no time for one model: all that follows is the baseline's. Give it a larger budget.")
        )
    if FINETUNED in contest.settings.heads and plan.catalogs and not can_tune():
        yield f'The head "{FINETUNED}" took no part: torch is not installed. Install it with: {install_hint("build")}'
    if evidence.curve_was_cut:
        yield "There was no time for the whole learning curve."
    if plan.n_rows > len(evidence.data):
        yield f"Of {counted(plan.n_rows, 'row')}, {len(evidence.data):,} took part, drawn at random by formula."


def _model(evidence: Evidence, findings: Findings) -> Iterator[str]:
    members = [f"{candidate_words(one)} ({percent(w)})" for one, w in list(findings.members.items())[:N_MEMBERS]]
    n_more = len(findings.members) - N_MEMBERS
    more = f", and {counted(n_more, 'member')} of less weight" * (n_more > 0)
    yield f"Inner folds chose {listed(members)}{more}."
    yield from _unseen_first(evidence, findings)
    n_folds = len(evidence.contest.folds)
    spread = f"standard deviation over {counted(n_folds, 'fold')}" if n_folds > 1 else "one fold, so without a spread"
    n_tested = len({int(row) for fold in evidence.contest.folds for row in fold.test})
    where = "On all rows" if n_tested == len(evidence.data) else f"On the {counted(n_tested, 'row')} tested"
    yield f"{where}: {_score_list(findings.scores[CHOSEN], evidence)} ({spread}; {_split(evidence)})."
    over = findings.chosen_over.get(BASELINE)
    if over is not None:
        loss = _main(findings.scores[BASELINE], evidence)
        name = contender_words(BASELINE, is_classification=evidence.data.is_classification)
        yield f"{name[0].upper()}{name[1:]} gives {loss}; the model's error is {_outcome(over)}."
        if over.outcome != "better" and np.isfinite(over.p):
            cut = evidence.contest.was_cut
            yield (
                "The search was cut short: give it a longer --budget before you conclude."
                if cut
                else ("Nothing sure was learned: by chance alone it may be no better than that.")
            )
    without = findings.chosen_over.get(WITHOUT)
    if without is not None and findings.vectors:
        loss = _main(findings.scores[WITHOUT], evidence)
        yield f"{WITHOUT[0].upper()}{WITHOUT[1:]} the best gives {loss}; the model's error is {_outcome(without)}."


def _split(evidence: Evidence) -> str:
    return SPLIT_WORDS[evidence.plan.split] + ", nor chosen by it" * (evidence.plan.split in ("formula", "system"))


def _unseen_first(evidence: Evidence, findings: Findings) -> Iterator[str]:
    """Say first what the error is on rows that are new to the vectors too."""
    for sight in findings.sights:
        if sight.contender == CHOSEN and sight.unseen is not None and sight.share_seen:
            yield (
                f"On the {counted(sight.n_unseen, 'row')} that its vectors ({listed(sight.vectors)}) never saw: "
                f"{_loss_name(evidence)} {value_in(sight.unseen, _loss_unit(evidence))}."
            )


def _score_list(scores: dict[str, Spread], evidence: Evidence) -> str:
    """Return every score with its spread: of classes the two that people compare by come first."""
    names = ["auc", "balanced_accuracy", "log_loss"] if evidence.data.is_classification else list(scores)
    return listed([_score(name, scores[name], evidence) for name in names])


def _score(name: str, spread: Spread, evidence: Evidence) -> str:
    unit = f" {evidence.data.unit}" * (bool(evidence.data.unit) and name in ("mae", "rmse"))
    give = f" \u00b1 {number(spread.std, 2)}" * bool(np.isfinite(spread.std))
    return f"{SCORE_WORDS[name]} {number(spread.mean)}{give}{unit}"


def _main(scores: dict[str, Spread], evidence: Evidence) -> str:
    return value_in(next(iter(scores.values())).mean, _loss_unit(evidence))


def _loss_name(evidence: Evidence) -> str:
    return SCORE_WORDS["log_loss" if evidence.data.is_classification else "mae"]


def _loss_unit(evidence: Evidence) -> str:
    return "" if evidence.data.is_classification else evidence.data.unit


def _outcome(found: Difference, than: str = "") -> str:
    """Return how an error differs: ``"12% lower (p = 0.01)"``, or that this is within noise."""
    if not found.relative:
        return f"the same{f' as {than}' if than else ''}"
    size = (
        f"{percent(abs(found.relative))} {'lower' if found.relative < 0 else 'higher'}{f' than {than}' if than else ''}"
    )
    if np.isnan(found.p):
        return f"{size}, which one fold cannot test"
    return f"{size}{', within noise' * (found.outcome == 'within noise')} ({probability(found.p)})"


def _vectors(evidence: Evidence, findings: Findings) -> Iterator[str]:
    if not evidence.plan.catalogs and not evidence.plan.structures:
        yield "No catalog took part."
    for gain in findings.gains:
        yield _gain(gain)
    helping = [gain.vectors for gain in findings.gains if helps(gain)]
    tested = [gain for gain in findings.gains if gain.over_without is not None and np.isfinite(gain.over_without.p)]
    if tested and not helping:
        promising = any(gain.over_without.relative < -PROMISING for gain in tested if gain.over_without is not None)
        advice = "--repeats 5 may tell" if promising else "a model without vectors does as well here"
        yield f"None of them is significantly better than the best without vectors: {advice}."


def helps(gain: Gain) -> bool:
    """Whether vectors lower the error, by more than chance, below that of the best without them."""
    return gain.over_without is not None and gain.over_without.outcome == "better"


def _gain(gain: Gain) -> str:
    if gain.over_without is None:
        return f"{gain.vectors} was not tried in every fold."
    head = "helps" if helps(gain) else "hurts" if gain.over_without.outcome == "worse" else "makes no sure difference"
    over = _outcome(gain.over_without, "that of the best without vectors")
    if gain.over_fractions is not None:
        over = f"{over}; {_outcome(gain.over_fractions, 'that of element fractions alone')}"
    return f"{gain.vectors} {head}: its error is {over}."


def _seen(evidence: Evidence, findings: Findings) -> Iterator[str]:
    for sight in findings.sights:
        if sight.contender != CHOSEN:
            yield _sight(sight, evidence)


def _sight(sight: Sight, evidence: Evidence) -> str:
    name, unit = listed(sight.vectors), _loss_unit(evidence)
    if sight.share_seen is None:
        return f"{name} does not tell which formulas its training saw."
    if not sight.share_seen:
        return f"The training of {name} saw none of these formulas."
    said = f"The training of {name} saw {percent(sight.share_seen)} of these formulas"
    if sight.unseen is None:
        return f"{said}, too many to tell the error on others."
    without = f" ({value_in(sight.unseen_without, unit)} without vectors)" if sight.unseen_without is not None else ""
    seen = f", {value_in(sight.seen, unit)} on those that it saw" if sight.seen is not None else ""
    return f"{said}; {_loss_name(evidence)} on the other rows: {value_in(sight.unseen, unit)}{without}{seen}."


def _rows(evidence: Evidence, findings: Findings) -> Iterator[str]:
    if not evidence.curves or not evidence.curves[0].n_rows:
        return
    now, best = evidence.curves[0].n_rows[-1], evidence.curves[-1]
    if len(best.n_rows) < MIN_POINTS:
        return
    if np.isfinite(best.exponent) and best.exponent > 0:
        less = 1 - 2 ** (-best.exponent)
        yield (
            f"Doubling the rows may lower the error by about {percent(less)}, read off a power law through "
            f"{counted(len(best.n_rows), 'point')} ({feature_words(best.features)})."
        )
    elif np.isfinite(best.exponent):
        yield "The error does not fall with more rows of this kind: better features would help, or cleaner values."
    chosen = next(iter(findings.scores[CHOSEN].values())).mean
    over = findings.chosen_over.get(WITHOUT)
    if findings.vectors and over is not None and over.outcome == "better" and chosen < evidence.curves[0].losses[-1]:
        yield _without_vectors(evidence.curves[0], chosen, now)


def _without_vectors(base: Curve, loss: float, now: int) -> str:
    """Say how many rows would make up for vectors."""
    wanted, name = base.rows_for(loss), feature_words(base.features)
    if wanted > FAR * now:
        return f"{name[0].upper()}{name[1:]} alone would need more than {FAR:.0f} times the rows to reach this error."
    rounded = int(np.ceil(wanted / 10 ** (d := max(0, int(np.log10(wanted)) - 1)))) * 10**d
    return f"With about {rounded:,} rows to train on instead of {now:,}, {name} alone would reach this error."


def _outliers(evidence: Evidence, findings: Findings) -> Iterator[str]:
    place = evidence.place.capitalize()
    for one in findings.outliers[:N_ROWS_TOLD]:
        formula = shortened(one.formula)
        if isinstance(one.value, str) or isinstance(one.predicted, str):
            wrong = f"is {one.value}, called {one.predicted}; its class was given {percent(1 - one.error)}"
            yield f"{place} {one.line}: {formula} {wrong}."
        else:
            value, predicted = (value_in(said, _loss_unit(evidence)) for said in (one.value, one.predicted))
            yield f"{place} {one.line}: {formula} is {value}, predicted {predicted}."
